// Clocks and sleeps: all read the one virtual clock, and a sleep is a wait for a time of it. Timers
// are calls_timer.cc's.
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>

#include "determinism/calls.h"
#include "determinism/cpu_time.h"
#include "determinism/deadlines.h"

namespace tc::determinism {
namespace {

using guest::Handler;
using sys::abi::clock_reading;

// Clocks that are not named but computed from a pid (include/linux/posix-timers_types.h): its
// complement, one bit that says that it is a thread's, and two of kind.
struct DynamicClock {
  pid_t pid = 0;  // 0: the caller
  bool is_of_thread = false;
  bool is_of_file = false;  // a clock device, which there is none of
};
std::optional<DynamicClock> dynamic_clock(std::int32_t id) {
  if (id >= 0) return std::nullopt;
  constexpr int kKindBits = 3;
  constexpr std::int32_t kThread = 4;
  constexpr std::int32_t kKinds = 3;
  constexpr std::int32_t kFile = 3;
  return DynamicClock{.pid = ~(id >> kKindBits),
                      .is_of_thread = (id & kThread) != 0,
                      .is_of_file = (id & kKinds) == kFile};
}

// What a named clock shows; nothing when there is none of this number. The coarse clocks are as
// fine as the others, so that a file that was just written is never younger than they show. There
// are no leap seconds: TAI is not ahead.
std::optional<std::int64_t> named_clock_ns(World& world, Tracee& guest, std::int32_t id) {
  switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
      return world.clock.wall_ns();
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
      return world.clock.monotonic_ns();
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
      return cpu_time_ns(world, guest.process());
    default:
      return std::nullopt;
  }
}

void note_reading(World& world) {
  if (world.clock_reads.note(world.clock)) world.requests.yields = true;
}

clock_reading clock_reading_of(std::int64_t ns) {
  clock_reading reading{};
  reading.tv_sec.value = ns / kSecondNs;
  reading.tv_nsec.value = ns % kSecondNs;
  return reading;
}

// The call by which the guest asks whether the task exists whose clock it names; 0 or EPERM: yes.
// The clock of a thread is its own process's only (kernel/time/posix-cpu-timers.c).
guest::Injection ask_existence(Tracee& guest, const DynamicClock& clock) {
  if (clock.is_of_thread)
    return Tracee::inject(
        sys::call::tgkill{.tgid = {guest.process().pid}, .pid = {clock.pid}, .sig = {0}});
  return Tracee::inject(sys::call::kill{.pid = {clock.pid}, .sig = {0}});
}

// Another process's clock shows its time when it is known.
std::int64_t dynamic_clock_ns(World& world, Tracee& guest, const DynamicClock& clock) {
  const auto found = world.processes.find(clock.pid);
  return cpu_time_ns(world, found == world.processes.end() ? guest.process() : *found->second);
}

Handler answer_clock_gettime(World& world, sys::call::clock_gettime call, Tracee& guest) {
  note_reading(world);
  std::optional<std::int64_t> ns;
  if (const auto dynamic = dynamic_clock(call.which_clock.value)) {
    if (dynamic->is_of_file || dynamic->pid < 0) co_return -EINVAL;
    if (dynamic->pid != 0 && dynamic->pid != guest.process().pid &&
        dynamic->pid != guest.own_tid()) {
      const std::int64_t exists = co_await ask_existence(guest, *dynamic);
      if (exists != 0 && exists != -EPERM) co_return -EINVAL;
    }
    ns = dynamic_clock_ns(world, guest, *dynamic);
  } else {
    ns = named_clock_ns(world, guest, call.which_clock.value);
  }
  if (!ns) co_return -EINVAL;
  co_return guest.write(call.tp, clock_reading_of(*ns)) ? 0 : -EFAULT;
}

Handler answer_clock_getres(World& world, sys::call::clock_getres call, Tracee& guest) {
  const std::int32_t id = call.which_clock.value;
  const auto dynamic = dynamic_clock(id);
  if (dynamic ? dynamic->is_of_file || dynamic->pid < 0 : !named_clock_ns(world, guest, id))
    co_return -EINVAL;
  if (dynamic && dynamic->pid != 0 && dynamic->pid != guest.process().pid &&
      dynamic->pid != guest.own_tid()) {
    const std::int64_t exists = co_await ask_existence(guest, *dynamic);
    if (exists != 0 && exists != -EPERM) co_return -EINVAL;
  }
  if (call.tp.address == 0) co_return 0;
  constexpr std::int64_t kCoarseNs = 4'000'000;  // a tick of 250 Hz
  const bool is_coarse = id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE;
  sys::abi::timespec resolution{};
  resolution.tv_nsec.value = is_coarse ? kCoarseNs : 1;
  co_return guest.write(call.tp, resolution) ? 0 : -EFAULT;
}

Handler answer_gettimeofday(World& world, sys::call::gettimeofday call, Tracee& guest) {
  note_reading(world);
  if (call.tv.address != 0) {
    const std::int64_t ns = world.clock.wall_ns();
    sys::abi::clock_timeval now{};
    now.tv_sec.value = ns / kSecondNs;
    now.tv_usec.value = ns % kSecondNs / 1'000;
    if (!guest.write(call.tv, now)) co_return -EFAULT;
  }
  if (call.tz.address != 0 && !guest.write(call.tz, sys::abi::timezone{})) co_return -EFAULT;
  co_return 0;
}

Handler answer_time(World& world, sys::call::time call, Tracee& guest) {
  note_reading(world);
  const sys::Clock now{world.clock.wall_ns() / kSecondNs};
  if (call.tloc.address != 0 && !guest.write(call.tloc, now)) co_return -EFAULT;
  co_return now.value;
}

Handler answer_times(World& world, sys::call::times call, Tracee& guest) {
  note_reading(world);
  constexpr std::int64_t kTickNs = kSecondNs / 100;  // USER_HZ
  if (call.tbuf.address != 0) {
    sys::abi::tms consumed{};
    consumed.tms_utime.value = cpu_time_ns(world, guest.process()) / kTickNs;
    if (!guest.write(call.tbuf, consumed)) co_return -EFAULT;
  }
  co_return world.clock.monotonic_ns() / kTickNs;
}

guest::Wait sleep_until(std::int64_t deadline_ns) {
  guest::Wait wait;
  wait.deadline_ns = deadline_ns;
  wait.what = "the end of a sleep";
  return wait;
}

// A wait of a length: goes on where it was when a signal that nobody handles made the kernel make
// the call again. What is left is told in `remaining_address` (0: nowhere).
Handler sleep_for(World& world, std::int64_t length_ns, std::uint64_t remaining_address,
                  Tracee& guest) {
  const std::int64_t deadline_ns =
      world.kept_deadlines.take(guest).value_or(add_ns(world.clock.monotonic_ns(), length_ns));
  if (deadline_ns <= world.clock.monotonic_ns()) {
    world.requests.yields = true;  // the shortest sleep still lets others go
    co_return 0;
  }
  const guest::Woken woken = co_await Tracee::wait(sleep_until(deadline_ns));
  if (woken != guest::Woken::kSignal) co_return 0;
  if (remaining_address != 0) {
    const std::int64_t left_ns =
        std::max<std::int64_t>(deadline_ns - world.clock.monotonic_ns(), 0);
    const sys::RemotePointer<clock_reading> remaining{remaining_address};
    if (!guest.write(remaining, clock_reading_of(left_ns))) co_return -EFAULT;
  }
  world.kept_deadlines.keep(guest.id(), deadline_ns);
  co_return guest::interrupted(guest::kRestartNoHand);
}

Handler refuse_sleep(std::int64_t value) { co_return value; }

Handler answer_nanosleep(World& world, sys::call::nanosleep call, Tracee& guest) {
  const auto wanted = guest.read(call.rqtp);
  if (!wanted) return refuse_sleep(-EFAULT);
  const auto length_ns = duration_ns(wanted->tv_sec.value, wanted->tv_nsec.value);
  if (!length_ns) return refuse_sleep(-EINVAL);
  return sleep_for(world, *length_ns, call.rmtp.address, guest);
}

// What clock_nanosleep(2) answers for a clock before it looks at the time: 0 when one can sleep on
// it.
std::int64_t check_sleeping_clock(std::int32_t id) {
  switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
    case CLOCK_TAI:
    case CLOCK_PROCESS_CPUTIME_ID:
      return 0;
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM:
      return -EPERM;  // it would have to wake the machine
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_THREAD_CPUTIME_ID:
      return -EOPNOTSUPP;
    default:
      break;
  }
  const auto dynamic = dynamic_clock(id);
  return dynamic && !dynamic->is_of_file && !dynamic->is_of_thread && dynamic->pid >= 0 ? 0
                                                                                        : -EINVAL;
}

