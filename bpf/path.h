/* The absolute path of an open file, as its process would write it: from the dentry up to the
 * process's root, across mounts. Follows links, cwd and dirfd by construction, since it starts
 * from what the kernel opened. */
#pragma once

#include "emit.h"

#define PATH_CAPACITY 4096
#define COMPONENTS_MAX 2048

struct path_walk {
  struct scratch* scratch;
  struct dentry* dentry;
  struct mount* mount;
  struct dentry* root_dentry;
  struct vfsmount* root_mount;
  __u32 start; /* the path found so far is walk[start .. PATH_CAPACITY) */
  __u32 failed;
};

static __always_inline struct mount* mount_of(struct vfsmount* mnt) {
  return (struct mount*)((void*)mnt - bpf_core_field_offset(struct mount, mnt));
}
static __always_inline struct vfsmount* vfsmount_of(struct mount* mount) {
  return (struct vfsmount*)((void*)mount + bpf_core_field_offset(struct mount, mnt));
}

static long path_step(__u64 index, struct path_walk* walk) {
  (void)index;
  struct dentry* const dentry = walk->dentry;
  struct mount* const mount = walk->mount;
  struct vfsmount* const mnt = vfsmount_of(mount);
  if (dentry == walk->root_dentry && mnt == walk->root_mount) return 1;
  if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
    struct mount* const parent = BPF_CORE_READ(mount, mnt_parent);
    if (parent == mount) return 1;
    walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
    walk->mount = parent;
    return 0;
  }
  struct dentry* const parent = BPF_CORE_READ(dentry, d_parent);
  if (parent == dentry) return 1;
  const __u32 length = BPF_CORE_READ(dentry, d_name.len) & 255;
  if (walk->start < length + 1 || walk->start > PATH_CAPACITY) {
    walk->failed = 1;
    return 1;
  }
  const __u32 begin = (walk->start - length - 1) & (PATH_CAPACITY - 1);
  walk->scratch->walk[begin] = '/';
  bpf_probe_read_kernel(&walk->scratch->walk[begin + 1], length,
                        BPF_CORE_READ(dentry, d_name.name));
  walk->start = begin;
  walk->dentry = parent;
  return 0;
}

/* Puts the path of `file` at record[at]. Returns its length, or 0 when it has none: unlinked,
 * nameless, or deeper than PATH_CAPACITY bytes. */
static __always_inline __u32 append_file_path(struct scratch* scratch, struct file* file,
                                              __u32 at) {
  struct path root;
  struct path_walk walk = {.scratch = scratch, .start = PATH_CAPACITY};
  struct task_struct* task = current_task();
  if (!file) return 0;
  BPF_CORE_READ_INTO(&root, task, fs, root);
  walk.root_dentry = root.dentry;
  walk.root_mount = root.mnt;
  struct dentry* const dentry = BPF_CORE_READ(file, f_path.dentry);
  walk.dentry = dentry;
  walk.mount = mount_of(BPF_CORE_READ(file, f_path.mnt));
  /* An unhashed dentry that is not a root is unlinked: it has no path any more. */
  if (BPF_CORE_READ(dentry, d_hash.pprev) == 0 && BPF_CORE_READ(dentry, d_parent) != dentry)
    return 0;
  bpf_loop(COMPONENTS_MAX, path_step, &walk, 0);
  if (walk.failed) return 0;
  if (walk.start >= PATH_CAPACITY) {
    scratch->walk[PATH_CAPACITY - 1] = '/';
    walk.start = PATH_CAPACITY - 1;
  }
  const __u32 start = walk.start & (PATH_CAPACITY - 1);
  const __u32 length = PATH_CAPACITY - start;
  if (at > TC_RECORD_MAX - 2 * PATH_CAPACITY || length > PATH_CAPACITY) return 0;
  bpf_probe_read_kernel(&scratch->record[at], length, &scratch->walk[start]);
  return length;
}

/* The open file behind a descriptor of the current process, or null. */
static __always_inline struct file* file_of_descriptor(struct task_struct* task, __s64 fd) {
  struct fdtable* table = BPF_CORE_READ(task, files, fdt);
  struct file** slots = BPF_CORE_READ(table, fd);
  struct file* file = 0;
  if (fd < 0 || fd >= BPF_CORE_READ(table, max_fds)) return 0;
  bpf_probe_read_kernel(&file, sizeof(file), &slots[fd]);
  return file;
}
