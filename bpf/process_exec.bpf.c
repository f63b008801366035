/* Event 2, process_exec: a program has taken over a process, or could not.
 *
 * A success is told by sched_process_exec, with the argv that the new program has, read from its
 * own memory (the pages were just written, so they are resident). A failure is told when the call
 * returns, with the argv that the caller passed. */
#include "argv.h"
#include "mapping.h"
#include "syscall_exit.h"

#define FAILED_ARGS_MAX 8192

static __always_inline void emit_exec(struct task_struct* task, const struct linux_binprm* binary) {
  struct scratch* scratch = acquire_scratch();
  if (!scratch) return lose(TC_EVENT_process_exec, TC_LOSS_scratch_busy);
  struct argv_pieces pieces = {.scratch = scratch, .start = BPF_CORE_READ(task, mm, arg_start)};
  pieces.total = BPF_CORE_READ(task, mm, arg_end) - pieces.start;
  emit_argv_pieces(&pieces);

  struct tc_process_exec* event = (void*)scratch->record;
  __u32 size = sizeof(*event);
  event->ret.value = 0;
  event->argv = (tc_argv){};
  event->path = (tc_path){};
  event->resolved = (tc_path){};
  __u64 first = pieces.total;
  if (first > ARGV_PIECE) first = ARGV_PIECE;
  if (bpf_probe_read_user(&scratch->record[size], first, (void*)pieces.start) != 0) first = 0;
  event->argv = (tc_argv){.offset = size, .length = first};
  event->argv_missing.value = pieces.total - first;
  event->argv_unread.value = 0;
  size += first;

  const char* const filename = BPF_CORE_READ(binary, filename);
  const long got = bpf_probe_read_kernel_str(&scratch->record[size], PATH_CAPACITY, filename);
  if (got > 0 && got <= PATH_CAPACITY) {
    event->path = (tc_path){.offset = size, .length = got - 1};
    size += got - 1;
  }
  const __u32 length = append_file_path(scratch, BPF_CORE_READ(task, mm, exe_file), size);
  if (length) event->resolved = (tc_path){.offset = size, .length = length};
  size += length;
  emit(&event->header, TC_EVENT_process_exec, size);
  release_scratch(scratch);
}

SEC("tp_btf/sched_process_exec") int process_exec(__u64* ctx) {
  struct task_struct* const task = (struct task_struct*)ctx[0];
  if (!is_selected()) return 0;
  emit_exec(task, (const struct linux_binprm*)ctx[2]);
  if (config.mappings) emit_mappings_after_exec(1);
  return 0;
}

struct failed_argv {
  struct scratch* scratch;
  const __u64* user_argv;
  __u32 size;    /* of the record so far */
  __u64 missing; /* bytes that did not fit */
  __u64 unread;  /* arguments whose memory was not resident */
};

static long append_argument(__u64 index, struct failed_argv* argv) {
  __u64 pointer = 0;
  if (bpf_probe_read_user(&pointer, sizeof(pointer), &argv->user_argv[index]) || !pointer) return 1;
  /* Past the limit arguments are still measured, one over the other, for the count. */
  const __u32 at = argv->size & 0x7fff;
  const long got = bpf_probe_read_user_str(&argv->scratch->record[at], ARGV_PIECE, (void*)pointer);
  if (got < 0) {
    argv->unread++;
    return 0;
  }
  if (argv->size + got > ARGV_PIECE - 1)
    argv->missing += got;
  else
    argv->size += got;
  return 0;
}

static __always_inline void emit_failed_exec(const char* user_path, const void* user_argv,
                                             __s64 ret) {
  if (ret >= 0) return;
  struct scratch* scratch = acquire_scratch();
  if (!scratch) return lose(TC_EVENT_process_exec, TC_LOSS_scratch_busy);
  struct tc_process_exec* event = (void*)scratch->record;
  struct failed_argv argv = {.scratch = scratch, .user_argv = user_argv, .size = sizeof(*event)};
  event->ret.value = ret;
  event->path = (tc_path){};
  event->resolved = (tc_path){};
  const long got =
      bpf_probe_read_user_str(&scratch->record[sizeof(*event)], PATH_CAPACITY, user_path);
  if (got > 0 && got <= PATH_CAPACITY) {
    event->path = (tc_path){.offset = argv.size, .length = got - 1};
    argv.size += got - 1;
  }
  event->argv.offset = argv.size;
  bpf_loop(FAILED_ARGS_MAX, append_argument, &argv, 0);
  event->argv.length = argv.size - event->argv.offset;
  event->argv_missing.value = argv.missing;
  event->argv_unread.value = argv.unread;
  if (argv.size > ARGV_PIECE) argv.size = ARGV_PIECE;
  emit(&event->header, TC_EVENT_process_exec, argv.size);
  release_scratch(scratch);
}

static __always_inline void on_execve(struct task_struct* task, const struct pt_regs* regs,
                                      __s64 ret) {
  (void)task;
  emit_failed_exec((const char*)regs->di, (const void*)regs->si, ret);
}
TC_ON_SYSCALL_EXIT(execve, on_execve)

static __always_inline void on_execveat(struct task_struct* task, const struct pt_regs* regs,
                                        __s64 ret) {
  (void)task;
  emit_failed_exec((const char*)regs->si, (const void*)regs->dx, ret);
}
TC_ON_SYSCALL_EXIT(execveat, on_execveat)

#define PAGE_BYTES 4096
#define TOUCHED_ARGS_MAX 256

struct touched_argv {
  const __u64* user_argv;
};

static __always_inline void touch(__u64 address) {
  char byte;
  bpf_copy_from_user(&byte, 1, (const void*)address);
}

static long touch_argument(__u64 index, struct touched_argv* argv) {
  __u64 pointer = 0;
  if (bpf_copy_from_user(&pointer, sizeof(pointer), &argv->user_argv[index]) || !pointer) return 1;
  touch(pointer);
  touch((pointer | (PAGE_BYTES - 1)) + 1); /* a string may lie across a border */
  return 0;
}

/* libc's execve and execveat are entered. A call that fails at its path never reads its arguments,
 * and in a fresh child string literals are not resident: this program may sleep, so it brings them
 * in, for on_execve to read. The cookie is the position of the argument argv. */
SEC("uprobe.s") int exec_entry(struct pt_regs* ctx) {
  struct touched_argv argv = {};
  if (!is_selected()) return 0;
  /* All three first: a choice of offset into the context is not allowed. */
  const volatile __u64 arguments[3] = {ctx->di, ctx->si, ctx->dx};
  const __u64 position = bpf_get_attach_cookie(ctx);
  if (position != 1 && position != 2) return 0;
  touch(position == 1 ? arguments[0] : arguments[1]);
  argv.user_argv = (const __u64*)(position == 1 ? arguments[1] : arguments[2]);
  bpf_loop(TOUCHED_ARGS_MAX, touch_argument, &argv, 0);
  return 0;
}