// A time of the clock as one of the monotonic clock. Computing time goes on as the clock does while
// somebody computes, so a sleep on it lasts as long as it would if somebody did.
std::int64_t monotonic_of(World& world, Tracee& guest, std::int32_t id, std::int64_t ns) {
  const auto dynamic = dynamic_clock(id);
  const std::int64_t now_ns =
      dynamic ? dynamic_clock_ns(world, guest, *dynamic) : *named_clock_ns(world, guest, id);
  if (ns == kNever) return kNever;
  return add_ns(ns, world.clock.monotonic_ns() - now_ns);
}

Handler sleep_until_time(World& world, std::int64_t deadline_ns) {
  if (deadline_ns <= world.clock.monotonic_ns()) {
    world.requests.yields = true;
    co_return 0;
  }
  const guest::Woken woken = co_await Tracee::wait(sleep_until(deadline_ns));
  if (woken == guest::Woken::kSignal) co_return guest::interrupted(guest::kRestartNoHand);
  co_return 0;
}

Handler answer_clock_nanosleep(World& world, sys::call::clock_nanosleep call, Tracee& guest) {
  const std::int32_t id = call.which_clock.value;
  if (const std::int64_t refusal = check_sleeping_clock(id); refusal != 0)
    return refuse_sleep(refusal);
  const auto wanted = guest.read(call.rqtp);
  if (!wanted) return refuse_sleep(-EFAULT);
  const auto ns = duration_ns(wanted->tv_sec.value, wanted->tv_nsec.value);
  if (!ns) return refuse_sleep(-EINVAL);
  if ((call.flags.value & TIMER_ABSTIME) == 0)
    return sleep_for(world, *ns, call.rmtp.address, guest);
  return sleep_until_time(world, monotonic_of(world, guest, id, *ns));
}

}  // namespace

void add_time_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::clock_gettime>(handlers, world, answer_clock_gettime);
  on<sys::call::clock_getres>(handlers, world, answer_clock_getres);
  on<sys::call::gettimeofday>(handlers, world, answer_gettimeofday);
  on<sys::call::time>(handlers, world, answer_time);
  on<sys::call::times>(handlers, world, answer_times);
  on<sys::call::nanosleep>(handlers, world, answer_nanosleep);
  on<sys::call::clock_nanosleep>(handlers, world, answer_clock_nanosleep);
}

}  // namespace tc::determinism
