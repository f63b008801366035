/* case.h: a guest program of many small cases, for tests of `tc sandbox`.
 *
 *   static void one_thing(void) { expect_is(sys(getppid), 1); say("seen %d\n", 7); }
 *   const struct guest_case guest_cases[] = {{"one_thing", one_thing, ""}, {0}};
 *
 * usage of every such program: PROGRAM CASE, or PROGRAM alone, which lists the cases, one a line,
 * with their flags: `sandbox` (only there: natively it would take hours or never end), `cpuid`
 * (only there, and where the processor lets CPUID be answered), `hangs` (waits in a way that nobody
 * can prove to be waiting), `apart` (has a test of its own). exit status: 0, 1 the kernel did not
 * do what a case knows it must (a line says what), 2 no such case.
 *
 * Nothing here needs a C library: system calls are made raw, and answer an errno negated. */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/types.h>

struct guest_case {
  const char* name;
  void (*run)(void);
  const char* flags;
};
extern const struct guest_case guest_cases[]; /* ends with a nameless one */

/* --- system calls -------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) long raw_call(long number, long a, long b, long c,
                                                           long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

#define RAW_CALL_PADDED(number, a, b, c, d, e, f, ...) \
  raw_call(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* sys(read, 0, buffer, 1): the result, or an errno negated. */
#define sys(name, ...) RAW_CALL_PADDED(SYS_##name __VA_OPT__(, ) __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* --- text ---------------------------------------------------------------------------------- */

static inline size_t text_length(const char* text) {
  size_t length = 0;
  while (text[length] != 0) ++length;
  return length;
}

static inline int text_is(const char* a, const char* b) {
  while (*a != 0 && *a == *b) ++a, ++b;
  return *a == *b;
}

struct text {
  char bytes[4096];
  size_t length;
};

static inline void text_add(struct text* text, const char* more, size_t length) {
  for (size_t i = 0; i < length && text->length < sizeof text->bytes; ++i)
    text->bytes[text->length++] = more[i];
}

static inline void text_add_number(struct text* text, unsigned long value, unsigned base) {
  char digits[24];
  size_t count = 0;
  do {
    digits[sizeof digits - ++count] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  text_add(text, digits + sizeof digits - count, count);
}

/* %d int, %ld long, %x %lx in hexadecimal, %s, %c. */
static inline void text_add_formatted(struct text* text, const char* format, va_list values) {
  for (; *format != 0; ++format) {
    if (*format != '%') {
      text_add(text, format, 1);
      continue;
    }
    ++format;
    const int is_long = *format == 'l';
    if (is_long) ++format;
    if (*format == 's') {
      const char* word = va_arg(values, const char*);
      text_add(text, word, text_length(word));
    } else if (*format == 'c') {
      const char letter = (char)va_arg(values, int);
      text_add(text, &letter, 1);
    } else {
      const long value = is_long ? va_arg(values, long) : va_arg(values, int);
      if (*format == 'd' && value < 0) text_add(text, "-", 1);
      text_add_number(text,
                      *format == 'd' && value < 0 ? -(unsigned long)value
                      : is_long                   ? (unsigned long)value
                                                  : (unsigned long)(unsigned)value,
                      *format == 'x' ? 16 : 10);
    }
  }
}

static inline void write_all(int fd, const char* bytes, size_t length) {
  while (length > 0) {
    const long count = sys(write, fd, bytes, length);
    if (count == -EINTR) continue;
    if (count <= 0) sys(exit_group, 3);
    bytes += count;
    length -= (size_t)count;
  }
}

/* A piece of the standard output, written at once. */
static inline __attribute__((format(printf, 1, 2))) void say(const char* format, ...) {
  struct text text = {.length = 0};
  va_list values;
  va_start(values, format);
  text_add_formatted(&text, format, values);
  va_end(values);
  write_all(1, text.bytes, text.length);
}

/* --- what must hold ------------------------------------------------------------------------ */

static inline _Noreturn void fail(const char* file, int line, const char* what, long is,
                                  long must_be) {
  say("FAIL %s:%d: %s is %ld, not %ld\n", file, line, what, is, must_be);
  for (;;) sys(exit_group, 1);
}
#define expect_is(what, must_be)                                         \
  do {                                                                   \
    const long is_ = (long)(what);                                       \
    const long must_be_ = (long)(must_be);                               \
    if (is_ != must_be_) fail(__FILE__, __LINE__, #what, is_, must_be_); \
  } while (0)
#define expect(what)                                    \
  do {                                                  \
    if (!(what)) fail(__FILE__, __LINE__, #what, 0, 1); \
  } while (0)
/* The result of a call that must not fail. */
#define need(what)                                          \
  __extension__({                                           \
    const long got_ = (long)(what);                         \
    if (got_ < 0) fail(__FILE__, __LINE__, #what, got_, 0); \
    got_;                                                   \
  })

static inline int run_cases(int argc, char** argv) {
  for (const struct guest_case* one = guest_cases; one->name != 0; ++one) {
    if (argc < 2) {
      say("%s %s\n", one->name, one->flags);
    } else if (text_is(argv[1], one->name)) {
      one->run();
      return 0;
    }
  }
  if (argc < 2) return 0;
  say("no case %s\n", argv[1]);
  return 2;
}
