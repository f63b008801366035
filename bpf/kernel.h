/* The kernel structures that the programs read, each with only the members they read. CO-RE
 * relocates every access against the running kernel's BTF, so neither order nor offset matters
 * here, and a build needs no generated vmlinux.h and no BTF of its own. */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "tc/event.h"

#define bool _Bool
#define true 1
#define false 0

/* The kernel's layout of user registers (arch/x86/include/asm/ptrace.h): a stable ABI. */
struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs,
      flags, sp, ss;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
  union {
    __u8 u6_addr8[16];
  } in6_u;
};
struct ns_common {
  unsigned int inum;
};
struct net {
  struct ns_common ns;
};
typedef struct {
  struct net* net;
} possible_net_t;
struct sock_common {
  __u32 skc_daddr;
  __u32 skc_rcv_saddr;
  __u16 skc_dport;
  __u16 skc_num;
  short unsigned int skc_family;
  volatile unsigned char skc_state;
  possible_net_t skc_net;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
};
struct sock {
  struct sock_common __sk_common;
  __u16 sk_type;
  __u16 sk_protocol;
};
struct tcp_sock {
  __u64 bytes_received;
  __u64 bytes_acked;
};
struct inet_sock {
  __u16 inet_sport;
};
struct socket {
  short int type;
  struct sock* sk;
};
struct sockaddr_un {
  __u16 sun_family;
  char sun_path[108];
};
struct unix_address {
  int len;
  struct sockaddr_un name[0];
};
struct unix_sock {
  struct unix_address* addr;
};

struct qstr {
  __u32 len;
  const unsigned char* name;
};
struct hlist_bl_node {
  struct hlist_bl_node** pprev;
};
struct super_block {
  __u32 s_dev;
};
struct inode {
  unsigned long i_ino;
  struct super_block* i_sb;
};
struct dentry {
  struct hlist_bl_node d_hash;
  struct dentry* d_parent;
  struct qstr d_name;
  struct inode* d_inode;
};
struct vfsmount {
  struct dentry* mnt_root;
};
struct mount {
  struct mount* mnt_parent;
  struct dentry* mnt_mountpoint;
  struct vfsmount mnt;
};
struct path {
  struct vfsmount* mnt;
  struct dentry* dentry;
};
struct file {
  void* private_data;
  struct path f_path;
  struct inode* f_inode;
};
struct fdtable {
  unsigned int max_fds;
  struct file** fd;
};
struct files_struct {
  struct fdtable* fdt;
};
struct fs_struct {
  struct path root;
};
struct mm_struct {
  unsigned long start_brk, start_stack;
  unsigned long arg_start, arg_end, env_end;
  struct file* exe_file;
};
struct linux_binprm {
  const char* filename;
  const char* fdpath; /* of execveat with a descriptor */
};
struct vm_area_struct {
  unsigned long vm_start, vm_end;
  unsigned long vm_flags;
  unsigned long vm_pgoff;
  struct file* vm_file;
};

struct sigaction {
  void* sa_handler;
};
struct k_sigaction {
  struct sigaction sa;
};
union __sifields {
  struct {
    int _pid;
    unsigned int _uid;
  } _kill; /* _rt and _sigchld begin the same */
  struct {
    void* _addr;
  } _sigfault;
};
struct kernel_siginfo {
  int si_signo;
  int si_code;
  union __sifields _sifields;
};
typedef struct {
  int counter;
} atomic_t;
struct signal_struct {
  atomic_t live;
  int group_exit_code;
  unsigned int flags;
};
struct upid {
  int nr;
};
struct pid {
  unsigned int level;
  struct upid numbers[0];
};
struct kernfs_node {
  __u64 id;
};
struct cgroup_subsys_state {
  struct cgroup* cgroup;
  struct cgroup_subsys_state* parent;
};
struct cgroup {
  struct cgroup_subsys_state self;
  struct kernfs_node* kn;
};
typedef struct {
  unsigned int val;
} kuid_t;
struct cred {
  kuid_t uid;
};
struct css_set {
  struct cgroup_subsys_state* subsys[16];
  struct cgroup* dfl_cgrp;
};
struct thread_info {
  __u32 status;
};
struct task_struct {
  struct thread_info thread_info;
  unsigned int flags;
  struct mm_struct* mm;
  int exit_code;
  int pid;
  int tgid;
  struct task_struct* real_parent;
  struct task_struct* group_leader;
  struct pid* thread_pid;
  struct fs_struct* fs;
  struct files_struct* files;
  struct signal_struct* signal;
  struct css_set* cgroups;
  const struct cred* real_cred;
  char comm[TC_COMM_LENGTH];
};

struct bpf_iter_meta {
  struct seq_file* seq;
};
struct bpf_iter__task_file {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
  __u32 fd;
  struct file* file;
};

#pragma clang attribute pop

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define PROT_EXEC 4
#define VM_EXEC 4UL
#define MAP_ANONYMOUS 0x20
#define PAGE_SHIFT 12
#define SIGNAL_GROUP_EXIT 4u
#define TS_COMPAT 2u
#define PF_IO_WORKER 0x10u
#define PF_USER_WORKER 0x4000u
#define O_CREAT 0100u
#define O_TMPFILE_BIT 020000000u
#define IPPROTO_TCP 6
#define EBADF 9
#define ENOTSOCK 88

char LICENSE[] SEC("license") = "GPL";

static __always_inline struct task_struct* current_task(void) {
  return (struct task_struct*)bpf_get_current_task_btf();
}
