// Scheduler: whose turn it is. Serial: one task runs until it waits, yields or has had its share of
// calls; then the one that has been runnable the longest. Waits end in the order in which they
// began. So the order of everything is a function of what the tasks do.
//
// Knows tasks by number and waits by what they wait for; nothing of ptrace or of processes.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <vector>

#include "determinism/process.h"
#include "guest/wait.h"

namespace tc::sandbox {

using determinism::TaskId;

class Scheduler {
 public:
  struct Waiter {
    TaskId task = 0;
    const guest::Wait* wait = nullptr;  // the task's; lives as long as it waits
    std::uint64_t tried_at = 0;         // progress() when it last tried (retry)
    bool is_lazy = false;               // to try again takes long
  };
  struct Over {
    TaskId task = 0;
    guest::Woken woken = guest::Woken::kReady;
    bool others_did_something = false;  // since it began to wait
  };

  // At the end of the queue.
  void add(TaskId task) { queue_.push_back(task); }
  // The next one to run, taken from the queue.
  std::optional<TaskId> next();
  bool has_runnable() const { return !queue_.empty(); }

  // Behind all that wait already; a wait that was tried in vain begins anew.
  void wait(TaskId task, const guest::Wait& what, bool is_lazy = false);
  // Its wait is over for a reason of its own; where it waited is forgotten.
  void forget(TaskId task);
  const std::list<Waiter>& waiters() const { return waiters_; }

  // A task has done something that may have changed what another waits for.
  void note_progress() { ++progress_; }
  std::uint64_t progress() const { return progress_; }

  // The waits that are over by themselves now: a file is ready, the deadline has come. In order.
  // They stay waiters until forget().
  std::vector<Over> over(std::int64_t now_ns) const;
  // The first one that has not tried since somebody did something; it counts as having tried now.
  std::optional<TaskId> next_retry(bool with_lazy);
  // The earliest deadline of all waits.
  std::optional<std::int64_t> next_deadline() const;
  // Waits for real until a file of a waiter is ready, `timeout_ms` at most; -1: for ever.
  void wait_for_files(const std::function<bool(const guest::WaitFile&)>& which,
                      int timeout_ms) const;

 private:
  std::deque<TaskId> queue_;
  std::list<Waiter> waiters_;  // in the order in which they began to wait
  std::uint64_t progress_ = 1;
};

}  // namespace tc::sandbox
