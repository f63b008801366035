#include "determinism/futex_exits.h"

#include <linux/futex.h>

#include <algorithm>
#include <vector>

namespace tc::determinism {
namespace {

// The lock goes to its first waiter, which learns that the former owner died holding it.
void inherit_lock(World& world, const FutexKey& key, const FutexWords& words) {
  const std::vector<Futexes::Waiter> heir = world.futexes.take(key, 1);
  if (heir.empty()) return;
  const std::uint32_t word = heir.front().own_tid | FUTEX_WAITERS | FUTEX_OWNER_DIED;
  // Memory that has gone meanwhile is the heir's to find out.
  (void)words.write(heir.front(), word);
  if (std::deque<Futexes::Waiter>* const others = world.futexes.waiters(key))
    for (Futexes::Waiter& waiter : *others) waiter.word = word;
  world.requests.wakeups.push_back(heir.front().task);
}

void check_waiters_of(World& world, const FutexKey& key, pid_t ended_tid, const FutexWords& words) {
  const std::deque<Futexes::Waiter>* const queue = world.futexes.waiters(key);
  if (queue == nullptr) return;
  // All wait on the same word: any one whose address is known will do.
  const auto known = std::find_if(queue->begin(), queue->end(), [](const Futexes::Waiter& waiter) {
    return waiter.address != 0;
  });
  if (known == queue->end()) return;
  const std::optional<std::uint32_t> word = words.read(*known);
  if (!word) return;
  const Futexes::Waiter& first = queue->front();
  if (first.locks) {
    const std::uint32_t owner = *word & FUTEX_TID_MASK;
    if (owner == 0 || owner == static_cast<std::uint32_t>(ended_tid))
      inherit_lock(world, key, words);
    return;
  }
  const bool cleared = *word == 0 && first.word != 0;
  const bool owner_died = (*word & FUTEX_OWNER_DIED) != 0 && (first.word & FUTEX_OWNER_DIED) == 0;
  if (!cleared && !owner_died) return;
  for (const Futexes::Waiter& waiter : world.futexes.take(key, 1))
    world.requests.wakeups.push_back(waiter.task);
}

}  // namespace

void check_waiters_after_exit(World& world, pid_t ended_tid, const FutexWords& words) {
  std::vector<FutexKey> keys;  // the queues change on the way
  for (const auto& [key, queue] : world.futexes.all()) keys.push_back(key);
  for (const FutexKey& key : keys) check_waiters_of(world, key, ended_tid, words);
}

}  // namespace tc::determinism
