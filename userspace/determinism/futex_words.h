// The words that futexes are: their identity, their contents, and the deadlines of waits on them;
// what all futex calls begin with. Errors carry the errno that the guest gets.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "determinism/futexes.h"
#include "determinism/tracee.h"
#include "determinism/world.h"
#include "sys/calls.h"

namespace tc::determinism {

// As get_futex_key() of kernel/futex/core.c: EINVAL for an address that is not a multiple of 4,
// EFAULT where no guest's memory can be, and where none is mapped unless it is private.
Result<FutexKey> futex_key(Tracee& guest, std::uint64_t address, bool is_private);

Result<std::uint32_t> read_futex_word(Tracee& guest, std::uint64_t address);
Result<void> write_futex_word(Tracee& guest, std::uint64_t address, std::uint32_t word);

enum class FutexClock : std::uint8_t { kMonotonic, kWall };
// The absolute timeout of a call; nothing when it has none.
Result<std::optional<std::int64_t>> futex_deadline(
    const World& world, Tracee& guest, const sys::RemotePointer<sys::abi::wait_limit>& limit,
    FutexClock clock);

// Wakes the first `count` that wait there with a bit of `mask`: how many there were. EINVAL when
// one of them waits for a lock, which FUTEX_UNLOCK_PI alone may hand over.
Result<std::uint32_t> wake_futex(World& world, const FutexKey& key, std::uint32_t count,
                                 std::uint32_t mask = ~0U);

// FUTEX_REQUEUE and its kin: the first `wakes` waiters at `from` wake, the next `moves` go to wait
// at `to`. How many that were, or an errno negated: EAGAIN when the word is not `expected`.
struct FutexRequeue {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  bool is_private_from = false;
  bool is_private_to = false;
  std::int32_t wakes = 0;
  std::int32_t moves = 0;
  std::optional<std::uint32_t> expected;
};
std::int64_t requeue_futex(World& world, Tracee& guest, const FutexRequeue& call);

// A task's place in the queues, for the time that its handler waits: however that ends, also by the
// task's death, it waits no more.
class FutexPlace {
 public:
  FutexPlace(World& world, TaskId task) : world_(world), task_(task) {}
  FutexPlace(const FutexPlace&) = delete;
  FutexPlace& operator=(const FutexPlace&) = delete;
  ~FutexPlace() { world_.futexes.remove(task_); }

 private:
  World& world_;
  TaskId task_;
};

}  // namespace tc::determinism
