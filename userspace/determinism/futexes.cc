#include "determinism/futexes.h"

#include <algorithm>

namespace tc::determinism {

void Futexes::add(const FutexKey& key, const Waiter& waiter) {
  queues_[key].push_back(waiter);
  places_.emplace(waiter.task, key);
}

void Futexes::drop(const FutexKey& key, TaskId task) {
  const auto queue = queues_.find(key);
  if (queue == queues_.end()) return;
  std::erase_if(queue->second, [task](const Waiter& waiter) { return waiter.task == task; });
  if (queue->second.empty()) queues_.erase(queue);
}

void Futexes::remove(TaskId task) {
  const auto [first, last] = places_.equal_range(task);
  for (auto place = first; place != last; ++place) drop(place->second, task);
  places_.erase(first, last);
  woken_.erase(task);
}

std::vector<Futexes::Waiter> Futexes::take(const FutexKey& key, std::uint32_t count,
                                           std::uint32_t mask) {
  std::vector<Waiter> taken;
  const auto queue = queues_.find(key);
  if (queue == queues_.end()) return taken;
  for (const Waiter& waiter : queue->second) {
    if (taken.size() >= count) break;
    // One that waits several times on the same word (futex_waitv) is woken once.
    const bool is_taken = std::any_of(
        taken.begin(), taken.end(), [&](const Waiter& other) { return other.task == waiter.task; });
    if ((waiter.mask & mask) != 0 && !is_taken) taken.push_back(waiter);
  }
  for (const Waiter& waiter : taken) {
    const bool waits_for_several = places_.count(waiter.task) > 1;
    remove(waiter.task);
    if (waits_for_several) woken_[waiter.task] = waiter.index;
  }
  return taken;
}

std::size_t Futexes::move(const FutexKey& from, const FutexKey& to, std::uint32_t count,
                          std::uint64_t address) {
  const auto queue = queues_.find(from);
  if (queue == queues_.end()) return 0;
  const std::size_t moved = std::min<std::size_t>(count, queue->second.size());
  if (from == to) return moved;
  std::deque<Waiter>& target = queues_[to];
  for (std::size_t i = 0; i < moved; ++i) {
    Waiter waiter = queue->second.front();
    queue->second.pop_front();
    // Of a word in a file only the caller's own mapping is known, not the waiter's.
    waiter.address = from.is_of_space() && to.is_of_space() ? address : 0;
    waiter.word = 0;
    target.push_back(waiter);
    const auto [first, last] = places_.equal_range(waiter.task);
    const auto place =
        std::find_if(first, last, [&from](const auto& entry) { return entry.second == from; });
    if (place != last) place->second = to;
  }
  if (queue->second.empty()) queues_.erase(queue);
  if (target.empty()) queues_.erase(to);
  return moved;
}

const std::deque<Futexes::Waiter>* Futexes::waiters(const FutexKey& key) const {
  const auto queue = queues_.find(key);
  return queue == queues_.end() ? nullptr : &queue->second;
}

std::deque<Futexes::Waiter>* Futexes::waiters(const FutexKey& key) {
  const auto queue = queues_.find(key);
  return queue == queues_.end() ? nullptr : &queue->second;
}

const Futexes::Waiter* Futexes::find(TaskId task) const {
  const auto place = places_.find(task);
  if (place == places_.end()) return nullptr;
  const std::deque<Waiter>* const queue = waiters(place->second);
  if (queue == nullptr) return nullptr;
  const auto waiter = std::find_if(queue->begin(), queue->end(), [task](const Waiter& candidate) {
    return candidate.task == task;
  });
  return waiter == queue->end() ? nullptr : &*waiter;
}

std::uint32_t Futexes::woken_index(TaskId task) const {
  const auto woken = woken_.find(task);
  return woken == woken_.end() ? 0 : woken->second;
}

}  // namespace tc::determinism
