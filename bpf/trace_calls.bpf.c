/* Internal event 66, call_return: a system call of a followed process has returned.
 *
 * One program at the one tracepoint that every system call of the host passes: what is not ours
 * has to leave it quickly, and a call without memory to copy needs no scratch buffer. */
#include "selection.h"
#include "trace_capture.h"
#include "trace_registers.h"

#define NR_RT_SIGRETURN 15
#define NR_I386_RT_SIGRETURN 173

/* Has a new program begun? It is told by trace_exec.bpf.c. */
static __always_inline bool is_exec(__u32 abi, __u32 number) {
  if (abi == TC_ABI_I386) return number == 11 || number == 358;
  if (abi == TC_ABI_X32) return number == (X32_BIT | 520) || number == (X32_BIT | 545);
  return number == 59 || number == 322;
}

/* fork, vfork, clone, clone3: only in the new task they return 0. It has made no call yet. */
static __always_inline bool is_birth(__u32 abi, __u32 number) {
  if (abi == TC_ABI_I386) return number == 2 || number == 120 || number == 190 || number == 435;
  number &= ~X32_BIT;
  return (number >= 56 && number <= 58) || number == 435;
}

static __always_inline void fill_call(struct tc_call_return* event, struct task_struct* task,
                                      const struct pt_regs* regs, __s64 ret, __u32 abi,
                                      __u32 number) {
  fill_thread_of(&event->header, task);
  event->header.size = sizeof(*event);
  event->ret.value = ret;
  event->number = number;
  READ_ARGUMENTS(event, regs, abi);
  event->ip = regs->ip;
  event->abi = abi;
  event->piece_count = 0;
  event->pieces = (tc_data){};
}

/* A return from a signal handler has put the registers of the interrupted code in place of its
 * own: of the call itself nothing is left but that it took place. */
static __always_inline void clear_sigreturn(struct tc_call_return* event) {
  event->ret.value = 0;
  event->a0 = event->a1 = event->a2 = event->a3 = event->a4 = event->a5 = 0;
  event->ip = 0;
}

static __always_inline void emit_with_pieces(struct task_struct* task, const struct pt_regs* regs,
                                             __s64 ret, __u32 number, __u32 steps) {
  struct scratch* const scratch = acquire_scratch();
  if (!scratch) return lose(TC_EVENT_call_return, TC_LOSS_scratch_busy);
  struct tc_call_return* const event = (struct tc_call_return*)scratch->record;
  fill_call(event, task, regs, ret, TC_ABI_X86_64, number);
  for (__u32 i = 0; i < TC_CAPTURE_STEPS; i++) {
    if (i >= steps) break;
    capture_step(scratch->key, number, i);
  }
  const __u32 size = event->header.size;
  if (size > sizeof(*event))
    event->pieces = (tc_data){.offset = sizeof(*event), .length = size - sizeof(*event)};
  emit_as(&event->header, TC_EVENT_call_return, size);
  release_scratch(scratch);
}

SEC("tp_btf/sys_exit") int trace_call(__u64* ctx) {
  const struct pt_regs* const regs = (const struct pt_regs*)ctx[0];
  const __s64 ret = ctx[1];
  struct task_struct* const task = current_task();
  const __u32 abi = abi_of(task, regs);
  const bool sigreturn = (__u32)regs->orig_ax == ~0u;
  __u32 number = regs->orig_ax;
  __u32 steps = 0;
  if (sigreturn) number = abi == TC_ABI_I386 ? NR_I386_RT_SIGRETURN : NR_RT_SIGRETURN;
  if (abi != TC_ABI_X86_64) {
    if (!config.trace_foreign) return 0;
  } else if (number < TC_CALLS_MAX) {
    const struct tc_capture_plan* const plan = bpf_map_lookup_elem(&plans, &number);
    if (!plan || !plan->wanted) return 0;
    steps = sigreturn ? 0 : plan->steps;
  } else if (!config.trace_unknown) {
    return 0;
  }
  if (!is_followed(task->tgid) || !gate_open()) return 0;
  if (ret == 0 && (is_exec(abi, number) || is_birth(abi, number))) return 0;
  if (steps) {
    emit_with_pieces(task, regs, ret, number, steps);
    return 0;
  }
  struct tc_call_return event;
  fill_call(&event, task, regs, ret, abi, number);
  if (sigreturn) clear_sigreturn(&event);
  emit_as(&event.header, TC_EVENT_call_return, sizeof(event));
  return 0;
}
