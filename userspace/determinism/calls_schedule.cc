// Scheduling classes and priorities, as an unprivileged process on a machine of one processor finds
// them. They are not given to the kernel: who runs is decided here, and a real-time class on the
// one processor that all share would keep the sandbox itself from running.
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

#include "determinism/calls.h"

namespace tc::determinism {
namespace {

using sys::call::ioprio_get;
using sys::call::ioprio_set;
using sys::call::sched_getattr;
using sys::call::sched_getparam;
using sys::call::sched_getscheduler;
using sys::call::sched_rr_get_interval;
using sys::call::sched_setattr;
using sys::call::sched_setparam;
using sys::call::sched_setscheduler;

// Whether the process exists is the kernel's to say: it is asked for something harmless. Awaited
// as a value of its own: 0 or more, or ESRCH.
guest::Injection ask_for(std::int32_t pid) {
  return Tracee::inject(sched_getscheduler{.pid = {pid}});
}

// What an unprivileged process may choose: 0, EINVAL or EPERM, negated.
std::int64_t judge_class(std::uint32_t policy, std::int32_t priority) {
  constexpr std::uint32_t kResetOnFork = SCHED_RESET_ON_FORK;
  constexpr std::int32_t kMostPriority = 99;
  switch (policy & ~kResetOnFork) {
    case SCHED_OTHER:
    case SCHED_BATCH:
    case SCHED_IDLE:
      return priority == 0 ? 0 : -EINVAL;
    case SCHED_FIFO:
    case SCHED_RR:
      return priority >= 1 && priority <= kMostPriority ? -EPERM : -EINVAL;
    case SCHED_DEADLINE:
      return -EPERM;
    default:
      return -EINVAL;
  }
}

guest::Handler answer_sched_setscheduler(World& /*world*/, sched_setscheduler call, Tracee& guest) {
  if (static_cast<std::int32_t>(call.policy.value) < 0 || call.pid.value < 0) co_return -EINVAL;
  if (call.param.address == 0) co_return -EINVAL;
  const Result<sys::abi::sched_param> param = guest.read(call.param);
  if (!param) co_return -EFAULT;
  const std::int64_t exists = co_await ask_for(call.pid.value);
  if (exists < 0) co_return exists;
  co_return judge_class(call.policy.value, param->sched_priority.value);
}

guest::Handler answer_sched_setparam(World& /*world*/, sched_setparam call, Tracee& guest) {
  if (call.param.address == 0 || call.pid.value < 0) co_return -EINVAL;
  const Result<sys::abi::sched_param> param = guest.read(call.param);
  if (!param) co_return -EFAULT;
  const std::int64_t exists = co_await ask_for(call.pid.value);
  if (exists < 0) co_return exists;
  co_return judge_class(SCHED_OTHER, param->sched_priority.value);
}

guest::Handler answer_sched_getparam(World& /*world*/, sched_getparam call, Tracee& guest) {
  if (call.param.address == 0 || call.pid.value < 0) co_return -EINVAL;
  const std::int64_t exists = co_await ask_for(call.pid.value);
  if (exists < 0) co_return exists;
  co_return guest.write(call.param, sys::abi::sched_param{}) ? 0 : -EFAULT;
}

// How long a turn lasts depends on how many processors the host has.
guest::Handler answer_sched_rr_get_interval(World& /*world*/, sched_rr_get_interval call,
                                            Tracee& guest) {
  constexpr std::int64_t kTurnNs = 4'000'000;
  if (call.pid.value < 0) co_return -EINVAL;
  const std::int64_t exists = co_await ask_for(call.pid.value);
  if (exists < 0) co_return exists;
  sys::abi::timespec turn{};
  turn.tv_nsec.value = kTurnNs;
  co_return guest.write(sys::RemotePointer<sys::abi::timespec>{call.interval.address}, turn)
      ? 0
      : -EFAULT;
}

// --- sched_setattr, sched_getattr ----------------------------------------------------------------

constexpr std::uint32_t kFirstAttributes = 48;  // SCHED_ATTR_SIZE_VER0
constexpr std::uint32_t kMostAttributes = 4096;

guest::Handler answer_sched_setattr(World& /*world*/, sched_setattr call, Tracee& guest) {
  if (call.uattr.address == 0 || call.pid.value < 0 || call.flags.value != 0) co_return -EINVAL;
  const sys::RemotePointer<std::uint32_t> size_pointer = {call.uattr.address};
  const Result<std::uint32_t> size = guest.read(size_pointer);
  if (!size) co_return -EFAULT;
  // 0 means the first version; other sizes the kernel would amend and refuse.
  if (*size != 0 && (*size < kFirstAttributes || *size > kMostAttributes)) co_return -E2BIG;
  sys::abi::sched_attr attributes{};
  const std::size_t bytes =
      std::min<std::size_t>(*size == 0 ? kFirstAttributes : *size, sizeof(attributes));
  if (!guest.read_memory(call.uattr.address,
                         std::as_writable_bytes(std::span(&attributes, 1)).first(bytes)))
    co_return -EFAULT;
  if (attributes.sched_policy.value < 0) co_return -EINVAL;
  const std::int64_t exists = co_await ask_for(call.pid.value);
  if (exists < 0) co_return exists;
  co_return judge_class(static_cast<std::uint32_t>(attributes.sched_policy.value),
                        static_cast<std::int32_t>(attributes.sched_priority.value));
}

guest::Handler answer_sched_getattr(World& /*world*/, sched_getattr call, Tracee& guest) {
  const std::uint32_t size = call.usize.value;
  if (call.uattr.address == 0 || call.pid.value < 0 || call.flags.value != 0) co_return -EINVAL;
  if (size < kFirstAttributes || size > kMostAttributes) co_return -EINVAL;
  const std::int64_t exists = co_await ask_for(call.pid.value);
  if (exists < 0) co_return exists;
  sys::abi::sched_attr attributes{};
  const std::uint32_t bytes =
      std::min(size, static_cast<std::uint32_t>(sizeof(sys::abi::sched_attr)));
  attributes.size.value = bytes;
  co_return guest.write_memory(call.uattr.address,
                               std::as_bytes(std::span(&attributes, 1)).first(bytes))
      ? 0
      : -EFAULT;
}

guest::Handler answer_sched_getscheduler(World& /*world*/, sched_getscheduler call,
                                         Tracee& /*guest*/) {
  if (call.pid.value < 0) co_return -EINVAL;
  const std::int64_t exists = co_await ask_for(call.pid.value);
  co_return exists < 0 ? exists : SCHED_OTHER;
}

// --- input and output ----------------------------------------------------------------------------

// Of linux/ioprio.h.
constexpr std::uint32_t kClassShift = 13;
enum class IoClass : std::uint32_t { kNone, kRealTime, kBestEffort, kIdle };

guest::Handler answer_ioprio_set(World& /*world*/, ioprio_set call, Tracee& guest) {
  const std::uint32_t level = call.ioprio.value & ((1U << kClassShift) - 1);
  switch (static_cast<IoClass>(call.ioprio.value >> kClassShift)) {
    case IoClass::kNone:
      if (level != 0) co_return -EINVAL;
      break;
    case IoClass::kRealTime:
      co_return -EPERM;
    case IoClass::kBestEffort:
    case IoClass::kIdle:
      break;
    default:
      co_return -EINVAL;
  }
  // Whether there is such a process, group or user: asked by a call that changes nothing.
  const std::int64_t exists =
      co_await guest.inject(ioprio_get{.which = {call.which.value}, .who = {call.who.value}});
  co_return exists < 0 ? exists : 0;
}

guest::Handler answer_ioprio_get(World& /*world*/, ioprio_get call, Tracee& guest) {
  const std::int64_t found = co_await guest.inject(call);
  co_return found < 0 ? found : 0;  // IOPRIO_CLASS_NONE
}

}  // namespace

void add_schedule_calls(guest::Handlers& handlers, World& world) {
  on<sched_setscheduler>(handlers, world, answer_sched_setscheduler);
  on<sched_getscheduler>(handlers, world, answer_sched_getscheduler);
  on<sched_setparam>(handlers, world, answer_sched_setparam);
  on<sched_getparam>(handlers, world, answer_sched_getparam);
  on<sched_setattr>(handlers, world, answer_sched_setattr);
  on<sched_getattr>(handlers, world, answer_sched_getattr);
  on<sched_rr_get_interval>(handlers, world, answer_sched_rr_get_interval);
  on<ioprio_set>(handlers, world, answer_ioprio_set);
  on<ioprio_get>(handlers, world, answer_ioprio_get);
}

}  // namespace tc::determinism
