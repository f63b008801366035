/* Copying what a system call's arguments point to: see trace_capture.h.
 *
 * Every position lives in the record itself, in map memory: so the verifier knows nothing of it,
 * has nothing to follow from piece to piece, and believes the masks, which by the limits of
 * tc/capture.h never cut anything off. */
#include "trace_capture.h"

/* A piece begins below this; the longest is TC_CAPTURE_ENTRIES_MAX bytes. */
#define PIECES_END 0x8000
/* Lists of strings come early (execve has two of them), and end below the former. */
#define STRINGS_END 0x4000
#define FIXED_MAX 4096
#define IOCTL_MAX 256
#define IOCTL_SIZE_UNKNOWN 64

struct user_vector {
  __u64 base, length;
};
struct user_message {
  __u64 name;
  __u32 name_length, pad0;
  __u64 vectors, vector_count, control, control_length;
  __u32 flags, pad1;
};
struct user_lock {
  __u16 type, whence;
  __u32 pad0;
  __u64 start, length;
  __u32 pid, pad1;
};

static __always_inline struct tc_call_return* call_in(struct scratch* scratch) {
  return (struct tc_call_return*)scratch->record;
}

/* Where the next piece begins; always inside the record. */
static __always_inline __u32 cursor(struct scratch* scratch) {
  __u32 at = call_in(scratch)->header.size;
  barrier_var(at);
  return at & (PIECES_END - 1);
}

static __always_inline bool has_room(struct scratch* scratch) {
  return call_in(scratch)->header.size < PIECES_END;
}

/* Completes the piece at `at`, whose `length` bytes are in place. */
static __always_inline void finish_piece(struct scratch* scratch, __u32 at, __u32 argument,
                                         __u32 part, __u32 flags, __u32 length) {
  struct tc_piece* const piece = (struct tc_piece*)&scratch->record[at];
  piece->argument = argument;
  piece->part = part;
  piece->flags = flags;
  piece->length = length;
  const __u32 end = at + sizeof(*piece) + length;
  *(__u64*)&scratch->record[end] = 0;
  call_in(scratch)->header.size = (end + 7) & ~7u;
  call_in(scratch)->piece_count++;
}

/* Appends `length` bytes from `address` as far as `limit`, a constant. Returns where the bytes
 * lie in the record, or 0 when there are none. */
static __always_inline __u32 append(struct scratch* scratch, __u32 argument, __u32 part,
                                    __u64 address, __u64 length, __u32 limit) {
  if (!address || !has_room(scratch)) return 0;
  const __u32 at = cursor(scratch);
  __u32 flags = 0;
  if (length > limit) {
    length = limit;
    flags = TC_PIECE_TRUNCATED;
  }
  if (length &&
      bpf_probe_read_user(&scratch->record[at + sizeof(struct tc_piece)], length, (void*)address)) {
    finish_piece(scratch, at, argument, part, flags | TC_PIECE_FAULT, 0);
    return 0;
  }
  finish_piece(scratch, at, argument, part, flags, length);
  return at + sizeof(struct tc_piece);
}

/* The same for a limit that is not known before the programs run. */
static __always_inline __u32 append_data(struct scratch* scratch, __u32 argument, __u32 part,
                                         __u64 address, __u64 length, __u32 limit) {
  if (length <= limit) return append(scratch, argument, part, address, length, TC_CAPTURE_DATA_MAX);
  if (!address || !has_room(scratch)) return 0;
  const __u32 at = cursor(scratch);
  if (limit > TC_CAPTURE_DATA_MAX) limit = TC_CAPTURE_DATA_MAX;
  if (bpf_probe_read_user(&scratch->record[at + sizeof(struct tc_piece)], limit, (void*)address)) {
    finish_piece(scratch, at, argument, part, TC_PIECE_TRUNCATED | TC_PIECE_FAULT, 0);
    return 0;
  }
  finish_piece(scratch, at, argument, part, TC_PIECE_TRUNCATED, limit);
  return at + sizeof(struct tc_piece);
}

static __always_inline void append_string(struct scratch* scratch, __u32 argument, __u64 address) {
  if (!address || !has_room(scratch)) return;
  const __u32 at = cursor(scratch);
  /* Room for the NUL, and one more to tell a string that just fits from one that does not. */
  const long got = bpf_probe_read_user_str(&scratch->record[at + sizeof(struct tc_piece)],
                                           TC_CAPTURE_STRING_MAX + 2, (void*)address);
  if (got <= 0)
    finish_piece(scratch, at, argument, 0, TC_PIECE_FAULT, 0);
  else if (got > TC_CAPTURE_STRING_MAX + 1)
    finish_piece(scratch, at, argument, 0, TC_PIECE_TRUNCATED, TC_CAPTURE_STRING_MAX);
  else
    finish_piece(scratch, at, argument, 0, 0, got - 1);
}

