#include "determinism/futex_words.h"

#include <algorithm>
#include <cerrno>
#include <span>
#include <vector>

#include "determinism/mapping_at.h"

namespace tc::determinism {
namespace {

constexpr std::uint64_t kWordSize = 4;
constexpr std::uint64_t kEndOfMemory = 0x7fff'ffff'f000;  // TASK_SIZE of x86-64, 4-level paging

// The word in what is mapped at `address`.
Result<FutexKey> mapped_key(Tracee& guest, std::uint64_t address) {
  const std::optional<MappedObject> object = mapping_at(guest.proc_name("maps"), address);
  if (!object) return system_error(EFAULT, "find a futex");
  if (!object->is_shared)
    return FutexKey{
        .device = FutexKey::kAnyProcess, .object = guest.process().space, .offset = address};
  // Never 0: the kernel's own file systems have a minor number, too.
  const std::uint64_t device =
      (static_cast<std::uint64_t>(object->device_major) << 32U | object->device_minor) + 1;
  return FutexKey{.device = device, .object = object->inode, .offset = object->offset};
}

}  // namespace

Result<FutexKey> futex_key(Tracee& guest, std::uint64_t address, bool is_private) {
  if (address % kWordSize != 0) return system_error(EINVAL, "align a futex");
  if (address >= kEndOfMemory) return system_error(EFAULT, "find a futex");
  if (is_private) return FutexKey{.device = 0, .object = guest.process().space, .offset = address};
  return mapped_key(guest, address);
}

Result<std::uint32_t> read_futex_word(Tracee& guest, std::uint64_t address) {
  std::uint32_t word = 0;
  TC_CHECK(guest.read_memory(address, std::as_writable_bytes(std::span(&word, 1))));
  return word;
}

Result<void> write_futex_word(Tracee& guest, std::uint64_t address, std::uint32_t word) {
  return guest.write_memory(address, std::as_bytes(std::span(&word, 1)));
}

Result<std::optional<std::int64_t>> futex_deadline(
    const World& world, Tracee& guest, const sys::RemotePointer<sys::abi::wait_limit>& limit,
    FutexClock clock) {
  if (limit.address == 0) return std::optional<std::int64_t>();
  TC_TRY(const sys::abi::wait_limit time, guest.read(limit));
  const std::optional<std::int64_t> at_ns = duration_ns(time.tv_sec.value, time.tv_nsec.value);
  if (!at_ns) return system_error(EINVAL, "read a timeout");
  return std::optional(clock == FutexClock::kWall ? monotonic_of_wall(world.clock, *at_ns)
                                                  : *at_ns);
}

Result<std::uint32_t> wake_futex(World& world, const FutexKey& key, std::uint32_t count,
                                 std::uint32_t mask) {
  const std::deque<Futexes::Waiter>* const queue = world.futexes.waiters(key);
  if (queue == nullptr) return 0U;
  const bool has_locks =
      std::any_of(queue->begin(), queue->end(),
                  [](const Futexes::Waiter& waiter) { return waiter.locks || waiter.lock; });
  if (has_locks) return system_error(EINVAL, "wake who waits for a lock");
  const std::vector<Futexes::Waiter> woken = world.futexes.take(key, count, mask);
  for (const Futexes::Waiter& waiter : woken) world.requests.wakeups.push_back(waiter.task);
  return static_cast<std::uint32_t>(woken.size());
}

std::int64_t requeue_futex(World& world, Tracee& guest, const FutexRequeue& call) {
  if (call.wakes < 0 || call.moves < 0) return -EINVAL;
  const Result<FutexKey> from = futex_key(guest, call.from, call.is_private_from);
  if (!from) return -from.error().code();
  const Result<FutexKey> to = futex_key(guest, call.to, call.is_private_to);
  if (!to) return -to.error().code();
  if (call.expected) {
    const Result<std::uint32_t> word = read_futex_word(guest, call.from);
    if (!word) return -EFAULT;
    if (*word != *call.expected) return -EAGAIN;
  }
  const Result<std::uint32_t> woken =
      wake_futex(world, *from, static_cast<std::uint32_t>(call.wakes));
  if (!woken) return -woken.error().code();
  const std::size_t moved =
      world.futexes.move(*from, *to, static_cast<std::uint32_t>(call.moves), call.to);
  return static_cast<std::int64_t>(*woken + moved);
}

}  // namespace tc::determinism
