/* Internal event 64, memory_mapping: mmap(2) of a file with PROT_EXEC, which is how ld.so and
 * dlopen bring a library in. Those that execve(2) made are in process_exec.bpf.c. */
#include "mapping.h"
#include "syscall_exit.h"

static __always_inline void on_mmap(struct task_struct* task, const struct pt_regs* regs,
                                    __s64 ret) {
  const __u64 page = 1UL << PAGE_SHIFT;
  if (ret < 0 && ret > -4096) return;
  if (!(regs->dx & PROT_EXEC) || regs->r10 & MAP_ANONYMOUS) return;
  struct file* file = file_of_descriptor(task, (__s32)regs->r8);
  if (!file) return;
  const __u64 length = (regs->si + page - 1) & ~(page - 1);
  emit_mapping(file, ret, ret + length, regs->r9, 0);
}
TC_ON_SYSCALL_EXIT(mmap, on_mmap)
