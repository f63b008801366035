/* The memory behind the arguments of a system call, by the plan that user space has written for
 * each call: see tc/capture.h. */
#pragma once

#include "emit.h"
#include "tc/capture.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, TC_CALLS_MAX);
  __type(key, __u32);
  __type(value, struct tc_capture_plan);
} plans SEC(".maps") __weak;

/* Carries out step `index` of the plan of call `number`: appends its pieces to the call_return
 * record in the scratch buffer numbered `scratch_key`, whose header.size says where they go. A
 * function of its own object, so that the verifier checks it once. */
int capture_step(__u32 scratch_key, __u32 number, __u32 index);
