// Futexes: who waits on which futex, in the order in which they came. The kernel is never asked:
// the words lie in the guest's memory, which nobody changes but the one task that runs.
//
// Knows queues only: what a call does with them is calls_futex.cc's and futex_locks.cc's business,
// how a word's identity is found futex_words.h's, what the end of a thread does futex_exits.h's.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "determinism/process.h"

namespace tc::determinism {

// The identity of a futex: the word's place in an address space, or in a file that is mapped
// shared. A word of private memory is two futexes, one for calls with FUTEX_PRIVATE_FLAG and one
// for those without, as in the kernel (FUT_OFF_MMSHARED).
struct FutexKey {
  static constexpr std::uint64_t kAnyProcess = ~0ULL;
  std::uint64_t device = 0;  // 0 and kAnyProcess: `object` is a SpaceId
  std::uint64_t object = 0;  // or an inode
  std::uint64_t offset = 0;  // address, or offset in the file
  auto operator<=>(const FutexKey&) const = default;

  bool is_of_space() const { return device == 0 || device == kAnyProcess; }
};

class Futexes {
 public:
  struct Waiter {
    TaskId task = 0;
    std::uint32_t mask = ~0U;           // FUTEX_BITSET_MATCH_ANY
    std::uint32_t index = 0;            // of futex_waitv: which of its futexes
    std::uint32_t word = 0;             // what it found there
    std::uint64_t address = 0;          // in its own address space; 0: not known
    bool locks = false;                 // waits to own it (PI)
    std::uint32_t own_tid = 0;          // of one that locks: what the word becomes
    std::optional<FutexKey> lock = {};  // FUTEX_WAIT_REQUEUE_PI: the lock that it is to be moved to
  };

  void add(const FutexKey& key, const Waiter& waiter);
  // Wherever the task waits; who was woken has been removed already.
  void remove(TaskId task);
  // The first `count` waiters whose mask has a bit of `mask`, removed (also where else they wait).
  // In order.
  std::vector<Waiter> take(const FutexKey& key, std::uint32_t count, std::uint32_t mask = ~0U);
  // Up to `count` waiters go to the end of the other queue, where their word is at `address`. How
  // many were there to go: to the same queue none moves.
  std::size_t move(const FutexKey& from, const FutexKey& to, std::uint32_t count,
                   std::uint64_t address);
  // Nothing when there are none.
  const std::deque<Waiter>* waiters(const FutexKey& key) const;
  std::deque<Waiter>* waiters(const FutexKey& key);
  const std::map<FutexKey, std::deque<Waiter>>& all() const { return queues_; }
  // Where the task waits; of futex_waitv the first one. Nothing: nowhere.
  const Waiter* find(TaskId task) const;
  // Waiter::index of where the task was last woken by take().
  std::uint32_t woken_index(TaskId task) const;

 private:
  void drop(const FutexKey& key, TaskId task);

  std::map<FutexKey, std::deque<Waiter>> queues_;  // none is empty
  std::multimap<TaskId, FutexKey> places_;         // of each waiter
  std::map<TaskId, std::uint32_t> woken_;          // of those that waited for several
};

}  // namespace tc::determinism
