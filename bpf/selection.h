/* Is this process observed? The one place that decides. */
#pragma once

#include "state.h"

static __always_inline bool in_selected_cgroup(struct task_struct* task) {
  struct cgroup* cgroup;
  if (config.cgroup_subsystem == TC_CGROUP_V2) {
    cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
  } else {
    struct css_set* set = BPF_CORE_READ(task, cgroups);
    struct cgroup_subsys_state* css = 0;
    const __u32 subsystem = config.cgroup_subsystem & 15;
    bpf_core_read(&css, sizeof(css), &set->subsys[subsystem]);
    cgroup = BPF_CORE_READ(css, cgroup);
  }
  for (int depth = 0; depth < 24 && cgroup; depth++) {
    if (BPF_CORE_READ(cgroup, kn, id) == config.cgroup_id) return true;
    cgroup = BPF_CORE_READ(cgroup, self.parent, cgroup);
  }
  return false;
}

static __always_inline bool gate_open(void) {
  __u32 zero = 0;
  const struct tc_control* state = bpf_map_lookup_elem(&control, &zero);
  return state && state->open;
}

static __always_inline bool is_followed(__u32 tgid) {
  return bpf_map_lookup_elem(&followed, &tgid) != 0;
}

static __always_inline bool is_selected_task(struct task_struct* task, __u32 tgid) {
  if (config.all) return tgid != config.own_pid && gate_open();
  if (is_followed(tgid)) return gate_open();
  return config.by_cgroup && in_selected_cgroup(task) && gate_open();
}

static __always_inline bool is_selected(void) {
  return is_selected_task(current_task(), bpf_get_current_pid_tgid() >> 32);
}
