/* The saved registers of a task as a system call: by which table, which arguments. */
#pragma once

#include "kernel.h"
#include "tc/capture.h"

#define X32_BIT 0x40000000u

/* What user space had in its registers: typed, so that reading one is a load and not a call. */
static __always_inline const struct pt_regs* saved_registers(struct task_struct* task) {
  return (const struct pt_regs*)bpf_task_pt_regs(task);
}

static __always_inline __u32 abi_of(struct task_struct* task, const struct pt_regs* regs) {
  if (task->thread_info.status & TS_COMPAT) return TC_ABI_I386;
  const __u32 number = regs->orig_ax;
  return number != ~0u && number & X32_BIT ? TC_ABI_X32 : TC_ABI_X86_64;
}

/* Fills a0 … a5 of an event. */
#define READ_ARGUMENTS(event, regs, abi) \
  do {                                   \
    if ((abi) == TC_ABI_I386) {          \
      (event)->a0 = (__u32)(regs)->bx;   \
      (event)->a1 = (__u32)(regs)->cx;   \
      (event)->a2 = (__u32)(regs)->dx;   \
      (event)->a3 = (__u32)(regs)->si;   \
      (event)->a4 = (__u32)(regs)->di;   \
      (event)->a5 = (__u32)(regs)->bp;   \
    } else {                             \
      (event)->a0 = (regs)->di;          \
      (event)->a1 = (regs)->si;          \
      (event)->a2 = (regs)->dx;          \
      (event)->a3 = (regs)->r10;         \
      (event)->a4 = (regs)->r8;          \
      (event)->a5 = (regs)->r9;          \
    }                                    \
  } while (0)
