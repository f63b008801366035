// futex(2): waiting and waking, answered on the guest's own memory, as kernel/futex/ does it.
// Locks with an owner are in futex_locks.cc, the newer calls in calls_futex2.cc.
#include <fmt/format.h>
#include <linux/futex.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <utility>

#include "determinism/calls.h"
#include "determinism/futex_locks.h"
#include "determinism/futex_words.h"

namespace tc::determinism {
namespace {

using sys::call::futex;

std::uint32_t operation_of(const futex& call) {
  return call.op.value & static_cast<std::uint32_t>(FUTEX_CMD_MASK);
}
bool is_private(const futex& call) { return (call.op.value & FUTEX_PRIVATE_FLAG) != 0; }

// What a call with a number of threads to wake does with it: the kernel counts after waking, so
// that 0 and less wake one.
std::uint32_t wake_count(std::uint32_t given) {
  return static_cast<std::uint32_t>(std::max(static_cast<std::int32_t>(given), 1));
}

// FUTEX_WAIT: a time from now, or what was left of it.
Result<std::optional<std::int64_t>> relative_deadline(World& world, Tracee& guest,
                                                      const futex& call) {
  const std::optional<std::int64_t> kept = world.kept_deadlines.take(guest);
  TC_TRY(const std::optional<std::int64_t> duration,
         futex_deadline(world, guest, call.utime, FutexClock::kMonotonic));
  if (!duration) return duration;
  return std::optional(kept.value_or(add_ns(world.clock.monotonic_ns(), *duration)));
}

// FUTEX_WAIT and FUTEX_WAIT_BITSET.
guest::Handler wait_on_futex(World& world, futex call, Tracee& guest) {
  const bool is_relative = operation_of(call) == FUTEX_WAIT;
  const bool by_wall = (call.op.value & FUTEX_CLOCK_REALTIME) != 0;
  const Result<std::optional<std::int64_t>> deadline =
      is_relative ? relative_deadline(world, guest, call)
                  : futex_deadline(world, guest, call.utime,
                                   by_wall ? FutexClock::kWall : FutexClock::kMonotonic);
  if (!deadline) co_return -deadline.error().code();
  const std::uint32_t mask = is_relative ? FUTEX_BITSET_MATCH_ANY : call.val3.value;
  if (mask == 0) co_return -EINVAL;
  const Result<FutexKey> key = futex_key(guest, call.uaddr.value, is_private(call));
  if (!key) co_return -key.error().code();
  const Result<std::uint32_t> word = read_futex_word(guest, call.uaddr.value);
  if (!word) co_return -EFAULT;
  if (*word != call.val.value) co_return -EAGAIN;
  FutexPlace place(world, guest.id());
  world.futexes.add(*key,
                    {.task = guest.id(), .mask = mask, .word = *word, .address = call.uaddr.value});
  guest::Wait wait;
  wait.deadline_ns = *deadline;
  wait.wakeup = true;
  wait.what = fmt::format("futex {:#x} to change from {}", call.uaddr.value, *word);
  const guest::Woken woken = co_await Tracee::wait(std::move(wait));
  if (woken == guest::Woken::kReady) co_return 0;
  if (woken == guest::Woken::kDeadline) co_return -ETIMEDOUT;
  if (!deadline->has_value()) co_return guest::interrupted(guest::kRestartSys);
  if (is_relative) world.kept_deadlines.keep(guest.id(), **deadline);
  co_return guest::interrupted(guest::kRestartNoHand);
}

// FUTEX_WAKE and FUTEX_WAKE_BITSET.
std::int64_t answer_wake(World& world, const futex& call, Tracee& guest) {
  const bool has_mask = operation_of(call) == FUTEX_WAKE_BITSET;
  const std::uint32_t mask = has_mask ? call.val3.value : FUTEX_BITSET_MATCH_ANY;
  if (mask == 0) return -EINVAL;
  const Result<FutexKey> key = futex_key(guest, call.uaddr.value, is_private(call));
  if (!key) return -key.error().code();
  const Result<std::uint32_t> woken = wake_futex(world, *key, wake_count(call.val.value), mask);
  return woken ? std::int64_t{*woken} : -woken.error().code();
}

// The number that FUTEX_WAKE_OP and FUTEX_CMP_REQUEUE take in the place of a timeout.
std::uint32_t second_count(const futex& call) {
  return static_cast<std::uint32_t>(call.utime.address);
}

// FUTEX_REQUEUE and FUTEX_CMP_REQUEUE.
std::int64_t answer_requeue(World& world, const futex& call, Tracee& guest) {
  const bool compares = operation_of(call) == FUTEX_CMP_REQUEUE;
  return requeue_futex(world, guest,
                       {.from = call.uaddr.value,
                        .to = call.uaddr2.value,
                        .is_private_from = is_private(call),
                        .is_private_to = is_private(call),
                        .wakes = static_cast<std::int32_t>(call.val.value),
                        .moves = static_cast<std::int32_t>(second_count(call)),
                        .expected = compares ? std::optional(call.val3.value) : std::nullopt});
}

// Twelve bits with a sign.
std::int32_t signed_12(std::uint32_t bits) { return static_cast<std::int32_t>(bits << 20U) >> 20; }

// The word after the operation that `coded` names (FUTEX_OP of linux/futex.h). Nothing: there is no
// such operation.
std::optional<std::uint32_t> operate(std::uint32_t coded, std::uint32_t word) {
  std::int32_t argument = signed_12(coded >> 12U & 0xfffU);
  if ((coded >> 28U & FUTEX_OP_OPARG_SHIFT) != 0)
    argument = static_cast<std::int32_t>(1U << (static_cast<std::uint32_t>(argument) & 31U));
  const auto operand = static_cast<std::uint32_t>(argument);
  switch (coded >> 28U & 7U) {
    case FUTEX_OP_SET:
      return operand;
    case FUTEX_OP_ADD:
      return word + operand;
    case FUTEX_OP_OR:
      return word | operand;
    case FUTEX_OP_ANDN:
      return word & ~operand;
    case FUTEX_OP_XOR:
      return word ^ operand;
    default:
      return std::nullopt;
  }
}

// Whether the word as it was compares as `coded` asks.
std::optional<bool> compares(std::uint32_t coded, std::uint32_t word) {
  const auto value = static_cast<std::int32_t>(word);
  const std::int32_t other = signed_12(coded & 0xfffU);
  switch (coded >> 24U & 0xfU) {
    case FUTEX_OP_CMP_EQ:
      return value == other;
    case FUTEX_OP_CMP_NE:
      return value != other;
    case FUTEX_OP_CMP_LT:
      return value < other;
    case FUTEX_OP_CMP_LE:
      return value <= other;
    case FUTEX_OP_CMP_GT:
      return value > other;
    case FUTEX_OP_CMP_GE:
      return value >= other;
    default:
      return std::nullopt;
  }
}

// FUTEX_WAKE_OP.
std::int64_t answer_wake_op(World& world, const futex& call, Tracee& guest) {
  const Result<FutexKey> first = futex_key(guest, call.uaddr.value, is_private(call));
  if (!first) return -first.error().code();
  const Result<FutexKey> second = futex_key(guest, call.uaddr2.value, is_private(call));
  if (!second) return -second.error().code();
  const Result<std::uint32_t> word = read_futex_word(guest, call.uaddr2.value);
  if (!word) return -EFAULT;
  const std::optional<std::uint32_t> changed = operate(call.val3.value, *word);
  if (!changed) return -ENOSYS;
  if (!write_futex_word(guest, call.uaddr2.value, *changed)) return -EFAULT;
  const std::optional<bool> holds = compares(call.val3.value, *word);
  if (!holds) return -ENOSYS;
  const Result<std::uint32_t> woken = wake_futex(world, *first, wake_count(call.val.value));
  if (!woken) return -woken.error().code();
  if (!*holds) return *woken;
  const Result<std::uint32_t> more = wake_futex(world, *second, wake_count(second_count(call)));
  if (!more) return -more.error().code();
  return std::int64_t{*woken} + *more;
}

guest::Handler refuse(std::int64_t value) { co_return value; }

using Waking = std::int64_t (*)(World&, const futex&, Tracee&);
guest::Handler answer_by(Waking waking, World& world, futex call, Tracee& guest) {
  co_return waking(world, call, guest);
}

// FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_TRYLOCK_PI, FUTEX_WAIT_REQUEUE_PI: their deadlines are
// absolute, of the wall clock for the first.
guest::Handler answer_lock(World& world, const futex& call, Tracee& guest) {
  const std::uint32_t operation = operation_of(call);
  const bool by_wall = operation == FUTEX_LOCK_PI || (call.op.value & FUTEX_CLOCK_REALTIME) != 0;
  // The others have something else in the place of the timeout, or nothing.
  const sys::RemotePointer<sys::abi::wait_limit> limit = {
      operation == FUTEX_TRYLOCK_PI ? 0 : call.utime.address};
  const Result<std::optional<std::int64_t>> deadline =
      futex_deadline(world, guest, limit, by_wall ? FutexClock::kWall : FutexClock::kMonotonic);
  if (!deadline) return refuse(-deadline.error().code());
  if (operation == FUTEX_WAIT_REQUEUE_PI)
    return wait_for_lock(world,
                         {.address = call.uaddr.value,
                          .lock = call.uaddr2.value,
                          .is_private = is_private(call),
                          .expected = call.val.value,
                          .deadline_ns = *deadline},
                         guest);
  return lock_futex(world,
                    {.address = call.uaddr.value,
                     .is_private = is_private(call),
                     .tries = operation == FUTEX_TRYLOCK_PI,
                     .deadline_ns = *deadline},
                    guest);
}

std::int64_t answer_move_to_lock(World& world, const futex& call, Tracee& guest) {
  return move_to_lock(world,
                      {.address = call.uaddr.value,
                       .lock = call.uaddr2.value,
                       .is_private = is_private(call),
                       .wakes = static_cast<std::int32_t>(call.val.value),
                       .moves = static_cast<std::int32_t>(second_count(call)),
                       .expected = call.val3.value},
                      guest);
}

bool may_use_wall_clock(std::uint32_t operation) {
  return operation == FUTEX_WAIT_BITSET || operation == FUTEX_WAIT_REQUEUE_PI ||
         operation == FUTEX_LOCK_PI2;
}

guest::Handler answer_futex(World& world, futex call, Tracee& guest) {
  const std::uint32_t operation = operation_of(call);
  if ((call.op.value & FUTEX_CLOCK_REALTIME) != 0 && !may_use_wall_clock(operation))
    return refuse(-ENOSYS);
  switch (operation) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
      return wait_on_futex(world, call, guest);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
      return answer_by(answer_wake, world, call, guest);
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
      return answer_by(answer_requeue, world, call, guest);
    case FUTEX_WAKE_OP:
      return answer_by(answer_wake_op, world, call, guest);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_TRYLOCK_PI:
    case FUTEX_WAIT_REQUEUE_PI:
      return answer_lock(world, call, guest);
    case FUTEX_UNLOCK_PI:
      return unlock_futex(world, {.address = call.uaddr.value, .is_private = is_private(call)},
                          guest);
    case FUTEX_CMP_REQUEUE_PI:
      return answer_by(answer_move_to_lock, world, call, guest);
    default:
      return refuse(-ENOSYS);
  }
}

}  // namespace

void add_futex_calls(guest::Handlers& handlers, World& world) {
  on<futex>(handlers, world, answer_futex);
  add_futex2_calls(handlers, world);
}

}  // namespace tc::determinism
