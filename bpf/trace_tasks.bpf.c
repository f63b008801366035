/* Internal events 67 and 68: threads and processes come and go. A new process enters the followed
 * set before it runs its first instruction, so no call of it is missed. */
#include "selection.h"
#include "trace_registers.h"

#include "emit.h"

#define CLONE_THREAD 0x10000ul
#define ENOSYS 38

/* Threads that the kernel runs in a process for its own ends (io_uring). */
static __always_inline bool is_worker(struct task_struct* task) {
  return BPF_CORE_READ(task, flags) & (PF_IO_WORKER | PF_USER_WORKER);
}

/* As the task itself sees it, in its own pid namespace. */
static __always_inline __u32 own_number(struct pid* ids) {
  __u32 number = 0;
  const __u32 level = BPF_CORE_READ(ids, level);
  bpf_core_read(&number, sizeof(number), &ids->numbers[level & 31].nr);
  return number;
}

SEC("tp_btf/task_newtask") int trace_task_create(__u64* ctx) {
  struct task_struct* const child = (struct task_struct*)ctx[0];
  const __u64 clone_flags = ctx[1];
  const __u8 yes = 1;
  if (!is_followed(bpf_get_current_pid_tgid() >> 32) || is_worker(child)) return 0;
  __u32 child_pid = BPF_CORE_READ(child, tgid);
  /* Following does not wait for the gate: what forks while user space still sets up counts too. */
  if (!(clone_flags & CLONE_THREAD) &&
      bpf_map_update_elem(&followed, &child_pid, &yes, BPF_ANY) != 0)
    lose(TC_EVENT_task_create, TC_LOSS_map_full);
  if (!gate_open()) return 0;

  struct tc_task_create event;
  fill_thread(&event.header);
  event.clone_flags = clone_flags;
  event.child_tid = BPF_CORE_READ(child, pid);
  event.child_pid = child_pid;
  event.child_ns_tid = own_number(BPF_CORE_READ(child, thread_pid));
  event.child_ns_pid = own_number(BPF_CORE_READ(child, group_leader, thread_pid));
  emit_as(&event.header, TC_EVENT_task_create, sizeof(event));
  return 0;
}

/* As wait_task_zombie() in kernel/exit.c tells it to the parent. */
static __always_inline __u32 wait_status(struct task_struct* task) {
  return BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT
             ? BPF_CORE_READ(task, signal, group_exit_code)
             : BPF_CORE_READ(task, group_leader, exit_code);
}

SEC("tp_btf/sched_process_exit") int trace_task_exit(__u64* ctx) {
  struct task_struct* const task = (struct task_struct*)ctx[0];
  __u32 pid = BPF_CORE_READ(task, tgid);
  if (!is_followed(pid) || is_worker(task)) return 0;
  const bool last =
      config.exit_tells_last ? ctx[1] & 1 : BPF_CORE_READ(task, signal, live.counter) == 0;
  if (gate_open()) {
    const struct pt_regs* const regs = saved_registers(current_task());
    struct tc_task_exit event;
    fill_thread(&event.header);
    event.number = (__u32)regs->orig_ax;
    event.abi = abi_of(current_task(), regs);
    READ_ARGUMENTS(&event, regs, event.abi);
    /* Entering a call the kernel sets the result to ENOSYS, and the number to -1 when it is
     * entered for any other reason (arch/x86/entry). */
    event.in_call = (__s64)regs->orig_ax >= 0 && (__s32)regs->ax == -ENOSYS;
    event.last = last;
    event.status = last ? wait_status(task) : 0;
    emit_as(&event.header, TC_EVENT_task_exit, sizeof(event));
  }
  if (last) bpf_map_delete_elem(&followed, &pid);
  return 0;
}
