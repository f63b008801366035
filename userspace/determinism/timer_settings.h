// The settings of a timer, as the calls for POSIX timers and timer descriptors read and write them
// (struct itimerspec), and what they mean on the one clock.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "determinism/timers.h"
#include "determinism/tracee.h"
#include "determinism/world.h"
#include "sys/calls.h"

namespace tc::determinism {

struct TimerTimes {
  std::int64_t value_ns = 0;  // to the next expiration, or when that is; 0: not armed
  std::int64_t interval_ns = 0;
};

// EFAULT; EINVAL when a part is no length of time.
Result<TimerTimes> read_timer_times(Tracee& guest,
                                    const sys::RemotePointer<sys::abi::itimerspec>& pointer);
sys::abi::itimerspec_reading to_timer_reading(const TimerTimes& times);

// What is left until it expires next: at least 1 ns while it is armed.
TimerTimes times_left(const Timer& timer, std::int64_t now_ns);

// The point of the monotonic clock at which `clock` shows this time (TIMER_ABSTIME). What a
// processor's clock (CLOCK_PROCESS_CPUTIME_ID…) still lacks passes at the rate of the one clock.
std::int64_t absolute_expiry(World& world, Tracee& guest, std::int32_t clock,
                             std::int64_t value_ns);

// Arms it to expire at `expiry_ns` (monotonic), or disarms it when `times` say so.
void arm(Timer& timer, const TimerTimes& times, std::int64_t expiry_ns);

}  // namespace tc::determinism
