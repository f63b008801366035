// The newer futex calls: futex_waitv(2), futex_wait, futex_wake and futex_requeue of Linux 6.7, on
// words of 32 bits as the kernel has them so far (kernel/futex/syscalls.c).
#include <fmt/format.h>
#include <linux/futex.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "determinism/calls.h"
#include "determinism/futex_words.h"

namespace tc::determinism {
namespace {

using sys::call::futex_requeue;
using sys::call::futex_wait;
using sys::call::futex_waitv;
using sys::call::futex_wake;

// FUTEX2_… of linux/futex.h of 6.7.
constexpr std::uint32_t kSizeMask = 3;
constexpr std::uint32_t kSize32 = 2;
constexpr std::uint32_t kPrivate = 0x80;
constexpr std::uint32_t kMostFutexes = 128;  // FUTEX_WAITV_MAX

bool is_valid_size(std::uint32_t flags) {
  return (flags & ~(kSizeMask | kPrivate)) == 0 && (flags & kSizeMask) == kSize32;
}
bool fits_word(std::uint64_t value) { return value <= 0xffff'ffffU; }

// The clock matters only when there is a timeout to be read on it.
Result<std::optional<std::int64_t>> chosen_deadline(
    const World& world, Tracee& guest, const sys::RemotePointer<sys::abi::wait_limit>& limit,
    std::int32_t clock) {
  if (limit.address == 0) return std::optional<std::int64_t>();
  if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
    return system_error(EINVAL, "choose the clock of a timeout");
  return futex_deadline(world, guest, limit,
                        clock == CLOCK_REALTIME ? FutexClock::kWall : FutexClock::kMonotonic);
}

guest::Handler answer_futex_wait(World& world, futex_wait call, Tracee& guest) {
  if (!is_valid_size(call.flags.value)) co_return -EINVAL;
  if (!fits_word(call.val.value) || !fits_word(call.mask.value)) co_return -EINVAL;
  const Result<std::optional<std::int64_t>> deadline =
      chosen_deadline(world, guest, call.timeout, call.clockid.value);
  if (!deadline) co_return -deadline.error().code();
  if (call.mask.value == 0) co_return -EINVAL;
  const bool is_private = (call.flags.value & kPrivate) != 0;
  const Result<FutexKey> key = futex_key(guest, call.uaddr.value, is_private);
  if (!key) co_return -key.error().code();
  const Result<std::uint32_t> word = read_futex_word(guest, call.uaddr.value);
  if (!word) co_return -EFAULT;
  if (*word != call.val.value) co_return -EAGAIN;
  FutexPlace place(world, guest.id());
  world.futexes.add(*key, {.task = guest.id(),
                           .mask = static_cast<std::uint32_t>(call.mask.value),
                           .word = *word,
                           .address = call.uaddr.value});
  guest::Wait wait;
  wait.deadline_ns = *deadline;
  wait.wakeup = true;
  wait.what = fmt::format("futex {:#x} to change from {}", call.uaddr.value, *word);
  const guest::Woken woken = co_await Tracee::wait(std::move(wait));
  if (woken == guest::Woken::kReady) co_return 0;
  if (woken == guest::Woken::kDeadline) co_return -ETIMEDOUT;
  co_return guest::interrupted(guest::kRestartSys);
}

// --- futex_waitv: whichever of several futexes is woken first ------------------------------------

// The futexes as the call gives them, each one checked: EINVAL, EFAULT.
Result<std::vector<sys::abi::futex_waitv>> read_futexes(Tracee& guest, std::uint64_t address,
                                                        std::uint32_t count) {
  std::vector<sys::abi::futex_waitv> futexes(count);
  TC_CHECK(guest.read_memory(address, std::as_writable_bytes(std::span(futexes))));
  for (const sys::abi::futex_waitv& futex : futexes) {
    std::uint32_t reserved = 0;
    static_assert(sizeof(futex.reserved) == sizeof(reserved));
    std::memcpy(&reserved, &futex.reserved, sizeof(reserved));
    if (!is_valid_size(futex.flags.value) || reserved != 0 || !fits_word(futex.val.value))
      return system_error(EINVAL, "read a futex to wait on");
  }
  return futexes;
}

// Puts the task into the queue of each. EAGAIN when one of the words is not what was expected.
Result<void> wait_at_all(World& world, Tracee& guest,
                         const std::vector<sys::abi::futex_waitv>& futexes) {
  std::vector<FutexKey> keys;
  for (const sys::abi::futex_waitv& futex : futexes) {
    TC_TRY(FutexKey key, futex_key(guest, futex.uaddr.value, (futex.flags.value & kPrivate) != 0));
    keys.push_back(key);
  }
  std::vector<std::uint32_t> words;
  for (const sys::abi::futex_waitv& futex : futexes) {
    TC_TRY(const std::uint32_t word, read_futex_word(guest, futex.uaddr.value));
    if (word != futex.val.value) return system_error(EAGAIN, "wait on a futex");
    words.push_back(word);
  }
  for (std::uint32_t i = 0; i < futexes.size(); ++i)
    world.futexes.add(
        keys[i],
        {.task = guest.id(), .index = i, .word = words[i], .address = futexes[i].uaddr.value});
  return {};
}

guest::Handler answer_futex_waitv(World& world, futex_waitv call, Tracee& guest) {
  const std::uint32_t count = call.nr_futexes.value;
  if (call.flags.value != 0) co_return -EINVAL;
  if (count == 0 || count > kMostFutexes || call.waiters.address == 0) co_return -EINVAL;
  const Result<std::optional<std::int64_t>> deadline =
      chosen_deadline(world, guest, call.timeout, call.clockid.value);
  if (!deadline) co_return -deadline.error().code();
  const Result<std::vector<sys::abi::futex_waitv>> futexes =
      read_futexes(guest, call.waiters.address, count);
  if (!futexes) co_return -futexes.error().code();
  FutexPlace place(world, guest.id());
  const Result<void> placed = wait_at_all(world, guest, *futexes);
  if (!placed) co_return -placed.error().code();
  guest::Wait wait;
  wait.deadline_ns = *deadline;
  wait.wakeup = true;
  wait.what =
      fmt::format("any of {} futexes, the first at {:#x}", count, futexes->front().uaddr.value);
  const guest::Woken woken = co_await Tracee::wait(std::move(wait));
  if (woken == guest::Woken::kReady) co_return world.futexes.woken_index(guest.id());
  if (woken == guest::Woken::kDeadline) co_return -ETIMEDOUT;
  co_return guest::interrupted(guest::kRestartSys);
}

// --- waking --------------------------------------------------------------------------------------

std::int64_t wake_by_mask(World& world, const futex_wake& call, Tracee& guest) {
  if (!is_valid_size(call.flags.value) || !fits_word(call.mask.value)) return -EINVAL;
  if (call.mask.value == 0) return -EINVAL;
  const bool is_private = (call.flags.value & kPrivate) != 0;
  const Result<FutexKey> key = futex_key(guest, call.uaddr.value, is_private);
  if (!key) return -key.error().code();
  if (call.nr.value == 0) return 0;
  const auto count = static_cast<std::uint32_t>(std::max(call.nr.value, 1));
  const Result<std::uint32_t> woken =
      wake_futex(world, *key, count, static_cast<std::uint32_t>(call.mask.value));
  return woken ? std::int64_t{*woken} : -woken.error().code();
}

guest::Handler answer_futex_wake(World& world, futex_wake call, Tracee& guest) {
  co_return wake_by_mask(world, call, guest);
}

guest::Handler answer_futex_requeue(World& world, futex_requeue call, Tracee& guest) {
  if (call.flags.value != 0 || call.waiters.value == 0) co_return -EINVAL;
  const Result<std::vector<sys::abi::futex_waitv>> futexes =
      read_futexes(guest, call.waiters.value, 2);
  if (!futexes) co_return -futexes.error().code();
  const sys::abi::futex_waitv& from = futexes->front();
  const sys::abi::futex_waitv& to = futexes->back();
  co_return requeue_futex(world, guest,
                          {.from = from.uaddr.value,
                           .to = to.uaddr.value,
                           .is_private_from = (from.flags.value & kPrivate) != 0,
                           .is_private_to = (to.flags.value & kPrivate) != 0,
                           .wakes = call.nr_wake.value,
                           .moves = call.nr_requeue.value,
                           .expected = static_cast<std::uint32_t>(from.val.value)});
}

}  // namespace

void add_futex2_calls(guest::Handlers& handlers, World& world) {
  on<futex_wait>(handlers, world, answer_futex_wait);
  on<futex_waitv>(handlers, world, answer_futex_waitv);
  on<futex_wake>(handlers, world, answer_futex_wake);
  on<futex_requeue>(handlers, world, answer_futex_requeue);
}

}  // namespace tc::determinism
