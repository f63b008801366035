#include "determinism/futex_locks.h"

#include <fmt/format.h>
#include <linux/futex.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "determinism/futex_words.h"

namespace tc::determinism {
namespace {

constexpr std::int64_t kRestartAlways = -513;  // ERESTARTNOINTR
constexpr int kLongestChain = 1024;            // max_lock_depth of kernel/locking/rtmutex.c

std::uint32_t own_number(const Tracee& guest) {
  return static_cast<std::uint32_t>(guest.own_tid()) & FUTEX_TID_MASK;
}

// The owner of the lock that `owner` itself waits for; nothing: it waits for none.
std::optional<std::uint32_t> next_owner(const Futexes& futexes, std::uint32_t owner) {
  for (const auto& [key, queue] : futexes.all())
    for (const Futexes::Waiter& waiter : queue)
      if (waiter.locks && waiter.own_tid == owner) return waiter.word & FUTEX_TID_MASK;
  return std::nullopt;
}

// Whether the owner waits, perhaps through others, for a lock that `own` owns.
bool closes_circle(const Futexes& futexes, std::uint32_t owner, std::uint32_t own) {
  std::optional<std::uint32_t> next = owner;
  for (int depth = 0; next && depth < kLongestChain; ++depth) {
    if (*next == own) return true;
    next = next_owner(futexes, *next);
  }
  return false;
}

bool has_lock_waiters(const Futexes& futexes, const FutexKey& key) {
  const std::deque<Futexes::Waiter>* const queue = futexes.waiters(key);
  return queue != nullptr && queue->front().locks;
}

// Everybody who waits for the lock learns what its word is now.
void note_word(Futexes& futexes, const FutexKey& key, std::uint32_t word) {
  if (std::deque<Futexes::Waiter>* const queue = futexes.waiters(key))
    for (Futexes::Waiter& waiter : *queue) waiter.word = word;
}

// Takes the lock when it is free: true; else marks that somebody waits. An error ends the call.
Result<bool> take_if_free(World& world, Tracee& guest, const FutexLock& call, const FutexKey& key,
                          std::uint32_t word) {
  const std::uint32_t own = own_number(guest);
  const std::uint32_t owner = word & FUTEX_TID_MASK;
  if (owner == own) return system_error(EDEADLK, "lock what is one's own");
  if (owner == 0) {
    if (has_lock_waiters(world.futexes, key)) return system_error(EINVAL, "find the lock's owner");
    TC_CHECK(write_futex_word(guest, call.address, own | (word & FUTEX_OWNER_DIED)));
    return true;
  }
  TC_CHECK(write_futex_word(guest, call.address, word | FUTEX_WAITERS));
  return false;
}

guest::Wait lock_wait(const FutexLock& call, std::uint32_t owner) {
  guest::Wait wait;
  wait.deadline_ns = call.deadline_ns;
  wait.wakeup = true;
  wait.what = fmt::format("the lock {:#x}, owned by thread {}", call.address, owner);
  return wait;
}

// The word when `heir` has got the lock from `word`.
std::uint32_t word_of_heir(const Futexes::Waiter& heir) { return heir.own_tid | FUTEX_WAITERS; }

}  // namespace

guest::Handler lock_futex(World& world, FutexLock call, Tracee& guest) {
  const Result<FutexKey> key = futex_key(guest, call.address, call.is_private);
  if (!key) co_return -key.error().code();
  const Result<std::uint32_t> word = read_futex_word(guest, call.address);
  if (!word) co_return -EFAULT;
  const Result<bool> is_taken = take_if_free(world, guest, call, *key, *word);
  if (!is_taken) co_return -is_taken.error().code();
  if (*is_taken) co_return 0;
  const std::uint32_t owner = *word & FUTEX_TID_MASK;
  if (!has_lock_waiters(world.futexes, *key)) {
    // The first one to wait asks whether there is an owner to wait for.
    const std::int64_t asked = co_await guest.inject(
        sys::call::sched_getscheduler{.pid = {static_cast<std::int32_t>(owner)}});
    if (asked == -ESRCH) co_return -ESRCH;
  }
  if (call.tries) co_return -EAGAIN;
  if (closes_circle(world.futexes, owner, own_number(guest))) co_return -EDEADLK;
  FutexPlace place(world, guest.id());
  world.futexes.add(*key, {.task = guest.id(),
                           .word = *word | FUTEX_WAITERS,
                           .address = call.address,
                           .locks = true,
                           .own_tid = own_number(guest)});
  const guest::Woken woken = co_await Tracee::wait(lock_wait(call, owner));
  if (woken == guest::Woken::kReady) co_return 0;  // whoever woke it wrote its number
  if (woken == guest::Woken::kDeadline) co_return -ETIMEDOUT;
  co_return guest::interrupted(kRestartAlways);
}

guest::Handler unlock_futex(World& world, FutexLock call, Tracee& guest) {
  const Result<std::uint32_t> word = read_futex_word(guest, call.address);
  if (!word) co_return -EFAULT;
  if ((*word & FUTEX_TID_MASK) != own_number(guest)) co_return -EPERM;
  const Result<FutexKey> key = futex_key(guest, call.address, call.is_private);
  if (!key) co_return -key.error().code();
  if (world.futexes.waiters(*key) != nullptr && !has_lock_waiters(world.futexes, *key))
    co_return -EINVAL;
  if (!has_lock_waiters(world.futexes, *key)) {
    const Result<void> written = write_futex_word(guest, call.address, 0);
    co_return written ? 0 : -EFAULT;
  }
  const std::uint32_t next = word_of_heir(world.futexes.waiters(*key)->front());
  const Result<void> written = write_futex_word(guest, call.address, next);
  if (!written) co_return -EFAULT;
  for (const Futexes::Waiter& heir : world.futexes.take(*key, 1))
    world.requests.wakeups.push_back(heir.task);
  note_word(world.futexes, *key, next);
  co_return 0;
}

guest::Handler wait_for_lock(World& world, FutexWaitForLock call, Tracee& guest) {
  if (call.address == call.lock) co_return -EINVAL;
  const Result<FutexKey> lock = futex_key(guest, call.lock, call.is_private);
  if (!lock) co_return -lock.error().code();
  const Result<FutexKey> key = futex_key(guest, call.address, call.is_private);
  if (!key) co_return -key.error().code();
  const Result<std::uint32_t> word = read_futex_word(guest, call.address);
  if (!word) co_return -EFAULT;
  if (*word != call.expected) co_return -EAGAIN;
  if (*lock == *key) co_return -EINVAL;
  FutexPlace place(world, guest.id());
  world.futexes.add(*key, {.task = guest.id(),
                           .word = *word,
                           .address = call.address,
                           .own_tid = own_number(guest),
                           .lock = *lock});
  guest::Wait wait;
  wait.deadline_ns = call.deadline_ns;
  wait.wakeup = true;
  wait.what = fmt::format("futex {:#x}, to get the lock {:#x}", call.address, call.lock);
  const guest::Woken woken = co_await Tracee::wait(std::move(wait));
  if (woken == guest::Woken::kReady) co_return 0;
  if (woken == guest::Woken::kDeadline) co_return -ETIMEDOUT;
  // Once moved to the lock it may not begin again: the condition has been signalled.
  const Futexes::Waiter* const waiter = world.futexes.find(guest.id());
  if (waiter != nullptr && waiter->locks) co_return -EAGAIN;
  co_return guest::interrupted(kRestartAlways);
}

namespace {

// The first waiter gets the lock when it is free. Nothing: it is not.
Result<std::optional<TaskId>> give_if_free(World& world, Tracee& guest, const FutexMoveToLock& call,
                                           const FutexKey& from, const FutexKey& lock) {
  TC_TRY(const std::uint32_t word, read_futex_word(guest, call.lock));
  const std::deque<Futexes::Waiter>& queue = *world.futexes.waiters(from);
  const Futexes::Waiter first = queue.front();
  const std::uint32_t owner = word & FUTEX_TID_MASK;
  if (owner == first.own_tid) return system_error(EDEADLK, "give a lock to its owner");
  if (owner != 0 || has_lock_waiters(world.futexes, lock)) {
    TC_CHECK(write_futex_word(guest, call.lock, word | FUTEX_WAITERS));
    return std::optional<TaskId>();
  }
  const std::uint32_t waits = call.moves > 0 && queue.size() > 1 ? FUTEX_WAITERS : 0;
  TC_CHECK(write_futex_word(guest, call.lock, first.own_tid | waits | (word & FUTEX_OWNER_DIED)));
  world.futexes.remove(first.task);
  world.requests.wakeups.push_back(first.task);
  return std::optional(first.task);
}

// The others wait for the lock from now on.
Result<std::int64_t> move_others(World& world, Tracee& guest, const FutexMoveToLock& call,
                                 const FutexKey& from, const FutexKey& lock, std::int64_t most) {
  if (most <= 0) return std::int64_t{0};
  TC_TRY(const std::uint32_t word, read_futex_word(guest, call.lock));
  const std::size_t moved =
      world.futexes.move(from, lock, static_cast<std::uint32_t>(most), call.lock);
  if (std::deque<Futexes::Waiter>* const queue = world.futexes.waiters(lock)) {
    for (Futexes::Waiter& waiter : *queue) {
      waiter.locks = true;
      waiter.word = word;
    }
  }
  return static_cast<std::int64_t>(moved);
}

}  // namespace

std::int64_t move_to_lock(World& world, const FutexMoveToLock& call, Tracee& guest) {
  if (call.wakes < 0 || call.moves < 0 || call.address == call.lock) return -EINVAL;
  if (call.wakes != 1) return -EINVAL;
  const Result<FutexKey> from = futex_key(guest, call.address, call.is_private);
  if (!from) return -from.error().code();
  const Result<FutexKey> lock = futex_key(guest, call.lock, call.is_private);
  if (!lock) return -lock.error().code();
  if (*from == *lock) return -EINVAL;
  const Result<std::uint32_t> word = read_futex_word(guest, call.address);
  if (!word) return -EFAULT;
  if (*word != call.expected) return -EAGAIN;
  const std::deque<Futexes::Waiter>* const queue = world.futexes.waiters(*from);
  if (queue == nullptr) return 0;
  const bool all_go_there = std::all_of(
      queue->begin(), queue->end(),
      [&lock](const Futexes::Waiter& waiter) { return waiter.lock && *waiter.lock == *lock; });
  if (!all_go_there) return -EINVAL;
  const Result<std::optional<TaskId>> owner = give_if_free(world, guest, call, *from, *lock);
  if (!owner) return -owner.error().code();
  const std::int64_t given = owner->has_value() ? 1 : 0;
  const std::int64_t most = std::int64_t{call.wakes} + call.moves - given;
  const Result<std::int64_t> moved = move_others(world, guest, call, *from, *lock, most);
  if (!moved) return -moved.error().code();
  return given + *moved;
}

}  // namespace tc::determinism
