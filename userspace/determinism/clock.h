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

  // What of it was not waiting: the time that the run's processes have computed.
  std::int64_t busy_ns() const { return busy_ns_; }

  // Something has happened.
  void tick() {
    ++ticks_;
    advance(step_ns_);
  }
  std::uint64_t ticks() const { return ticks_; }
  // Nothing happens before this time. Never goes back.
  void jump_to_monotonic(std::int64_t monotonic_ns) {
    const std::int64_t elapsed = monotonic_ns - kUptimeNs;
    if (elapsed > elapsed_ns_) elapsed_ns_ = elapsed;
  }
  // Time spent computing.
  void advance(std::int64_t ns) {
    elapsed_ns_ += ns;
    busy_ns_ += ns;
  }

  static constexpr std::int64_t kUptimeNs = 100 * kSecondNs;

 private:
  std::int64_t epoch_ns_;
  std::int64_t step_ns_;
  std::int64_t elapsed_ns_ = 0;
  std::int64_t busy_ns_ = 0;
  std::uint64_t ticks_ = 0;
};

// Readings of the clock with nothing else between them. A program that waits by reading the clock
// over and over would need a million reads for a second if each took a step only; so the further
// reads of a long row take ever longer.
class ClockReads {
 public:
  // The clock is about to be read, by a call or by RDTSC, after the clock's tick() for that if it
  // gets one. True: the reader has read so long that others should get on.
  bool note(VirtualClock& clock) {
    // More than one tick since the last read: some other call was made.
    row_ = clock.ticks() - last_tick_ <= 1 ? row_ + 1 : 0;
    last_tick_ = clock.ticks();
    if (row_ < kPatience) return false;
    const std::uint64_t doublings = row_ / kPatience - 1;
    clock.advance(doublings < kMostDoublings ? kFirstNs << doublings : kLongestNs);
    return row_ % kPatience == 0;
  }

 private:
  static constexpr std::uint64_t kPatience = 64;
  static constexpr std::int64_t kFirstNs = 1'000;
  static constexpr std::int64_t kLongestNs = 1'000'000;
  static constexpr std::uint64_t kMostDoublings = 10;  // 2^10 µs is the longest

  std::uint64_t row_ = 0;
  std::uint64_t last_tick_ = 0;
};

}  // namespace tc::determinism
