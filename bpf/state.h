/* The maps every program shares, declared weak so that the linker folds the copies into one. */
#pragma once

#include "kernel.h"
#include "tc/config.h"

struct scratch {
  __u32 busy;
  __u32 key; /* in the map */
  __u8 record[TC_RECORD_MAX];
  /* Paths are built from their end here; the slack lets a masked write stay inside. */
  __u8 walk[4096 + 256];
};

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 16 << 20);
} events SEC(".maps") __weak;

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct tc_cpu_state);
} cpu_states SEC(".maps") __weak;

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct scratch);
} scratches SEC(".maps") __weak;

/* The followed processes, by thread group id. Entered by user space and at fork, left at exit. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1 << 18);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u32);
  __type(value, __u8);
} followed SEC(".maps") __weak;

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __uint(map_flags, BPF_F_MMAPABLE);
  __type(key, __u32);
  __type(value, struct tc_control);
} control SEC(".maps") __weak;

extern const volatile struct tc_config config;
