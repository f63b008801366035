/* Internal event 70, program_start: a program has taken over a process. Its argv and environment
 * are read from its own memory, whose pages were just written; what does not fit the record
 * precedes it in pieces, and so do the mappings of the program's files. */
#include "argv.h"
#include "mapping.h"
#include "selection.h"

#define NR_EXECVE 59
#define NR_EXECVEAT 322

static __always_inline void emit_start(struct task_struct* task, __u32 former_tid,
                                       const struct linux_binprm* binary) {
  struct scratch* const scratch = acquire_scratch();
  if (!scratch) return lose(TC_EVENT_program_start, TC_LOSS_scratch_busy);
  struct argv_pieces pieces = {.scratch = scratch, .start = BPF_CORE_READ(task, mm, arg_start)};
  pieces.total = BPF_CORE_READ(task, mm, env_end) - pieces.start;
  emit_argv_pieces(&pieces);

  struct tc_program_start* const event = (struct tc_program_start*)scratch->record;
  __u32 size = sizeof(*event);
  __u64 first = pieces.total;
  if (first > ARGV_PIECE) first = ARGV_PIECE;
  if (bpf_probe_read_user(&scratch->record[size], first, (void*)pieces.start) != 0) first = 0;
  event->arguments = (tc_argv){.offset = size, .length = first};
  event->missing = pieces.total - first;
  event->argv_bytes = BPF_CORE_READ(task, mm, arg_end) - pieces.start;
  event->heap_start = BPF_CORE_READ(task, mm, start_brk);
  event->stack_start = BPF_CORE_READ(task, mm, start_stack);
  event->former_tid = former_tid;
  /* The registers say execve in either case; a descriptor only execveat takes. */
  event->number = BPF_CORE_READ(binary, fdpath) ? NR_EXECVEAT : NR_EXECVE;
  event->path = (tc_path){};
  event->resolved = (tc_path){};
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
  fill_thread(&event->header);
  emit_as(&event->header, TC_EVENT_program_start, size);
  release_scratch(scratch);
}

SEC("tp_btf/sched_process_exec") int trace_exec(__u64* ctx) {
  struct task_struct* const task = (struct task_struct*)ctx[0];
  if (!is_selected()) return 0;
  emit_mappings_after_exec(0);
  emit_start(task, ctx[1], (const struct linux_binprm*)ctx[2]);
  return 0;
}
