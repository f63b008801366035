/* Event 1, file_access: open, openat, openat2 and creat, with what they were given and what they
 * gave back. Not here: io_uring, which opens files without these calls. */
#include "path.h"
#include "syscall_exit.h"

struct open_how {
  __u64 flags, mode, resolve;
};

static __always_inline void emit_open(struct task_struct* task, const void* user_path, __u64 flags,
                                      __u64 mode, __u32 op, __s64 ret) {
  struct scratch* scratch = acquire_scratch();
  if (!scratch) return lose(TC_EVENT_file_access, TC_LOSS_scratch_busy);
  struct tc_file_access* event = (void*)scratch->record;
  __u32 size = sizeof(*event);
  event->ret.value = ret;
  event->flags.value = flags;
  event->op.value = op;
  event->mode.value = flags & (O_CREAT | O_TMPFILE_BIT) ? mode & 07777 : TC_MODE_NONE;
  event->path = (tc_path){};
  event->resolved = (tc_path){};

  const long got = bpf_probe_read_user_str(&scratch->record[size], PATH_CAPACITY, user_path);
  if (got > 0 && got <= PATH_CAPACITY) {
    event->path = (tc_path){.offset = size, .length = got - 1};
    size += got - 1;
  }
  if (ret >= 0) {
    const __u32 length = append_file_path(scratch, file_of_descriptor(task, ret), size);
    if (length) event->resolved = (tc_path){.offset = size, .length = length};
    size += length;
  }
  emit(&event->header, TC_EVENT_file_access, size);
  release_scratch(scratch);
}

static __always_inline void on_open(struct task_struct* task, const struct pt_regs* regs,
                                    __s64 ret) {
  emit_open(task, (void*)regs->di, regs->si, regs->dx, TC_FILE_OP_open, ret);
}
TC_ON_SYSCALL_EXIT(open, on_open)

static __always_inline void on_openat(struct task_struct* task, const struct pt_regs* regs,
                                      __s64 ret) {
  emit_open(task, (void*)regs->si, regs->dx, regs->r10, TC_FILE_OP_openat, ret);
}
TC_ON_SYSCALL_EXIT(openat, on_openat)

static __always_inline void on_openat2(struct task_struct* task, const struct pt_regs* regs,
                                       __s64 ret) {
  struct open_how how = {};
  bpf_probe_read_user(&how, sizeof(how), (void*)regs->dx);
  emit_open(task, (void*)regs->si, how.flags, how.mode, TC_FILE_OP_openat2, ret);
}
TC_ON_SYSCALL_EXIT(openat2, on_openat2)

/* open(2): creat() is open() with O_CREAT|O_WRONLY|O_TRUNC. */
static __always_inline void on_creat(struct task_struct* task, const struct pt_regs* regs,
                                     __s64 ret) {
  emit_open(task, (void*)regs->di, 01101, regs->si, TC_FILE_OP_creat, ret);
}
TC_ON_SYSCALL_EXIT(creat, on_creat)
