#include "determinism/timer_settings.h"

#include <time.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "determinism/cpu_time.h"
#include "determinism/deadlines.h"

namespace tc::determinism {

Result<TimerTimes> read_timer_times(Tracee& guest,
                                    const sys::RemotePointer<sys::abi::itimerspec>& pointer) {
  TC_TRY(const sys::abi::itimerspec given, guest.read(pointer));
  const auto value = duration_ns(given.it_value.tv_sec.value, given.it_value.tv_nsec.value);
  const auto interval =
      duration_ns(given.it_interval.tv_sec.value, given.it_interval.tv_nsec.value);
  if (!value || !interval) return system_error(EINVAL, "set a timer");
  return TimerTimes{.value_ns = *value, .interval_ns = *interval};
}

sys::abi::itimerspec_reading to_timer_reading(const TimerTimes& times) {
  sys::abi::itimerspec_reading reading{};
  reading.it_interval.tv_sec.value = times.interval_ns / kSecondNs;
  reading.it_interval.tv_nsec.value = times.interval_ns % kSecondNs;
  reading.it_value.tv_sec.value = times.value_ns / kSecondNs;
  reading.it_value.tv_nsec.value = times.value_ns % kSecondNs;
  return reading;
}

TimerTimes times_left(const Timer& timer, std::int64_t now_ns) {
  if (!timer.is_armed()) return {.value_ns = 0, .interval_ns = timer.interval_ns};
  return {.value_ns = std::max<std::int64_t>(timer.next_ns - now_ns, 1),
          .interval_ns = timer.interval_ns};
}

std::int64_t absolute_expiry(World& world, Tracee& guest, std::int32_t clock,
                             std::int64_t value_ns) {
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
      return monotonic_of_wall(world.clock, value_ns);
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
      return value_ns;
    default:
      return add_ns(world.clock.monotonic_ns(), value_ns - cpu_time_ns(world, guest.process()));
  }
}

void arm(Timer& timer, const TimerTimes& times, std::int64_t expiry_ns) {
  // 0 would be: not armed. Whatever lies before the run has passed as well as at its first ns.
  timer.next_ns = times.value_ns == 0 ? 0 : std::max<std::int64_t>(expiry_ns, 1);
  timer.interval_ns = times.value_ns == 0 ? 0 : times.interval_ns;
}

}  // namespace tc::determinism
