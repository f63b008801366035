/* The raw form's one entry: every system call of the host passes here, so it does as little as it
 * can before it knows that the call is one of ours. */
#include "syscall_exit.h"

SEC("raw_tracepoint/sys_exit") int syscall_exit_raw(struct bpf_raw_tracepoint_args* ctx) {
  struct task_struct* const task = current_task();
  const unsigned long number = registers_of(task)->orig_ax;
  if (number >= TC_RAW_TABLE_SIZE) return 0;
  if (task->thread_info.status & TS_COMPAT) return 0;
  bpf_tail_call(ctx, &raw_exit_table, number);
  return 0;
}