/* What iovecs point to, gathered into one piece. */
struct gathering {
  struct scratch* scratch;
  __u32 vectors_at; /* in the record */
  __u32 count;
  __u32 data_at;
  __u32 limit;  /* bytes that may be copied yet */
  __u64 wanted; /* bytes that there are yet: RESULT knows it from the start */
  bool counts;  /* wanted is the sum of the lengths */
  bool fault;
};

static long gather(__u64 index, struct gathering* g) {
  if (index >= g->count) return 1;
  const __u32 from = (g->vectors_at & (PIECES_END - 1)) +
                     (index & (TC_CAPTURE_VECTORS_MAX - 1)) * sizeof(struct user_vector);
  const struct user_vector* const vector = (const struct user_vector*)&g->scratch->record[from];
  __u64 length = vector->length;
  if (g->counts)
    g->wanted += length;
  else if (length > g->wanted)
    length = g->wanted;
  if (length > g->limit) length = g->limit;
  if (length > TC_CAPTURE_DATA_MAX) return 1;
  if (!length) return 0;
  const __u32 at = g->data_at & 0xffff;
  if (bpf_probe_read_user(&g->scratch->record[at], length, (void*)vector->base)) {
    g->fault = true;
    return 1;
  }
  g->data_at = at + length;
  g->limit -= length;
  if (!g->counts) g->wanted -= length;
  return 0;
}

static __always_inline void append_vectors(struct scratch* scratch, __u32 argument, __u32 part,
                                           __u64 address, __u64 count, bool result,
                                           __u32 data_max) {
  const bool more = count > TC_CAPTURE_VECTORS_MAX;
  if (more) count = TC_CAPTURE_VECTORS_MAX;
  const __u32 vectors_at =
      append(scratch, argument, part, address, count * sizeof(struct user_vector),
             TC_CAPTURE_VECTORS_MAX * sizeof(struct user_vector));
  if (!vectors_at || !has_room(scratch)) return;
  if (more) {
    const __u32 head = (vectors_at - sizeof(struct tc_piece)) & (PIECES_END - 1);
    ((struct tc_piece*)&scratch->record[head])->flags = TC_PIECE_TRUNCATED;
  }
  if (data_max > TC_CAPTURE_DATA_MAX) data_max = TC_CAPTURE_DATA_MAX;
  const __u32 at = cursor(scratch);
  const __u32 data_at = at + sizeof(struct tc_piece);
  struct gathering gathering = {.scratch = scratch,
                                .vectors_at = vectors_at,
                                .count = count,
                                .data_at = data_at,
                                .limit = data_max,
                                .wanted = result ? call_in(scratch)->ret.value : 0,
                                .counts = !result};
  bpf_loop(TC_CAPTURE_VECTORS_MAX, gather, &gathering, 0);
  __u32 length = gathering.data_at - data_at;
  const bool cut = result ? gathering.wanted > 0 : more || gathering.wanted > length;
  if (gathering.fault || length > TC_CAPTURE_DATA_MAX) length = 0;
  finish_piece(scratch, at, argument, part + 1,
               (gathering.fault ? TC_PIECE_FAULT : 0) | (cut ? TC_PIECE_TRUNCATED : 0), length);
}

static __always_inline void append_message(struct scratch* scratch, __u32 argument, __u64 address,
                                           bool result, __u32 data_max) {
  const __u32 at = append(scratch, argument, 0, address, sizeof(struct user_message),
                          sizeof(struct user_message));
  if (!at) return;
  const struct user_message message =
      *(const struct user_message*)&scratch->record[at & (PIECES_END - 1)];
  append(scratch, argument, 1, message.name, message.name_length, TC_CAPTURE_ADDRESS_MAX);
  append_vectors(scratch, argument, 2, message.vectors, message.vector_count, result, data_max);
  append(scratch, argument, 4, message.control, message.control_length, TC_CAPTURE_CONTROL_MAX);
}

struct string_list {
  struct scratch* scratch;
  const __u64* pointers;
  __u32 base; /* where the bytes begin in the record */
  __u32 length;
  __u32 flags;
};

