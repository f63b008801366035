// Deadlines: points in time as calls give them (timespec, timeval) made points of the one virtual
// clock. All values are nanoseconds and stay at the ends of the range instead of overflowing, as
// the kernel's ktime_t does (include/linux/ktime.h).
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>

#include "determinism/clock.h"
#include "determinism/tracee.h"

namespace tc::determinism {

inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

inline std::int64_t add_ns(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? kNever : std::numeric_limits<std::int64_t>::min();
}

// Seconds and the part below one, of which `parts_per_second` make one (1'000'000'000 or
// 1'000'000). Nothing when they are no length of time: EINVAL.
inline std::optional<std::int64_t> duration_ns(std::int64_t seconds, std::int64_t part,
                                               std::int64_t parts_per_second = kSecondNs) {
  if (seconds < 0 || part < 0 || part >= parts_per_second) return std::nullopt;
  std::int64_t ns = 0;
  if (__builtin_mul_overflow(seconds, kSecondNs, &ns)) return kNever;
  return add_ns(ns, part * (kSecondNs / parts_per_second));
}

// When the monotonic clock will show what the wall clock shows at `wall_ns`.
inline std::int64_t monotonic_of_wall(const VirtualClock& clock, std::int64_t wall_ns) {
  if (wall_ns == kNever) return kNever;
  return add_ns(wall_ns, clock.monotonic_ns() - clock.wall_ns());
}

// The first deadlines of calls with a relative timeout that a signal has interrupted: when the
// kernel makes such a call again (Tracee::is_made_again), it waits only for what was left. A
// handler that ends with interrupted(kRestartNoHand) keeps the deadline; one that begins takes it.
class KeptDeadlines {
 public:
  void keep(TaskId task, std::int64_t deadline_ns) { kept_[task] = deadline_ns; }
  // Of a call that begins now: nothing unless it is made again. Forgets it.
  std::optional<std::int64_t> take(const Tracee& guest) {
    const auto found = kept_.find(guest.id());
    if (found == kept_.end()) return std::nullopt;
    const std::int64_t deadline_ns = found->second;
    kept_.erase(found);
    return guest.is_made_again() ? std::optional(deadline_ns) : std::nullopt;
  }

 private:
  std::map<TaskId, std::int64_t> kept_;
};

}  // namespace tc::determinism
