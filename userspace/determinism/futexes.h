// Futexes: who waits on which futex, in the order in which they came. The kernel is never asked:
// the words lie in the guest's memory, which nobody changes but the one task that runs.
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
// shared.
struct FutexKey {
  std::uint64_t device = 0;  // 0: `object` is a SpaceId
  std::uint64_t object = 0;  // or an inode
  std::uint64_t offset = 0;  // address, or offset in the file
  auto operator<=>(const FutexKey&) const = default;
};

class Futexes {
 public:
  struct Waiter {
    TaskId task = 0;
    std::uint32_t mask = ~0U;   // FUTEX_BITSET_MATCH_ANY
    std::uint32_t index = 0;    // of futex_waitv: which of its futexes
    std::uint32_t word = 0;     // what it found there
    std::uint64_t address = 0;  // in its own address space
    bool locks = false;         // waits to own it (PI)
    std::uint32_t own_tid = 0;  // of one that locks: what the word becomes
  };

  void add(const FutexKey& key, const Waiter& waiter) { queues_[key].push_back(waiter); }
  // Wherever the task waits; who was woken has been removed already.
  void remove(TaskId task);
  // The first `count` waiters whose mask has a bit of `mask`, removed. In order.
  std::vector<Waiter> take(const FutexKey& key, std::uint32_t count, std::uint32_t mask = ~0U);
  // Up to `count` waiters go to the end of the other queue.
  std::size_t move(const FutexKey& from, const FutexKey& to, std::uint32_t count);
  const std::deque<Waiter>* waiters(const FutexKey& key) const;
  const std::map<FutexKey, std::deque<Waiter>>& all() const { return queues_; }

 private:
  std::map<FutexKey, std::deque<Waiter>> queues_;
};

}  // namespace tc::determinism
