/* memory_mapping records: where executable files lie in a process, told while the process lives,
 * so that its addresses can still be named when it is gone. */
#pragma once

#include "path.h"

static __always_inline void emit_mapping(struct file* file, __u64 start, __u64 end, __u64 offset,
                                         __u32 after_exec) {
  struct scratch* scratch = acquire_scratch();
  if (!scratch) return lose(TC_EVENT_memory_mapping, TC_LOSS_scratch_busy);
  struct tc_memory_mapping* event = (void*)scratch->record;
  __u32 size = sizeof(*event);
  event->start.value = start;
  event->end.value = end;
  event->file_offset.value = offset;
  event->inode = BPF_CORE_READ(file, f_inode, i_ino);
  event->device.value = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
  event->after_exec = after_exec;
  event->path = (tc_path){};
  const __u32 length = append_file_path(scratch, file, size);
  if (length) event->path = (tc_path){.offset = size, .length = length};
  size += length;
  emit(&event->header, TC_EVENT_memory_mapping, size);
  release_scratch(scratch);
}

/* Tells the files that the current process has mapped: right after execve(2), program and loader.
 * A function of its own object: libbpf 1.1 links no kfunc from two. */
int emit_mappings_after_exec(__u32 executable_only);
