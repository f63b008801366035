// TaskStatus: what /proc/TID/status tells of one thread: its numbers, and what it does about
// signals.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace tc::ptrace {

struct TaskStatus {
  std::uint32_t pid = 0;     // of its process
  std::uint32_t parent = 0;  // the parent process
  std::uint32_t ns_tid = 0;  // as it sees itself: in the innermost pid namespace
  std::uint32_t ns_pid = 0;
  std::uint64_t ignored = 0;  // signal N is bit N-1
  std::uint64_t caught = 0;
  std::uint64_t blocked = 0;
  std::uint64_t pending = 0;  // of the thread or of its process
  char state = '?';           // as ps(1) tells it: 't' in a stop of ours

  // Does the signal act: on a handler, or by a default that does something? A stop is something.
  bool acts_on(int signal) const;
  // Does it end the process by default, without a core? Untraced, the kernel then ends the process
  // at once and delivers nothing (complete_signal() in kernel/signal.c).
  bool is_ended_by(int signal) const;
};

// Lines that are missing leave their members 0.
TaskStatus parse_task_status(std::string_view text);
// An error when there is no such thread.
Result<TaskStatus> read_task_status(std::uint32_t tid);

}  // namespace tc::ptrace
