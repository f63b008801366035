/* Event 3, tcp_state: every transition of a TCP socket, with the process that owns the socket,
 * also for the transitions that happen in softirq; with none, when none is known. */
#include "socket.h"

static __always_inline bool in_owner_context(int old_state, int new_state) {
  if (old_state == TC_TCP_CLOSE) return new_state == TC_TCP_SYN_SENT || new_state == TC_TCP_LISTEN;
  return new_state == TC_TCP_FIN_WAIT1 || new_state == TC_TCP_LAST_ACK;
}

static __always_inline struct socket_owner* owner_of(struct sock* sk, int old_state,
                                                     int new_state) {
  const __u64 key = (__u64)sk;
  struct socket_owner* owner = bpf_map_lookup_elem(&accepted_by, &key);
  if (owner) return owner;
  owner = bpf_sk_storage_get(&socket_owners, sk, 0, 0);
  if (!in_owner_context(old_state, new_state) || (owner && old_state != TC_TCP_CLOSE)) return owner;
  if (!owner) owner = bpf_sk_storage_get(&socket_owners, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (owner) fill_owner(owner);
  return owner;
}

SEC("tp_btf/inet_sock_set_state") int tcp_state(__u64* ctx) {
  struct sock* const sk = (struct sock*)ctx[0];
  const int old_state = ctx[1];
  const int new_state = ctx[2];
  if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP) return 0;
  const struct socket_owner* owner = owner_of(sk, old_state, new_state);
  if (!gate_open()) return 0;
  if (config.all) {
    if (owner && owner->pid == config.own_pid) return 0;
  } else if (!owner || !(owner->selected || is_followed(owner->pid))) {
    return 0;
  }

  struct tc_tcp_state event;
  __builtin_memset(&event, 0, sizeof(event));
  if (owner) {
    event.header.pid = owner->pid;
    event.header.tid = owner->tid;
    event.header.ppid = owner->ppid;
    event.header.uid = owner->uid;
    __builtin_memcpy(event.header.comm, owner->comm, TC_COMM_LENGTH);
  }
  const __u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);
  event.old_state.value = old_state;
  event.new_state.value = new_state;
  read_local(&event.local_address, family, sk);
  read_remote(&event.remote_address, family, sk);
  event.family.value = family_of(family, &event.local_address);
  event.local_port.value = local_port(sk);
  event.remote_port.value = remote_port(sk);
  event.net_ns.value = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
  if (new_state == TC_TCP_CLOSE) {
    const struct tcp_sock* const tcp = (const struct tcp_sock*)sk;
    event.bytes_received.value = BPF_CORE_READ(tcp, bytes_received);
    event.bytes_acked.value = BPF_CORE_READ(tcp, bytes_acked);
  }
  emit_as(&event.header, TC_EVENT_tcp_state, sizeof(event));
  return 0;
}

SEC("tp_btf/tcp_destroy_sock") int forget_socket(__u64* ctx) {
  const __u64 key = ctx[0];
  bpf_map_delete_elem(&accepted_by, &key);
  return 0;
}

/* Run once when observation starts: the sockets that observed processes already have. */
SEC("iter/task_file") int snapshot_sockets(struct bpf_iter__task_file* ctx) {
  struct task_struct* const task = ctx->task;
  struct file* const file = ctx->file;
  if (!task || !file || task->pid != task->tgid) return 0;
  const __u32 tgid = task->tgid;
  const bool selected =
      config.all || is_followed(tgid) || (config.by_cgroup && in_selected_cgroup(task));
  if (!selected) return 0;
  struct socket* const socket = bpf_sock_from_file(file);
  if (!socket || !socket->sk) return 0;
  struct socket_owner* owner =
      bpf_sk_storage_get(&socket_owners, socket->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
  if (!owner) return 0;
  owner->pid = tgid;
  owner->tid = tgid;
  owner->ppid = BPF_CORE_READ(task, real_parent, tgid);
  owner->uid = BPF_CORE_READ(task, real_cred, uid.val);
  BPF_CORE_READ_STR_INTO(&owner->comm, task, comm);
  owner->selected = 1;
  return 0;
}
