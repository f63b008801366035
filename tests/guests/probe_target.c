/* libprobe_target.so: 1,000 functions fn_0000 … fn_0999 to put probes on. fn_NNNN(x) is x + NNNN,
 * and none calls another.
 *
 * Build with -O0 -fcf-protection=none: each then begins with `push %rbp`, which the kernel
 * emulates; at -O2 they begin with a `lea`, and a probe on that single-steps (20 µs and more a
 * call). */

/* clang-format off */
#define FUNCTION(number)       \
  int fn_##number(int x);      \
  int fn_##number(int x) { return x + (1##number - 10000); }
#define TEN(n)                                                                    \
  FUNCTION(n##0) FUNCTION(n##1) FUNCTION(n##2) FUNCTION(n##3) FUNCTION(n##4)      \
  FUNCTION(n##5) FUNCTION(n##6) FUNCTION(n##7) FUNCTION(n##8) FUNCTION(n##9)
#define HUNDRED(n)                                   \
  TEN(n##0) TEN(n##1) TEN(n##2) TEN(n##3) TEN(n##4)  \
  TEN(n##5) TEN(n##6) TEN(n##7) TEN(n##8) TEN(n##9)

HUNDRED(00) HUNDRED(01) HUNDRED(02) HUNDRED(03) HUNDRED(04)
HUNDRED(05) HUNDRED(06) HUNDRED(07) HUNDRED(08) HUNDRED(09)
