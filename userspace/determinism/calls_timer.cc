// Timers: alarm(2), setitimer(2) and the POSIX timers (timer_create(2)), kept in the books of
// timers.h. Timer descriptors are in calls_timerfd.cc.
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>

#include "determinism/calls.h"
#include "determinism/timer_settings.h"

namespace tc::determinism {
namespace {

using sys::call::alarm;
using sys::call::getitimer;
using sys::call::setitimer;
using sys::call::timer_create;
using sys::call::timer_delete;
using sys::call::timer_getoverrun;
using sys::call::timer_gettime;
using sys::call::timer_settime;

// --- alarm and interval timers -------------------------------------------------------------------

constexpr std::int64_t kMicrosecondNs = 1'000;

struct IntervalTimer {
  std::int32_t number;
  int signal;
};
std::optional<IntervalTimer> interval_timer(std::int32_t which) {
  switch (which) {
    case 0:
      return IntervalTimer{.number = kRealTimer, .signal = SIGALRM};
    case 1:
      return IntervalTimer{.number = kVirtualTimer, .signal = SIGVTALRM};
    case 2:
      return IntervalTimer{.number = kProfileTimer, .signal = SIGPROF};
    default:
      return std::nullopt;
  }
}

TimerTimes interval_timer_times(World& world, Tracee& guest, const IntervalTimer& which) {
  const Timer* const timer =
      world.timers.find({.process = guest.process().order, .number = which.number});
  if (timer == nullptr) return {};
  TimerTimes times = times_left(*timer, world.clock.monotonic_ns());
  // An armed timer never reads as none: a microsecond is the least that can be told.
  if (times.value_ns > 0) times.value_ns = std::max(times.value_ns, kMicrosecondNs);
  return times;
}

void set_interval_timer(World& world, Tracee& guest, const IntervalTimer& which,
                        const TimerTimes& times) {
  Timer& timer = world.timers.add({.process = guest.process().order, .number = which.number});
  timer.signal = which.signal;
  arm(timer, times, add_ns(world.clock.monotonic_ns(), times.value_ns));
}

sys::abi::itimer_reading to_itimer_reading(const TimerTimes& times) {
  sys::abi::itimer_reading reading{};
  reading.it_interval.tv_sec.value = times.interval_ns / kSecondNs;
  reading.it_interval.tv_usec.value = times.interval_ns % kSecondNs / kMicrosecondNs;
  reading.it_value.tv_sec.value = times.value_ns / kSecondNs;
  reading.it_value.tv_usec.value = times.value_ns % kSecondNs / kMicrosecondNs;
  return reading;
}

guest::Handler answer_alarm(World& world, alarm call, Tracee& guest) {
  const IntervalTimer real = *interval_timer(0);
  const TimerTimes former = interval_timer_times(world, guest, real);
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  const std::int64_t seconds = std::min<std::int64_t>(call.seconds.value, kMost);
  set_interval_timer(world, guest, real, {.value_ns = seconds * kSecondNs, .interval_ns = 0});
  // Rounded, but never to 0, which says that there was none (alarm_setitimer of kernel/time).
  const std::int64_t whole = former.value_ns / kSecondNs;
  const std::int64_t part = former.value_ns % kSecondNs;
  const bool is_up = part >= kSecondNs / 2 || (whole == 0 && part > 0);
  co_return whole + (is_up ? 1 : 0);
}

guest::Handler answer_getitimer(World& world, getitimer call, Tracee& guest) {
  const std::optional<IntervalTimer> which = interval_timer(call.which.value);
  if (!which) co_return -EINVAL;
  const sys::abi::itimer_reading reading =
      to_itimer_reading(interval_timer_times(world, guest, *which));
  co_return guest.write(call.value, reading) ? 0 : -EFAULT;
}

guest::Handler answer_setitimer(World& world, setitimer call, Tracee& guest) {
  TimerTimes times;
  if (call.value.address != 0) {  // a null pointer disarms, of old
    const Result<sys::abi::itimerval> given = guest.read(call.value);
    if (!given) co_return -EFAULT;
    constexpr std::int64_t kMicroseconds = 1'000'000;
    const auto value =
        duration_ns(given->it_value.tv_sec.value, given->it_value.tv_usec.value, kMicroseconds);
    const auto interval = duration_ns(given->it_interval.tv_sec.value,
                                      given->it_interval.tv_usec.value, kMicroseconds);
    if (!value || !interval) co_return -EINVAL;
    times = {.value_ns = *value, .interval_ns = *interval};
  }
  const std::optional<IntervalTimer> which = interval_timer(call.which.value);
  if (!which) co_return -EINVAL;
  const sys::abi::itimer_reading former =
      to_itimer_reading(interval_timer_times(world, guest, *which));
  set_interval_timer(world, guest, *which, times);
  if (call.ovalue.address == 0) co_return 0;
  co_return guest.write(call.ovalue, former) ? 0 : -EFAULT;
}

// --- POSIX timers --------------------------------------------------------------------------------

// Whether a timer can be made of the clock: 0 or an errno negated. Clocks that are computed from a
// pid are the kernel's to judge.
std::int64_t judge_timer_clock(std::int32_t clock) {
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI:
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
      return 0;
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM:
      return -EPERM;  // would wake a sleeping machine: CAP_WAKE_ALARM
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_REALTIME_COARSE:
      return -EOPNOTSUPP;
    default:
      return -EINVAL;
  }
}

// good_sigevent() of kernel/time/posix-timers.c, but for the thread, which only the kernel knows.
bool is_good_event(const sys::abi::sigevent& event) {
  switch (event.notify.value) {
    case SIGEV_NONE:
      return true;
    case SIGEV_SIGNAL:
    case SIGEV_THREAD:
    case SIGEV_SIGNAL | SIGEV_THREAD_ID:
      return event.signo.value > 0 && event.signo.value <= SIGRTMAX;
    default:
      return false;
  }
}

Timer make_timer(const sys::abi::sigevent& event, std::int32_t clock) {
  Timer timer;
  timer.clock = clock;
  timer.signal = event.notify.value == SIGEV_NONE ? 0 : event.signo.value;
  timer.thread = (event.notify.value & SIGEV_THREAD_ID) != 0 ? event.thread.value : 0;
  timer.value = event.value.value;
  return timer;
}

guest::Handler answer_timer_create(World& world, timer_create call, Tracee& guest) {
  const std::int32_t clock = call.which_clock.value;
  sys::abi::sigevent event{};
  event.notify.value = SIGEV_SIGNAL;
  event.signo.value = SIGALRM;
  const bool is_given = call.timer_event_spec.address != 0;
  if (is_given) {
    const Result<sys::abi::sigevent> given = guest.read(call.timer_event_spec);
    if (!given) co_return -EFAULT;
    event = *given;
  }
  if (clock < 0) {
    const std::int64_t judged =
        co_await guest.inject(sys::call::clock_getres{.which_clock = {clock}, .tp = {}});
    if (judged != 0) co_return -EINVAL;
  } else if (const std::int64_t judged = judge_timer_clock(clock); judged != 0) {
    co_return judged;
  }
  if (!is_good_event(event)) co_return -EINVAL;
  if ((event.notify.value & SIGEV_THREAD_ID) != 0) {
    const std::int64_t exists = co_await guest.inject(
        sys::call::tgkill{.tgid = {guest.process().pid}, .pid = {event.thread.value}, .sig = {0}});
    if (exists != 0) co_return -EINVAL;
  }
  const std::int32_t number = world.timers.free_number(guest.process().order);
  if (!guest.write(sys::RemotePointer<std::int32_t>{call.created_timer_id.address}, number))
    co_return -EFAULT;
  // sigev_value of a timer that says nothing of it is its number.
  if (!is_given) event.value.value = static_cast<std::uint32_t>(number);
  world.timers.add({.process = guest.process().order, .number = number}) = make_timer(event, clock);
  co_return 0;
}

// The caller's timer of this number; nothing when it has none.
Timer* posix_timer(World& world, Tracee& guest, std::int32_t number) {
  if (number < 0) return nullptr;
  return world.timers.find({.process = guest.process().order, .number = number});
}

guest::Handler answer_timer_settime(World& world, timer_settime call, Tracee& guest) {
  if (call.new_setting.address == 0) co_return -EINVAL;
  const Result<TimerTimes> times = read_timer_times(guest, call.new_setting);
  if (!times) co_return -times.error().code();
  Timer* const timer = posix_timer(world, guest, call.timer_id.value);
  if (timer == nullptr) co_return -EINVAL;
  const std::int64_t now_ns = world.clock.monotonic_ns();
  const TimerTimes former = times_left(*timer, now_ns);
  const bool is_absolute = (call.flags.value & TIMER_ABSTIME) != 0;
  arm(*timer, *times,
      is_absolute ? absolute_expiry(world, guest, timer->clock, times->value_ns)
                  : add_ns(now_ns, times->value_ns));
  timer->missed = 0;
  timer->overrun = 0;
  if (call.old_setting.address == 0) co_return 0;
  co_return guest.write(call.old_setting, to_timer_reading(former)) ? 0 : -EFAULT;
}

guest::Handler answer_timer_gettime(World& world, timer_gettime call, Tracee& guest) {
  const Timer* const timer = posix_timer(world, guest, call.timer_id.value);
  if (timer == nullptr) co_return -EINVAL;
  const TimerTimes left = times_left(*timer, world.clock.monotonic_ns());
  co_return guest.write(call.setting, to_timer_reading(left)) ? 0 : -EFAULT;
}

guest::Handler answer_timer_getoverrun(World& world, timer_getoverrun call, Tracee& guest) {
  const Timer* const timer = posix_timer(world, guest, call.timer_id.value);
  if (timer == nullptr) co_return -EINVAL;
  co_return timer->overrun;
}

guest::Handler answer_timer_delete(World& world, timer_delete call, Tracee& guest) {
  if (posix_timer(world, guest, call.timer_id.value) == nullptr) co_return -EINVAL;
  world.timers.remove({.process = guest.process().order, .number = call.timer_id.value});
  co_return 0;
}

}  // namespace

void add_timer_calls(guest::Handlers& handlers, World& world) {
  on<alarm>(handlers, world, answer_alarm);
  on<getitimer>(handlers, world, answer_getitimer);
  on<setitimer>(handlers, world, answer_setitimer);
  on<timer_create>(handlers, world, answer_timer_create);
  on<timer_settime>(handlers, world, answer_timer_settime);
  on<timer_gettime>(handlers, world, answer_timer_gettime);
  on<timer_getoverrun>(handlers, world, answer_timer_getoverrun);
  on<timer_delete>(handlers, world, answer_timer_delete);
  add_timer_descriptor_calls(handlers, world);
}

}  // namespace tc::determinism
