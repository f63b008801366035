/* How a record leaves: scratch space to build it in, the header, the ring, and exact books about
 * every record that did not fit.
 *
 * A loss is counted per CPU, event type and reason, and told in the stream by a `lost` record that
 * precedes the next record this CPU gets through: so it stands where it happened. What is still
 * pending when the observation ends is read by user space. */
#pragma once

#include "state.h"

static __always_inline struct tc_cpu_state* this_cpu(void) {
  __u32 zero = 0;
  return bpf_map_lookup_elem(&cpu_states, &zero);
}

/* A buffer that no other program touches until it is released. Programs nest on one CPU (a softirq
 * inside a system call, a preempted uprobe), hence several a CPU and a flag each. */
static __always_inline struct scratch* acquire_scratch(void) {
  __u32 cpu = bpf_get_smp_processor_id();
  for (int i = 0; i < TC_SCRATCH_PER_CPU; i++) {
    __u32 key = cpu * TC_SCRATCH_PER_CPU + i;
    struct scratch* scratch = bpf_map_lookup_elem(&scratches, &key);
    if (!scratch) return 0;
    if (__sync_lock_test_and_set(&scratch->busy, 1) != 0) continue;
    scratch->key = key;
    return scratch;
  }
  return 0;
}

static __always_inline void release_scratch(struct scratch* scratch) {
  *(volatile __u32*)&scratch->busy = 0;
}

/* Adds to the books: `count` records of `type` did not get through, between the two times. */
static __always_inline void count_loss(struct tc_cpu_state* cpu, __u32 type, __u32 reason,
                                       __u64 count, __u64 first_ns, __u64 last_ns) {
  struct tc_loss* loss = &cpu->losses[(type * TC_REASONS + reason) & (TC_LOSS_SLOTS - 1)];
  __sync_fetch_and_add(&loss->count, count);
  if (loss->first_ns == 0 || first_ns < loss->first_ns) loss->first_ns = first_ns;
  if (last_ns > loss->last_ns) loss->last_ns = last_ns;
  __sync_fetch_and_add(&cpu->pending, count);
}

static __always_inline void lose(__u32 type, __u32 reason) {
  struct tc_cpu_state* cpu = this_cpu();
  const __u64 now = bpf_ktime_get_boot_ns();
  if (!cpu) return;
  __sync_fetch_and_add(&cpu->seq, 1);
  count_loss(cpu, type, reason, 1, now, now);
}

/* Wakes the reader once, when the unread bytes cross the threshold. A wake-up an event costs the
 * observed thread 5 us, this one nothing; what lies below the threshold the reader finds at its
 * next timeout (research/observer.md, section 0 fact 1). */
static __always_inline long send(void* record, __u64 size) {
  const __u64 unread = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
  const bool crosses = unread < config.wake_bytes && unread + size >= config.wake_bytes;
  return bpf_ringbuf_output(&events, record, size,
                            crosses ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* Tells all pending losses of this CPU; those that do not fit either stay pending. */
int flush_losses(void);

static __always_inline void fill_process(struct tc_header* header) {
  const __u64 pid_tgid = bpf_get_current_pid_tgid();
  header->pid = pid_tgid >> 32;
  header->tid = (__u32)pid_tgid;
  header->uid = (__u32)bpf_get_current_uid_gid();
  header->ppid = current_task()->real_parent->tgid;
  bpf_get_current_comm(header->comm, sizeof(header->comm));
}

/* Names the thread and nothing else: for records whose process user space knows already. */
static __always_inline void fill_thread_of(struct tc_header* header, struct task_struct* task) {
  header->pid = task->tgid;
  header->tid = task->pid;
  header->uid = 0;
  header->ppid = 0;
  __builtin_memset(header->comm, 0, sizeof(header->comm));
}

static __always_inline void fill_thread(struct tc_header* header) {
  fill_thread_of(header, current_task());
}

/* Completes the header and sends. The process fields are the caller's (see fill_process). */
static __always_inline void emit_as(struct tc_header* header, __u32 type, __u64 size) {
  struct tc_cpu_state* cpu = this_cpu();
  if (!cpu) return;
  if (cpu->pending) flush_losses();
  header->type = type;
  header->size = size;
  header->cpu = bpf_get_smp_processor_id();
  header->seq = __sync_fetch_and_add(&cpu->seq, 1) + 1;
  header->time_ns = bpf_ktime_get_boot_ns();
  if (size > TC_RECORD_MAX) return;
  if (send(header, size))
    count_loss(cpu, type, TC_LOSS_ring_full, 1, header->time_ns, header->time_ns);
}

static __always_inline void emit(struct tc_header* header, __u32 type, __u64 size) {
  fill_process(header);
  emit_as(header, type, size);
}