static long append_list_string(__u64 index, struct string_list* list) {
  __u64 pointer = 0;
  if (bpf_probe_read_user(&pointer, sizeof(pointer), &list->pointers[index])) {
    list->flags |= TC_PIECE_FAULT;
    return 1;
  }
  if (!pointer) return 1;
  const __u32 room = TC_CAPTURE_STRINGS_MAX - list->length;
  const __u32 at = (list->base + list->length) & (PIECES_END - 1);
  if (room > TC_CAPTURE_STRINGS_MAX) return 1;
  const long got = bpf_probe_read_user_str(&list->scratch->record[at], room + 1, (void*)pointer);
  if (got <= 0) {
    list->flags |= TC_PIECE_FAULT;
    return 1;
  }
  if (got > room) {
    list->length = TC_CAPTURE_STRINGS_MAX;
    list->flags |= TC_PIECE_TRUNCATED;
    return 1;
  }
  list->length += got;
  return 0;
}

static __always_inline void append_strings(struct scratch* scratch, __u32 argument, __u64 address) {
  if (!address || call_in(scratch)->header.size >= STRINGS_END) return;
  const __u32 at = cursor(scratch);
  struct string_list list = {
      .scratch = scratch, .pointers = (const __u64*)address, .base = at + sizeof(struct tc_piece)};
  /* One more than there can be strings, to see the end behind the last. */
  bpf_loop(TC_CAPTURE_STRINGS_MAX + 1, append_list_string, &list, 0);
  if (list.length > TC_CAPTURE_STRINGS_MAX) return;
  finish_piece(scratch, at, argument, 0, list.flags, list.length);
}

static __always_inline __u32 ioctl_size(__u32 command) {
  const __u32 size = command >> 16 & 0x3fff;
  if (size) return size;
  return command >> 8 == 'T' ? IOCTL_SIZE_UNKNOWN : 0;
}

static __always_inline bool is_lock_command(__u32 command) {
  return (command >= 5 && command <= 7) || (command >= 36 && command <= 38);
}

__noinline int capture_step(__u32 scratch_key, __u32 number, __u32 index) {
  struct scratch* const scratch = bpf_map_lookup_elem(&scratches, &scratch_key);
  const struct tc_capture_plan* const plan = bpf_map_lookup_elem(&plans, &number);
  if (!scratch || !plan || index >= TC_CAPTURE_STEPS) return 0;
  const struct tc_capture_step* const step = &plan->step[index];
  const struct tc_call_return* const call = call_in(scratch);
  /* a0 … a5 lie one behind the other; the mask is wider than the table, but not than the record. */
  const tc_u64* const arguments = &call->a0;
  const __u32 argument = step->argument & 7;
  const __u64 address = arguments[argument];
  const __u64 length = arguments[step->length & 7];
  const __s64 ret = call->ret.value;
  const bool result = step->flags & TC_CAPTURE_RESULT;
  if (result && ret < 0 && ret >= -4095) return 0;

  switch (step->kind) {
    case TC_CAPTURE_STRING:
      append_string(scratch, argument, address);
      break;
    case TC_CAPTURE_FIXED:
      append(scratch, argument, 0, address, step->size, FIXED_MAX);
      break;
    case TC_CAPTURE_BUFFER:
      append_data(scratch, argument, 0, address, result ? (__u64)ret : length, plan->data_max);
      break;
    case TC_CAPTURE_ARRAY:
      append(scratch, argument, 0, address,
             (result ? (__u64)ret : (__u64)(__u32)length) * step->size, TC_CAPTURE_ARRAY_MAX);
      break;
    case TC_CAPTURE_ADDRESS: {
      __u32 bytes = length;
      if (result && bpf_probe_read_user(&bytes, sizeof(bytes), (void*)length)) return 0;
      append(scratch, argument, 0, address, bytes, TC_CAPTURE_ADDRESS_MAX);
      break;
    }
    case TC_CAPTURE_VECTORS:
      append_vectors(scratch, argument, 0, address, length, result, plan->data_max);
      break;
    case TC_CAPTURE_MESSAGE:
      append_message(scratch, argument, address, result, plan->data_max);
      break;
    case TC_CAPTURE_ENTRIES:
      append(scratch, argument, 0, address, ret, TC_CAPTURE_ENTRIES_MAX);
      break;
    case TC_CAPTURE_STRINGS:
      append_strings(scratch, argument, address);
      break;
    case TC_CAPTURE_IOCTL:
      if (ioctl_size(call->a1))
        append(scratch, argument, 0, address, ioctl_size(call->a1), IOCTL_MAX);
      break;
    case TC_CAPTURE_LOCK:
      if (is_lock_command(call->a1))
        append(scratch, argument, 0, address, sizeof(struct user_lock), sizeof(struct user_lock));
      break;
  }
  return 0;
}
