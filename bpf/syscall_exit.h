/* Programs that run when a system call returns. Names and arguments are read here and not at the
 * entry: they are still in the saved registers, the kernel has touched every page it needed, and
 * the result is known, so no state has to wait in a map.
 *
 * Each call gets the same body twice: once for its own tracepoint (costs other processes least,
 * needs tracefs), once as a tail call of the single raw tracepoint (needs CAP_BPF and CAP_PERFMON
 * only). The raw form sees 32-bit tasks too, whose numbers mean other calls: it leaves them out. */
#pragma once

#include "selection.h"

#define TC_RAW_TABLE_SIZE 512
struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, TC_RAW_TABLE_SIZE);
  __type(key, __u32);
  __type(value, __u32);
} raw_exit_table SEC(".maps") __weak;

/* BODY(task, registers, result) as both programs; `call` is the kernel's name of the call. */
#define TC_ON_SYSCALL_EXIT(call, BODY)                                                 \
  SEC("tracepoint/syscalls/sys_exit_" #call) int call##_tracepoint(void* ctx) {        \
    struct task_struct* const task = current_task();                                   \
    const struct pt_regs* const regs = registers_of(task);                             \
    (void)ctx;                                                                         \
    if (is_selected()) BODY(task, regs, (__s64)regs->ax);                              \
    return 0;                                                                          \
  }                                                                                    \
  SEC("raw_tracepoint/sys_exit") int call##_raw(struct bpf_raw_tracepoint_args* ctx) { \
    struct task_struct* const task = current_task();                                   \
    if (is_selected()) BODY(task, registers_of(task), (__s64)ctx->args[1]);            \
    return 0;                                                                          \
  }

/* What user space had in its registers: typed, so that reading one is a load and not a call. */
static __always_inline const struct pt_regs* registers_of(struct task_struct* task) {
  return (const struct pt_regs*)bpf_task_pt_regs(task);
}
