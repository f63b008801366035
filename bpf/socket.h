/* Sockets: their addresses, and which process owns them. */
#pragma once

#include "emit.h"
#include "selection.h"

/* Who a socket belongs to, noted in process context: in softirq, where most TCP transitions
 * happen, the current process is whoever the packet interrupted. */
struct socket_owner {
  __u32 pid;
  __u32 tid;
  __u32 ppid;
  __u32 uid;
  char comm[TC_COMM_LENGTH];
  __u32 selected; /* it was observed when it came by the socket */
  __u32 unused;
};

/* Owner by connect() or listen(). A connection that a listener accepts is cloned from it, and with
 * BPF_F_CLONE its owner too. */
struct {
  __uint(type, BPF_MAP_TYPE_SK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
  __type(key, int);
  __type(value, struct socket_owner);
} socket_owners SEC(".maps") __weak;

/* Owner by accept(), which may be another process than the one that listened. Keyed by the
 * socket's address (there is no trusted pointer at a system call's exit); left when the kernel
 * destroys the socket. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1 << 18);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, struct socket_owner);
} accepted_by SEC(".maps") __weak;

static __always_inline void fill_owner(struct socket_owner* owner) {
  const __u64 pid_tgid = bpf_get_current_pid_tgid();
  owner->pid = pid_tgid >> 32;
  owner->tid = (__u32)pid_tgid;
  owner->uid = (__u32)bpf_get_current_uid_gid();
  owner->ppid = BPF_CORE_READ(current_task(), real_parent, tgid);
  bpf_get_current_comm(owner->comm, sizeof(owner->comm));
  owner->selected = is_selected();
  owner->unused = 0;
}

static __always_inline void put_ipv4(tc_address* to, __u32 address) {
  __builtin_memset(to->bytes, 0, 10);
  to->bytes[10] = 0xff;
  to->bytes[11] = 0xff;
  __builtin_memcpy(&to->bytes[12], &address, 4);
}

/* The family by which an address is written: an IPv4-mapped peer of an IPv6 socket speaks IPv4. */
static __always_inline __u32 family_of(__u32 family, const tc_address* address) {
  if (family != AF_INET6) return family;
  for (int i = 0; i < 10; i++)
    if (address->bytes[i] != 0) return AF_INET6;
  return address->bytes[10] == 0xff && address->bytes[11] == 0xff ? AF_INET : AF_INET6;
}

static __always_inline void read_local(tc_address* to, __u32 family, struct sock* sk) {
  if (family == AF_INET6)
    BPF_CORE_READ_INTO(to, sk, __sk_common.skc_v6_rcv_saddr);
  else
    put_ipv4(to, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
}

/* In host order. inet_sport outlives skc_num, which is cleared before a socket is said to close. */
static __always_inline __u32 local_port(struct sock* sk) {
  return __builtin_bswap16(BPF_CORE_READ((struct inet_sock*)sk, inet_sport));
}
static __always_inline __u32 remote_port(struct sock* sk) {
  return __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

static __always_inline void read_remote(tc_address* to, __u32 family, struct sock* sk) {
  if (family == AF_INET6)
    BPF_CORE_READ_INTO(to, sk, __sk_common.skc_v6_daddr);
  else
    put_ipv4(to, BPF_CORE_READ(sk, __sk_common.skc_daddr));
}
