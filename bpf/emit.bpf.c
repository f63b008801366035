/* Telling losses in the stream: see emit.h. */
#include "emit.h"

struct flush {
  struct tc_cpu_state* cpu;
};

static long flush_one(__u64 index, struct flush* flush) {
  struct tc_cpu_state* cpu = flush->cpu;
  struct tc_loss* loss = &cpu->losses[index & (TC_LOSS_SLOTS - 1)];
  const __u32 type = index / TC_REASONS;
  const __u32 reason = index % TC_REASONS;
  if (loss->count == 0) return 0;

  struct tc_lost record;
  __builtin_memset(&record, 0, sizeof(record));
  record.first_ns.value = __sync_lock_test_and_set(&loss->first_ns, 0);
  record.last_ns.value = __sync_lock_test_and_set(&loss->last_ns, 0);
  record.count = __sync_lock_test_and_set(&loss->count, 0);
  if (record.count == 0) return 0; /* a nested program told it meanwhile */
  __sync_fetch_and_add(&cpu->pending, -record.count);
  record.lost_event.value = type;
  record.reason.value = reason;
  record.header.type = TC_EVENT_lost;
  record.header.size = sizeof(record);
  record.header.cpu = bpf_get_smp_processor_id();
  record.header.time_ns = bpf_ktime_get_boot_ns();
  record.header.seq = __sync_fetch_and_add(&cpu->seq, 1) + 1;
  if (send(&record, sizeof(record)) == 0) return 0;
  count_loss(cpu, type, reason, record.count, record.first_ns.value, record.last_ns.value);
  return 1;
}

__noinline int flush_losses(void) {
  struct flush flush = {.cpu = this_cpu()};
  if (!flush.cpu) return 0;
  bpf_loop(TC_LOSS_SLOTS, flush_one, &flush, 0);
  return 0;
}
