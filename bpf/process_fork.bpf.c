/* Event 7, process_fork, and the following of descendants: the child enters the followed set
 * before it runs its first instruction, so no call of it is missed. Threads are not forks. */
#include "emit.h"
#include "selection.h"

SEC("tp_btf/sched_process_fork") int process_fork(__u64* ctx) {
  struct task_struct* const parent = (struct task_struct*)ctx[0];
  struct task_struct* const child = (struct task_struct*)ctx[1];
  __u32 child_tgid = BPF_CORE_READ(child, tgid);
  const __u8 yes = 1;
  if ((__u32)BPF_CORE_READ(child, pid) != child_tgid) return 0;
  /* Following does not wait for the gate: what forks while user space still sets up counts too. */
  if (is_followed(BPF_CORE_READ(parent, tgid)) &&
      bpf_map_update_elem(&followed, &child_tgid, &yes, BPF_ANY) != 0)
    lose(TC_EVENT_process_fork, TC_LOSS_map_full);
  if (!is_selected()) return 0;

  struct tc_process_fork event;
  __builtin_memset(&event, 0, sizeof(event));
  struct pid* const ids = BPF_CORE_READ(child, thread_pid);
  const __u32 level = BPF_CORE_READ(ids, level);
  event.child_pid.value = child_tgid;
  bpf_core_read(&event.child_ns_pid.value, sizeof(__u32), &ids->numbers[level & 31].nr);
  emit(&event.header, TC_EVENT_process_fork, sizeof(event));
  return 0;
}
