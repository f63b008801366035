/* The absolute path of an open file, as its process would write it. */
#pragma once

#include "emit.h"

#define PATH_CAPACITY 4096

/* Puts the path of the struct file at address `file` at record[at] of the scratch buffer numbered
 * `scratch_key`. Returns its length, or 0 when it has none: unlinked, nameless, or longer than
 * PATH_CAPACITY bytes. A function of its own object, so that the verifier checks it once. */
__u32 write_file_path(__u32 scratch_key, __u64 file, __u32 at);

static __always_inline __u32 append_file_path(struct scratch* scratch, struct file* file,
                                              __u32 at) {
  const __u32 length = write_file_path(scratch->key, (__u64)file, at);
  return length <= PATH_CAPACITY ? length : 0;
}

/* The open file behind a descriptor of the current process, or null. */
static __always_inline struct file* file_of_descriptor(struct task_struct* task, __s64 fd) {
  struct file* file = 0;
  if (!task->files) return 0;
  struct fdtable* const table = task->files->fdt;
  if (fd < 0 || fd >= table->max_fds) return 0;
  bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd);
  return file;
}
