/* Event 4, network_op: connect, accept and accept4.
 *
 * The uprobe on libc's function notes who called it; the record leaves when the system call
 * returns, with addresses and result. A program that makes the system call without libc gives the
 * same record with source "syscall" and no caller. */
#include "path.h"
#include "socket.h"
#include "syscall_exit.h"

struct libc_call {
  __u64 caller;
  __u64 op;
};
struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct libc_call);
} libc_calls SEC(".maps");

SEC("uprobe") int libc_network_call(struct pt_regs* ctx) {
  if (!is_selected()) return 0;
  struct libc_call* call =
      bpf_task_storage_get(&libc_calls, (void*)current_task(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!call) return 0;
  call->op = bpf_get_attach_cookie(ctx);
  if (bpf_probe_read_user(&call->caller, sizeof(call->caller), (void*)ctx->sp)) call->caller = 0;
  return 0;
}

/* struct sockaddr_in, sockaddr_in6 and sockaddr_un as user space has them. */
struct user_address {
  __u16 family;
  __u16 port;
  __u32 ipv4_or_flow;
  __u8 ipv6[16];
};

/* The fields that a socket knows itself. */
static __always_inline void read_socket(struct tc_network_op* event, struct sock* sk) {
  const __u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);
  event->family.value = family;
  event->socket_type.value = BPF_CORE_READ(sk, sk_type);
  event->net_ns.value = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
  if (family != AF_INET && family != AF_INET6) return;
  read_local(&event->local_address, family, sk);
  read_remote(&event->remote_address, family, sk);
  event->local_port.value = local_port(sk);
  event->remote_port.value = remote_port(sk);
}

/* The peer as the caller named it: right also when connecting failed. Returns the bytes of a unix
 * socket's path appended at `at`. */
static __always_inline __u32 read_named_peer(struct scratch* scratch, struct tc_network_op* event,
                                             const void* user, __u32 length, __u32 at) {
  struct user_address address = {};
  const __u32 path_offset = 2;
  if (bpf_probe_read_user(&address, 2, user)) return 0;
  event->family.value = address.family;
  if (address.family == AF_UNIX) {
    if (length <= path_offset) return 0;
    __u32 bytes = length - path_offset;
    if (bytes > 108) bytes = 108;
    if (at > 4096 || bpf_probe_read_user(&scratch->record[at], bytes, user + path_offset)) return 0;
    if (scratch->record[at] == 0) return bytes; /* abstract: the NULs are part of the name */
    const long got = bpf_probe_read_user_str(&scratch->record[at], bytes + 1, user + path_offset);
    return got > 0 && got <= 109 ? got - 1 : 0;
  }
  if (address.family != AF_INET && address.family != AF_INET6) return 0;
  bpf_probe_read_user(&address, 8, user);
  event->remote_port.value = __builtin_bswap16(address.port);
  if (address.family == AF_INET) {
    put_ipv4(&event->remote_address, address.ipv4_or_flow);
  } else {
    bpf_probe_read_user(&event->remote_address, 16, user + 8);
    event->family.value = family_of(AF_INET6, &event->remote_address);
  }
  return 0;
}

/* The name a unix socket is bound to; an accepted one has its listener's. */
static __always_inline __u32 read_bound_path(struct scratch* scratch, struct sock* sk, __u32 at) {
  struct unix_address* const address = BPF_CORE_READ((struct unix_sock*)sk, addr);
  __u32 length = address ? BPF_CORE_READ(address, len) : 0;
  if (length <= 2 || length > 110 || at > 4096) return 0;
  length = (length - 2) & 127;
  const void* const name = (void*)address + bpf_core_field_offset(struct unix_address, name) + 2;
  bpf_probe_read_kernel(&scratch->record[at], length, name);
  if (scratch->record[at] != 0 && length > 0) {
    const long got = bpf_probe_read_kernel_str(&scratch->record[at], length + 1, name);
    return got > 0 && got <= 128 ? got - 1 : 0;
  }
  return length;
}

static __always_inline void note_accepted(struct sock* sk) {
  const __u64 key = (__u64)sk;
  struct socket_owner owner;
  if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP) return;
  fill_owner(&owner);
  if (bpf_map_update_elem(&accepted_by, &key, &owner, BPF_ANY) != 0)
    lose(TC_EVENT_tcp_state, TC_LOSS_map_full);
}

static __always_inline void take_caller(struct tc_network_op* event, __u32 op) {
  struct libc_call* call = bpf_task_storage_get(&libc_calls, (void*)current_task(), 0, 0);
  event->source.value = TC_SOURCE_syscall;
  if (!call || call->op != op) return;
  event->source.value = TC_SOURCE_uprobe;
  event->caller.value = call->caller;
  call->op = 0;
}

static __always_inline void emit_network_op(struct task_struct* task, const struct pt_regs* regs,
                                            __u32 op, __s64 ret) {
  struct scratch* scratch = acquire_scratch();
  if (!scratch) return lose(TC_EVENT_network_op, TC_LOSS_scratch_busy);
  struct tc_network_op* event = (void*)scratch->record;
  __u32 size = sizeof(*event);
  __u32 path = 0;
  const __s32 fd = regs->di;
  const __s64 shown_fd = op == TC_NETWORK_accept && ret >= 0 ? ret : fd;
  __builtin_memset(event, 0, sizeof(*event));
  event->ret.value = ret;
  event->op.value = op;
  event->fd = fd;
  struct sock* sk = 0;
  if (ret != -EBADF && ret != -ENOTSOCK) {
    struct socket* const socket = BPF_CORE_READ(file_of_descriptor(task, shown_fd), private_data);
    sk = BPF_CORE_READ(socket, sk);
  }
  if (sk) read_socket(event, sk);
  if (op == TC_NETWORK_connect) {
    path = read_named_peer(scratch, event, (void*)regs->si, regs->dx, size);
  } else if (sk) {
    event->family.value = family_of(event->family.value, &event->local_address);
    if (event->family.value == AF_UNIX) path = read_bound_path(scratch, sk, size);
    if (ret >= 0) note_accepted(sk);
  }
  if (path) event->path = (tc_path){.offset = size, .length = path};
  size += path & 255;
  take_caller(event, op);
  emit(&event->header, TC_EVENT_network_op, size);
  release_scratch(scratch);
}

static __always_inline void on_connect(struct task_struct* task, const struct pt_regs* regs,
                                       __s64 ret) {
  emit_network_op(task, regs, TC_NETWORK_connect, ret);
}
TC_ON_SYSCALL_EXIT(connect, on_connect)

static __always_inline void on_accept(struct task_struct* task, const struct pt_regs* regs,
                                      __s64 ret) {
  emit_network_op(task, regs, TC_NETWORK_accept, ret);
}
TC_ON_SYSCALL_EXIT(accept, on_accept)
TC_ON_SYSCALL_EXIT(accept4, on_accept)
