/* Event 5, ssl_op: reads and writes of a TLS library, at the side where the bytes are plain.
 *
 * The entry notes the arguments on a small stack of the thread (a BIO filter may nest calls), the
 * return knows how many bytes went. OpenSSL's _ex forms put the count behind their 4th argument. */
#include "selection.h"
#include "stack.h"

#define NESTED_CALLS 4

struct ssl_call {
  __u64 buffer;
  __u64 count_at; /* where an _ex form stores the count, else 0 */
  __u64 caller;
  __u64 function;
};
struct ssl_calls {
  __u64 depth;
  struct ssl_call calls[NESTED_CALLS];
};
struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct ssl_calls);
} ssl_calls SEC(".maps");

static __always_inline bool has_count_argument(__u64 function) {
  return function == TC_FUNCTION_SSL_read_ex || function == TC_FUNCTION_SSL_write_ex ||
         function == TC_FUNCTION_SSL_peek_ex;
}

static __always_inline __u32 op_of(__u64 function) {
  switch (function) {
    case TC_FUNCTION_SSL_read:
    case TC_FUNCTION_SSL_read_ex:
    case TC_FUNCTION_gnutls_record_recv:
      return TC_SSL_read;
    case TC_FUNCTION_SSL_peek:
    case TC_FUNCTION_SSL_peek_ex:
      return TC_SSL_peek;
    default:
      return TC_SSL_write;
  }
}

SEC("uprobe") int ssl_entry(struct pt_regs* ctx) {
  if (!is_selected()) return 0;
  struct ssl_calls* thread =
      bpf_task_storage_get(&ssl_calls, (void*)current_task(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!thread) return 0;
  const __u64 depth = thread->depth++;
  if (depth >= NESTED_CALLS) return 0;
  struct ssl_call* call = &thread->calls[depth];
  call->function = bpf_get_attach_cookie(ctx);
  call->buffer = ctx->si;
  call->count_at = has_count_argument(call->function) ? ctx->cx : 0;
  if (bpf_probe_read_user(&call->caller, sizeof(call->caller), (void*)ctx->sp)) call->caller = 0;
  return 0;
}

static __always_inline __u64 bytes_moved(const struct ssl_call* call, __s64 ret) {
  __u64 count = 0;
  if (ret <= 0) return 0;
  if (!call->count_at) return ret;
  bpf_probe_read_user(&count, sizeof(count), (void*)call->count_at);
  return count;
}

/* Puts the plaintext at record[at] as far as asked for; returns the bytes kept. */
static __always_inline __u32 append_plaintext(struct scratch* scratch, struct tc_ssl_op* event,
                                              __u64 buffer, __u32 at) {
  __u64 length = event->bytes;
  if (!config.ssl_data_max || !length) return 0;
  if (length > config.ssl_data_max) {
    length = config.ssl_data_max;
    event->data_truncated.value = 1;
  }
  if (length > TC_SSL_DATA_MAX || at > TC_RECORD_MAX - TC_SSL_DATA_MAX) return 0;
  if (bpf_probe_read_user(&scratch->record[at], length, (void*)buffer)) return 0;
  event->data = (tc_data){.offset = at, .length = length};
  return length;
}

SEC("uretprobe") int ssl_return(struct pt_regs* ctx) {
  struct ssl_calls* thread = bpf_task_storage_get(&ssl_calls, (void*)current_task(), 0, 0);
  if (!thread || thread->depth == 0) return 0;
  const __u64 depth = --thread->depth;
  if (depth >= NESTED_CALLS || !is_selected()) return 0;
  const struct ssl_call* call = &thread->calls[depth];
  struct scratch* scratch = acquire_scratch();
  if (!scratch) {
    lose(TC_EVENT_ssl_op, TC_LOSS_scratch_busy);
    return 0;
  }
  struct tc_ssl_op* event = (void*)scratch->record;
  __u32 size = sizeof(*event);
  __builtin_memset(event, 0, sizeof(*event));
  const __u32 function = call->function;
  const bool gnutls =
      function == TC_FUNCTION_gnutls_record_recv || function == TC_FUNCTION_gnutls_record_send;
  /* OpenSSL returns int, GnuTLS ssize_t (SSL_read(3), gnutls_record_recv(3)). */
  const __s64 ret = gnutls ? (__s64)ctx->ax : (__s32)ctx->ax;
  event->ret.value = ret;
  event->bytes = bytes_moved(call, ret);
  event->function.value = function;
  event->library.value = gnutls ? TC_LIBRARY_gnutls : TC_LIBRARY_openssl;
  event->op.value = op_of(function);
  event->caller.value = call->caller;
  const __u32 stack = append_stack(ctx, scratch, size);
  if (stack) event->stack = (tc_stack){.offset = size, .length = stack};
  size += stack;
  size += append_plaintext(scratch, event, call->buffer, size);
  emit(&event->header, TC_EVENT_ssl_op, size);
  release_scratch(scratch);
  return 0;
}
