/* The strings that lie where a new program's memory has its arguments, in pieces: an argv may be
 * longer than a record. */
#pragma once

#include "emit.h"

#define ARGV_PIECE 32768
#define ARGV_PIECES_MAX 256

struct argv_pieces {
  __u64 start;
  __u64 total;
  struct scratch* scratch;
};

/* Sends piece `index + 1`; piece 0 travels in the record of the exec itself. */
static long emit_argv_piece(__u64 index, struct argv_pieces* pieces) {
  struct tc_argv_chunk* event = (void*)pieces->scratch->record;
  const __u64 position = (index + 1) * ARGV_PIECE;
  if (position >= pieces->total) return 1;
  __u64 length = pieces->total - position;
  if (length > ARGV_PIECE) length = ARGV_PIECE;
  if (bpf_probe_read_user(event + 1, length, (void*)(pieces->start + position)) != 0) return 1;
  event->position = position;
  event->bytes = (tc_data){.offset = sizeof(*event), .length = length};
  emit(&event->header, TC_EVENT_argv_chunk, sizeof(*event) + length);
  return 0;
}

static __always_inline void emit_argv_pieces(struct argv_pieces* pieces) {
  if (pieces->total > ARGV_PIECE) bpf_loop(ARGV_PIECES_MAX, emit_argv_piece, pieces, 0);
}
