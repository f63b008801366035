// VirtualClock: the one clock of a run. It moves only when something happens: a step with each
// determinised call, and from deadline to deadline when every task waits. So what time it is is a
// function of what the program did, never of how long that took.
#pragma once

#include <cstdint>

namespace tc::determinism {

inline constexpr std::int64_t kSecondNs = 1'000'000'000;

class VirtualClock {
 public:
  // `epoch_ns`: the wall clock at the start, ns since 1970. `step_ns`: what each event takes.
  VirtualClock(std::int64_t epoch_ns, std::int64_t step_ns)
      : epoch_ns_(epoch_ns), step_ns_(step_ns) {}

  // CLOCK_MONOTONIC and CLOCK_BOOTTIME: ns since the virtual machine was started, which was
  // kUptimeNs before the run.
  std::int64_t monotonic_ns() const { return kUptimeNs + elapsed_ns_; }
  // CLOCK_REALTIME.
  std::int64_t wall_ns() const { return epoch_ns_ + elapsed_ns_; }
  std::int64_t elapsed_ns() const { return elapsed_ns_; }
  std::int64_t epoch_ns() const { return epoch_ns_; }

  // Something has happened.
  void tick() { elapsed_ns_ += step_ns_; }
  // Nothing happens before this time. Never goes back.
  void jump_to_monotonic(std::int64_t monotonic_ns) {
    const std::int64_t elapsed = monotonic_ns - kUptimeNs;
    if (elapsed > elapsed_ns_) elapsed_ns_ = elapsed;
  }
  void advance(std::int64_t ns) { elapsed_ns_ += ns; }

  static constexpr std::int64_t kUptimeNs = 100 * kSecondNs;

 private:
  std::int64_t epoch_ns_;
  std::int64_t step_ns_;
  std::int64_t elapsed_ns_ = 0;
};

}  // namespace tc::determinism
