// Locks with an owner: the futex operations whose word holds the owner's thread number
// (FUTEX_LOCK_PI and its kin; futex(2), "Priority-inheritance futexes"). There are no priorities
// here: who comes first is served first. One file beside calls_futex.cc, which dispatches to it.
#pragma once

#include <cstdint>
#include <optional>

#include "determinism/tracee.h"
#include "determinism/world.h"

namespace tc::determinism {

struct FutexLock {
  std::uint64_t address = 0;
  bool is_private = false;
  bool tries = false;                            // FUTEX_TRYLOCK_PI
  std::optional<std::int64_t> deadline_ns = {};  // monotonic
};
guest::Handler lock_futex(World& world, FutexLock call, Tracee& guest);
guest::Handler unlock_futex(World& world, FutexLock call, Tracee& guest);

// A wait on `address` that ends as the owner of the lock at `lock`.
struct FutexWaitForLock {
  std::uint64_t address = 0;
  std::uint64_t lock = 0;
  bool is_private = false;
  std::uint32_t expected = 0;
  std::optional<std::int64_t> deadline_ns = {};  // monotonic
};
guest::Handler wait_for_lock(World& world, FutexWaitForLock call, Tracee& guest);

// FUTEX_CMP_REQUEUE_PI: the first waiter at `address` gets the lock if it is free; it, or else all
// up to `wakes` + `moves`, and the others go to wait for the lock.
struct FutexMoveToLock {
  std::uint64_t address = 0;
  std::uint64_t lock = 0;
  bool is_private = false;
  std::int32_t wakes = 0;
  std::int32_t moves = 0;
  std::uint32_t expected = 0;
};
// What the call returns.
std::int64_t move_to_lock(World& world, const FutexMoveToLock& call, Tracee& guest);

}  // namespace tc::determinism
