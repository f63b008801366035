#include "sandbox/passing_calls.h"

#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/file.h"
#include "event/wire.h"
#include "sandbox/call_log.h"
#include "sys/table.h"
#include "trace/bpf_events.h"

namespace tc::sandbox {
namespace {

// Some 250000 calls. From a quarter on guests are held: what remains is far more than they make
// between two ticks of the watchdog, even where the keeper gets the CPU late.
constexpr std::size_t kRingBytes = std::size_t{32} << 20U;
constexpr std::size_t kBehindBytes = kRingBytes / 4;
// Of the first pid namespace, whose numbers the programs see (include/linux/proc_ns.h).
constexpr std::string_view kFirstPidNamespace = "pid:[4026531836]";

// Calls of other tables never come so far, and unknown ones are answered.
std::shared_ptr<const probe::CallTracing> tracing_of_known_calls() {
  auto tracing = std::make_shared<probe::CallTracing>();
  tracing->plans.resize(TC_CALLS_MAX);
  for (const sys::Row& row : sys::rows())
    if (row.policy != sys::Policy::Refuse) tracing->plans[row.number] = CallLog::plan_of(row);
  tracing->calls_only = true;
  return tracing;
}

}  // namespace

Result<PassingCalls> PassingCalls::load() {
  TC_TRY(const std::string numbers, base::read_link("/proc/self/ns/pid"));
  if (numbers != kFirstPidNamespace)
    return error("eBPF programs see other process numbers than tc, which runs in a pid namespace");
  probe::ObserverOptions wanted;
  wanted.tracing = tracing_of_known_calls();
  wanted.ring_bytes = kRingBytes;
  TC_TRY(probe::Observer observer, probe::Observer::load(wanted));
  TC_CHECK(observer.attach());
  return PassingCalls(std::move(observer));
}

Result<void> PassingCalls::watch(pid_t init) {
  TC_CHECK(observer_.follow(static_cast<std::uint32_t>(init)));
  observer_.open_gate();
  return {};
}

std::uint64_t PassingCalls::lost() const {
  std::uint64_t count = 0;
  for (const probe::Loss& loss : observer_.pending_losses()) count += loss.count;
  return count;
}

void PassingCalls::take(const Tell& tell, const Lose& lose) {
  observer_.take_ready([&](std::span<const std::byte> record) {
    read(record, tell, lose);
    return true;
  });
}

bool PassingCalls::is_behind() const { return observer_.unread() > kBehindBytes; }

void PassingCalls::read(std::span<const std::byte> bytes, const Tell& tell, const Lose& lose) {
  const guest::Missed senseless = {.time_ns = 0, .count = 1, .reason = "malformed"};
  const Result<event::WireRecord> record = event::WireRecord::parse(bytes);
  if (!record) return lose(senseless);
  if (record->type() == TC_EVENT_lost) {
    const auto& lost = record->as<tc_lost>();
    return lose(
        {.time_ns = 0, .count = lost.count, .reason = trace::reason_name(lost.reason.value)});
  }
  // Tasks that come and go are told by their stops.
  if (record->type() != TC_EVENT_call_return) return;
  const std::optional<guest::Called> call = trace::read_call(*record, pieces_);
  if (!call) return lose(senseless);
  tell(*call);
}

}  // namespace tc::sandbox
