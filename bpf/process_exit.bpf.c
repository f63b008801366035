/* Event 8, process_exit: the last thread of a process is going. */
#include "emit.h"
#include "selection.h"

SEC("tp_btf/sched_process_exit") int process_exit(__u64* ctx) {
  struct task_struct* const task = (struct task_struct*)ctx[0];
  __u32 tgid = BPF_CORE_READ(task, tgid);
  if (BPF_CORE_READ(task, signal, live.counter) != 0) return 0;
  if (is_selected()) {
    /* As wait_task_zombie() in kernel/exit.c tells it to the parent. */
    const int status = BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT
                           ? BPF_CORE_READ(task, signal, group_exit_code)
                           : BPF_CORE_READ(task, group_leader, exit_code);
    struct tc_process_exit event;
    __builtin_memset(&event, 0, sizeof(event));
    event.signal.value = status & 0x7f;
    event.exit_code.value = status & 0x7f ? -1 : (status >> 8) & 0xff;
    emit(&event.header, TC_EVENT_process_exit, sizeof(event));
  }
  bpf_map_delete_elem(&followed, &tgid);
  return 0;
}
