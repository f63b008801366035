// What the end of a thread does to those that wait on futexes. When a thread ends, or executes a
// program, the kernel zeroes its clear_child_tid word, walks its robust list and marks the locks
// that it held as FUTEX_OWNER_DIED (kernel/futex/core.c, futex_exit_release). The words change so
// in the guests' memory too, but the kernel's wakes reach nobody, since nobody waits in the kernel.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>

#include "determinism/futexes.h"
#include "determinism/world.h"

namespace tc::determinism {

// The words of waiters, given by whoever can reach their memory: the word at `waiter.address` in
// the address space of `waiter.task`.
struct FutexWords {
  std::function<std::optional<std::uint32_t>(const Futexes::Waiter&)> read;
  std::function<bool(const Futexes::Waiter&, std::uint32_t)> write;
};

// To be called by the engine after each end of a thread and each execve, once the kernel has done
// its part (the thread's wait status or PTRACE_EVENT_EXEC has been taken) and the ended tasks'
// handlers have been destroyed, so that they wait no more. `ended_tid` is the thread as it saw
// itself. Those who wake are appended to world.requests.wakeups:
// - of a futex whose word has become 0 or has got FUTEX_OWNER_DIED since the first waiter came,
//   that waiter (as the kernel wakes one). It may be once too often: any wait on a futex may end
//   so;
// - of a lock (PI) that the thread owned, the first waiter, which is its owner then.
void check_waiters_after_exit(World& world, pid_t ended_tid, const FutexWords& words);

}  // namespace tc::determinism
