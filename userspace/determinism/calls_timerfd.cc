// Timer descriptors (timerfd_create(2)). Each is an eventfd of the guest's: expirations are added
// to it when the virtual clock reaches them, so reading, polling, duplicating and inheriting work
// by themselves. It differs from the real thing where nobody looks: write(2) to one adds to it
// instead of EINVAL, and its names under /proc say eventfd.
#include <fmt/format.h>
#include <sys/timerfd.h>
#include <time.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "determinism/calls.h"
#include "determinism/timer_settings.h"

namespace tc::determinism {
namespace {

using sys::call::timerfd_create;
using sys::call::timerfd_gettime;
using sys::call::timerfd_settime;

// Whether there may be such a descriptor: 0 or an errno negated.
std::int64_t judge_descriptor(std::int32_t clock, std::uint32_t flags) {
  if ((flags & ~static_cast<std::uint32_t>(TFD_CLOEXEC | TFD_NONBLOCK)) != 0) return -EINVAL;
  switch (clock) {
    case CLOCK_MONOTONIC:
    case CLOCK_REALTIME:
    case CLOCK_BOOTTIME:
      return 0;
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM:
      return -EPERM;  // would wake a sleeping machine: CAP_WAKE_ALARM
    default:
      return -EINVAL;
  }
}

std::optional<std::uint64_t> event_id_of(Tracee& guest, int fd) {
  return event_descriptor_id(guest.proc_name(fmt::format("fdinfo/{}", fd)));
}

guest::Handler answer_timerfd_create(World& world, timerfd_create call, Tracee& guest) {
  const std::int64_t judged = judge_descriptor(call.clockid.value, call.flags.value);
  if (judged != 0) co_return judged;
  // EFD_CLOEXEC and EFD_NONBLOCK have the values of TFD_CLOEXEC and TFD_NONBLOCK.
  const std::int64_t fd =
      co_await guest.inject(sys::call::eventfd2{.count = {0}, .flags = {call.flags.value}});
  if (fd < 0) co_return fd;
  Result<UniqueFd> event = guest.file(static_cast<int>(fd));
  const std::optional<std::uint64_t> id = event_id_of(guest, static_cast<int>(fd));
  if (!event || !id) {
    world.requests.notes.emplace_back("a timer descriptor could not be kept: it never expires");
    co_return fd;
  }
  auto file = std::make_shared<const UniqueFd>(std::move(event).value());
  world.timers.add_descriptor(std::move(file), *id).clock = call.clockid.value;
  co_return fd;
}

// The timer behind the guest's descriptor: EBADF, or EINVAL when it is another file.
Result<Timer*> descriptor_timer(World& world, Tracee& guest, int fd) {
  TC_TRY(const UniqueFd file, guest.file(fd));
  const std::optional<std::uint64_t> id = event_id_of(guest, fd);
  Timer* const timer = id ? world.timers.find_descriptor(*id) : nullptr;
  if (timer == nullptr) return system_error(EINVAL, "find a timer descriptor");
  return timer;
}

guest::Handler answer_timerfd_settime(World& world, timerfd_settime call, Tracee& guest) {
  const Result<TimerTimes> times = read_timer_times(guest, call.utmr);
  if (!times) co_return -times.error().code();
  constexpr std::uint32_t kFlags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
  if ((call.flags.value & ~kFlags) != 0) co_return -EINVAL;
  const Result<Timer*> found = descriptor_timer(world, guest, call.ufd.value);
  if (!found) co_return -found.error().code();
  Timer& timer = **found;
  const std::int64_t now_ns = world.clock.monotonic_ns();
  const TimerTimes former = times_left(timer, now_ns);
  const bool is_absolute = (call.flags.value & TFD_TIMER_ABSTIME) != 0;
  arm(timer, *times,
      is_absolute ? absolute_expiry(world, guest, timer.clock, times->value_ns)
                  : add_ns(now_ns, times->value_ns));
  Timers::drain(timer);
  Timers::expire_descriptor(timer, now_ns);  // a time that has passed: it can be read at once
  if (call.otmr.address == 0) co_return 0;
  co_return guest.write(call.otmr, to_timer_reading(former)) ? 0 : -EFAULT;
}

guest::Handler answer_timerfd_gettime(World& world, timerfd_gettime call, Tracee& guest) {
  const Result<Timer*> found = descriptor_timer(world, guest, call.ufd.value);
  if (!found) co_return -found.error().code();
  const TimerTimes left = times_left(**found, world.clock.monotonic_ns());
  co_return guest.write(call.otmr, to_timer_reading(left)) ? 0 : -EFAULT;
}

}  // namespace

void add_timer_descriptor_calls(guest::Handlers& handlers, World& world) {
  on<timerfd_create>(handlers, world, answer_timerfd_create);
  on<timerfd_settime>(handlers, world, answer_timerfd_settime);
  on<timerfd_gettime>(handlers, world, answer_timerfd_gettime);
}

}  // namespace tc::determinism
