/* The user-space call stack at a probe, as far as frame pointers carry. */
#pragma once

#include "emit.h"

/* Puts the stack at record[at]; returns its bytes. Depth is a constant of the loaded programs. */
static __always_inline __u32 append_stack(void* ctx, struct scratch* scratch, __u32 at) {
  if (!config.stack_depth) return 0;
  __u32 bytes = config.stack_depth * sizeof(__u64);
  if (bytes > TC_STACK_DEPTH_MAX * sizeof(__u64)) bytes = TC_STACK_DEPTH_MAX * sizeof(__u64);
  if (at > TC_RECORD_MAX - 4096) return 0;
  const long got = bpf_get_stack(ctx, &scratch->record[at], bytes, BPF_F_USER_STACK);
  return got > 0 && got <= (long)bytes ? got : 0;
}
