#include "sandbox/scheduler.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace tc::sandbox {
namespace {

// poll(2) with a signal or two in between.
int poll_all(std::vector<pollfd>& files, int timeout_ms) {
  while (true) {
    const int count = ::poll(files.data(), files.size(), timeout_ms);
    if (count >= 0 || errno != EINTR) return count;
  }
}

}  // namespace

std::optional<TaskId> Scheduler::next() {
  if (queue_.empty()) return std::nullopt;
  const TaskId task = queue_.front();
  queue_.pop_front();
  return task;
}

void Scheduler::wait(TaskId task, const guest::Wait& what, bool is_lazy) {
  waiters_.push_back({.task = task, .wait = &what, .tried_at = progress_, .is_lazy = is_lazy});
}

void Scheduler::forget(TaskId task) {
  waiters_.remove_if([task](const Waiter& waiter) { return waiter.task == task; });
  queue_.erase(std::remove(queue_.begin(), queue_.end(), task), queue_.end());
}

std::vector<Scheduler::Over> Scheduler::over(std::int64_t now_ns) const {
  std::vector<pollfd> files;
  for (const Waiter& waiter : waiters_)
    for (const guest::WaitFile& file : waiter.wait->files)
      files.push_back({.fd = file.file->get(), .events = file.events, .revents = 0});
  if (!files.empty()) poll_all(files, 0);
  std::vector<Over> all;
  std::size_t next = 0;
  for (const Waiter& waiter : waiters_) {
    const std::size_t count = waiter.wait->files.size();
    const bool is_ready = std::any_of(files.begin() + static_cast<std::ptrdiff_t>(next),
                                      files.begin() + static_cast<std::ptrdiff_t>(next + count),
                                      [](const pollfd& file) { return file.revents != 0; });
    next += count;
    if (is_ready)
      all.push_back({.task = waiter.task,
                     .woken = guest::Woken::kReady,
                     .others_did_something = waiter.tried_at < progress_});
    else if (waiter.wait->deadline_ns && *waiter.wait->deadline_ns <= now_ns)
      all.push_back({.task = waiter.task, .woken = guest::Woken::kDeadline});
  }
  return all;
}

std::optional<TaskId> Scheduler::next_retry(bool with_lazy) {
  for (Waiter& waiter : waiters_) {
    if (!waiter.wait->retry || waiter.tried_at >= progress_) continue;
    if (waiter.is_lazy && !with_lazy) continue;
    waiter.tried_at = progress_;
    return waiter.task;
  }
  return std::nullopt;
}

std::optional<std::int64_t> Scheduler::next_deadline() const {
  std::optional<std::int64_t> earliest;
  for (const Waiter& waiter : waiters_) {
    const auto& deadline = waiter.wait->deadline_ns;
    if (deadline && (!earliest || *deadline < *earliest)) earliest = deadline;
  }
  return earliest;
}

void Scheduler::wait_for_files(const std::function<bool(const guest::WaitFile&)>& which,
                               int timeout_ms) const {
  std::vector<pollfd> files;
  for (const Waiter& waiter : waiters_)
    for (const guest::WaitFile& file : waiter.wait->files)
      if (which(file))
        files.push_back({.fd = file.file->get(), .events = file.events, .revents = 0});
  poll_all(files, timeout_ms);
}

}  // namespace tc::sandbox
