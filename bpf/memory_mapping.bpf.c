/* Internal event 64, memory_mapping: mmap(2) of a file with PROT_EXEC, which is how ld.so and
 * dlopen bring a library in; and those that execve(2) made. */
#include "mapping.h"
#include "syscall_exit.h"

/* Open-coded iteration over mappings, Linux 6.7. Without it user space reads /proc/PID/maps. */
struct bpf_iter_task_vma {
  __u64 opaque[1];
} __attribute__((aligned(8)));
extern int bpf_iter_task_vma_new(struct bpf_iter_task_vma* it, struct task_struct* task,
                                 __u64 addr) __ksym __weak;
extern struct vm_area_struct* bpf_iter_task_vma_next(struct bpf_iter_task_vma* it) __ksym __weak;
extern void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma* it) __ksym __weak;

__noinline int emit_mappings_after_exec(__u32 executable_only) {
  struct bpf_iter_task_vma it;
  struct vm_area_struct* vma;
  if (!bpf_iter_task_vma_new) return 0;
  bpf_iter_task_vma_new(&it, current_task(), 0);
  while ((vma = bpf_iter_task_vma_next(&it))) {
    struct file* const file = BPF_CORE_READ(vma, vm_file);
    if (!file || (executable_only && !(BPF_CORE_READ(vma, vm_flags) & VM_EXEC))) continue;
    emit_mapping(file, BPF_CORE_READ(vma, vm_start), BPF_CORE_READ(vma, vm_end),
                 BPF_CORE_READ(vma, vm_pgoff) << PAGE_SHIFT, 1);
  }
  bpf_iter_task_vma_destroy(&it);
  return 0;
}

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
