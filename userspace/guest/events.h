// What happens to the tasks that are traced, as both engines (eBPF and ptrace) tell it: numbers and
// bytes, nothing normalised. The same program gives the same events through either.
//
// Order: of one task, program order; a task's Created precedes everything it does; Ended is its
// last. Across tasks, the order in which things happened as far as the engine knows it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sys/call_return.h"

namespace tc::guest {

// Numbers of tc's own pid namespace. pid is the thread group, as getpid() tells it.
struct Task {
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
};

// A system call has returned. A successful execve is told by Started instead, a call that never
// returns by Ended.
struct Called {
  Task task;
  std::uint64_t time_ns = 0;  // since boot, when it returned
  std::uint64_t ip = 0;       // behind the instruction that made it
  sys::CallReturn call;
};

struct Created {
  Task creator;
  Task child;  // of a new thread, pid is the creator's
  std::uint64_t time_ns = 0;
  std::uint64_t clone_flags = 0;  // CLONE_… of clone(2), without the exit signal
  std::uint32_t ns_tid = 0;       // as the child itself sees them; what clone returns to a creator
  std::uint32_t ns_pid = 0;       // of the same namespace
};

// A mapping of a file, as /proc/PID/maps has it.
struct Mapping {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t file_offset = 0;
  std::string_view path;
};

// A new program has taken over the process: execve or execveat succeeded.
struct Started {
  Task task;
  std::uint64_t time_ns = 0;
  std::uint32_t former_tid = 0;  // the thread that called; the others are gone
  bool at = false;               // execveat
  std::string_view path;         // as it was asked for
  std::string_view resolved;     // absolute, behind links; empty when not known
  std::string_view argv;         // each string ended by NUL
  std::string_view environment;  // the same
  std::uint64_t missing = 0;     // bytes of the two that did not get through
  std::uint64_t heap_start = 0;  // where brk begins; 0: not known
  std::uint64_t stack_start = 0;
  std::span<const Mapping> mappings;  // files mapped by the kernel: program and loader
};

// A signal acts: its handler is about to run, or its default. Ignored ones are not told.
struct Signalled {
  Task task;
  std::uint64_t time_ns = 0;
  std::uint32_t signal = 0;
  std::int32_t code = 0;         // si_code
  std::uint32_t sender_pid = 0;  // 0: the kernel, or not known
  std::uint32_t sender_uid = 0;
  std::uint64_t fault_address = 0;
};

// A thread is gone.
struct Ended {
  Task task;
  std::uint64_t time_ns = 0;
  // The call it was in: exit, exit_group, or one that a kill cut short. result is empty.
  std::optional<sys::CallReturn> call;
  bool last = false;    // no thread of the process is left
  int wait_status = 0;  // of the process, as wait(2) tells it; when last
};

// One of the places that the user named was reached.
struct Reached {
  Task task;
  std::uint64_t time_ns = 0;
  std::uint32_t place = 0;
};

// Events that did not get through, all before the next one told.
struct Missed {
  std::uint64_t time_ns = 0;
  std::uint64_t count = 0;
  std::string_view reason;  // of TC_LOSS_REASONS
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual void on(const Called& event) = 0;
  virtual void on(const Created& event) = 0;
  virtual void on(const Started& event) = 0;
  virtual void on(const Signalled& event) = 0;
  virtual void on(const Ended& event) = 0;
  virtual void on(const Reached& event) = 0;
  virtual void on(const Missed& event) = 0;
  // There is nothing more to tell right now: whoever reads along need not wait.
  virtual void on_idle() {}
};

}  // namespace tc::guest
