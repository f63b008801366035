// Tasks: the threads that are traced, by tid, and their processes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "ptrace/thread.h"

namespace tc::ptrace {

class Tasks {
 public:
  // Null when it is not traced, or not known yet.
  Thread* find(pid_t tid) const;
  // The process is made with its first thread.
  Thread& add(guest::Task task);
  void remove(pid_t tid);
  // The thread `former` has become the only one of its process and its leader (execve).
  Thread* become_leader(pid_t former, std::uint32_t pid);

  bool empty() const { return threads_.empty(); }
  // By tid, so that what is done to all is done in the same order each time.
  std::vector<Thread*> all() const;
  std::vector<Thread*> threads_of(std::uint32_t pid) const;

 private:
  std::unordered_map<pid_t, std::unique_ptr<Thread>> threads_;
  std::unordered_map<std::uint32_t, std::weak_ptr<Process>> processes_;
};

}  // namespace tc::ptrace
