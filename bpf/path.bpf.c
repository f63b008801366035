/* Paths of open files: from the dentry up to the root of the process, across mounts. Follows links,
 * cwd and dirfd by construction, since it starts from what the kernel opened. */
#include "path.h"

/* Reading a member through a pointer the verifier has no type for. With bpf_rdonly_cast (Linux 6.2)
 * it becomes one load; bpf_probe_read_kernel, which is left for older kernels, costs a call. */
extern void* bpf_rdonly_cast(const void* object, __u32 type) __ksym __weak;
#define MEMBER(type, pointer, member)                                                             \
  (bpf_rdonly_cast                                                                                \
       ? ((struct type*)bpf_rdonly_cast((pointer), bpf_core_type_id_kernel(struct type)))->member \
       : BPF_CORE_READ((struct type*)(pointer), member))

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
  if (dentry == MEMBER(vfsmount, mnt, mnt_root)) {
    struct mount* const parent = MEMBER(mount, mount, mnt_parent);
    if (parent == mount) return 1;
    walk->dentry = MEMBER(mount, mount, mnt_mountpoint);
    walk->mount = parent;
    return 0;
  }
  struct dentry* const parent = MEMBER(dentry, dentry, d_parent);
  if (parent == dentry) return 1;
  const __u32 length = MEMBER(dentry, dentry, d_name.len) & 255;
  if (walk->start < length + 1 || walk->start > PATH_CAPACITY) {
    walk->failed = 1;
    return 1;
  }
  const __u32 begin = (walk->start - length - 1) & (PATH_CAPACITY - 1);
  walk->scratch->walk[begin] = '/';
  bpf_probe_read_kernel(&walk->scratch->walk[begin + 1], length,
                        MEMBER(dentry, dentry, d_name.name));
  walk->start = begin;
  walk->dentry = parent;
  return 0;
}

__noinline __u32 write_file_path(__u32 scratch_key, __u64 file_address, __u32 at) {
  struct file* const file = (struct file*)file_address;
  struct scratch* const scratch = bpf_map_lookup_elem(&scratches, &scratch_key);
  struct path_walk walk = {.scratch = scratch, .start = PATH_CAPACITY};
  struct fs_struct* const fs = current_task()->fs;
  if (!scratch || !file || !fs) return 0;
  walk.root_dentry = fs->root.dentry;
  walk.root_mount = fs->root.mnt;
  struct dentry* const dentry = MEMBER(file, file, f_path.dentry);
  walk.dentry = dentry;
  walk.mount = mount_of(MEMBER(file, file, f_path.mnt));
  /* An unhashed dentry that is not a root is unlinked: it has no path any more. */
  if (MEMBER(dentry, dentry, d_hash.pprev) == 0 && MEMBER(dentry, dentry, d_parent) != dentry)
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
  /* Tells the verifier, past the optimiser, what the line above has made sure of. */
  barrier_var(at);
  at &= TC_RECORD_MAX - 1;
  bpf_probe_read_kernel(&scratch->record[at], length, &scratch->walk[start]);
  return length;
}
