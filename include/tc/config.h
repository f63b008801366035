/* What user space tells the programs before they are loaded (config: constants to the verifier,
 * so that unused branches vanish) and while they run (control). Shared with probe/. */
#pragma once

#include "tc/event.h"

struct tc_config {
  tc_u32 all;              /* every process but tc itself */
  tc_u32 by_cgroup;        /* processes in the cgroup `cgroup_id` or below it */
  tc_u32 cgroup_subsystem; /* index into css_set::subsys, or TC_CGROUP_V2 */
  tc_u32 own_pid;          /* tc's thread group, never observed */
  tc_u64 cgroup_id;        /* inode number of the cgroup's directory */
  tc_u32 wake_bytes;       /* unread bytes in the ring at which the reader is woken */
  tc_u32 mappings;         /* emit memory_mapping records */
  tc_u32 ssl_data_max;     /* plaintext bytes to keep of each TLS call */
  tc_u32 stack_depth;      /* return addresses to keep, 0: none */
  tc_u32 cpus;             /* possible CPUs */
  tc_u32 trace_foreign;    /* tell calls that are not of x86-64: i386, x32 */
  tc_u32 trace_unknown;    /* tell x86-64 calls from TC_CALLS_MAX on */
  tc_u32 exit_tells_last;  /* sched_process_exit says whether the process ends (Linux 6.16) */
};

struct tc_control {
  tc_u32 open; /* the gate: nothing is emitted while 0 */
};

#define TC_CGROUP_V2 0xffffffffu
#define TC_SCRATCH_PER_CPU 4
#define TC_STACK_DEPTH_MAX 127
#define TC_SSL_DATA_MAX 32768
/* Loss counters are kept per event type and reason: slot = type * TC_REASONS + reason. */
#define TC_REASONS 8
#define TC_LOSS_SLOTS (TC_EVENT_ID_LIMIT * TC_REASONS)

/* Losses not yet told in the stream: of one event type, for one reason, on one CPU. */
struct tc_loss {
  tc_u64 count;
  tc_u64 first_ns;
  tc_u64 last_ns;
};
struct tc_cpu_state {
  tc_u64 seq;
  tc_u64 pending; /* sum of the counts below */
  struct tc_loss losses[TC_LOSS_SLOTS];
};
