// Task: one thread of the run, as the engine keeps it: who it is, in which stop it stands, what it
// waits for and how it goes on. Data; engine.h and its parts move it.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "determinism/process.h"
#include "guest/handler.h"
#include "ptrace/stopped.h"
#include "sandbox/live_tracee.h"
#include "sandbox/spin.h"
#include "sys/calls.h"

namespace tc::sandbox {

struct ProcessState {
  determinism::Process told;  // what handlers see of it
  UniqueFd pidfd;             // files are taken through it
  std::uint32_t living = 0;   // threads whose end has not been told
  std::uint32_t children_made = 0;
  std::uint32_t threads_made = 0;
  std::uint64_t parent = 0;        // told.order of the process that made it
  std::uint32_t vfork_parent = 0;  // the task that waits for its exec or end
  bool is_ending = false;          // exit_group, a signal, or exec by another thread
  int wait_status = 0;             // once it has ended
};

enum class TaskState : std::uint8_t {
  kRunnable,  // in the scheduler's queue, or the one that runs
  kWaiting,   // its handler waits, or it spins
  kVfork,     // until its child executes or ends
  kStopped,   // by SIGSTOP or the like
  kZombie,    // a leader that has ended before its threads
};

// Where a task stands within a call.
enum class CallPlace : std::uint8_t {
  kNone,   // in none that is handled
  kEntry,  // stopped before it
  kExit,   // stopped behind it
};

// Instead of a number: no call is being made, and the kernel leaves the result alone (seccomp(2)).
inline constexpr std::uint64_t kNoCall = ~std::uint64_t{0};

// A call as it was made.
struct MadeCall {
  std::uint64_t number = 0;
  sys::Registers arguments{};
  bool operator==(const MadeCall&) const = default;
};

struct Task {
  determinism::TaskId id = 0;
  pid_t tid = 0;      // as we see it
  pid_t own_tid = 0;  // as it sees itself
  std::string name;   // "p1.2", "p1.2/1"
  std::shared_ptr<ProcessState> process;
  bool is_leader = false;
  TaskState state = TaskState::kRunnable;

  std::unique_ptr<LiveTracee> tracee;
  std::optional<guest::Handler> handler;
  CallPlace place = CallPlace::kNone;
  MadeCall call;
  user_regs_struct registers{};  // at the entry of `call`
  // The call that a signal interrupted last, until a handler of the guest's runs or it makes
  // another; and whether `call` is that one, made again.
  std::optional<MadeCall> interrupted;
  bool is_made_again = false;

  // How it goes on when it runs next, unless its handler waits.
  ptrace::Until until = ptrace::Until::kEvent;
  int signal = 0;
  std::optional<guest::Woken> woken;         // its wait is over
  bool is_stopping = false;                  // … since its process is being stopped
  std::optional<std::int64_t> interruption;  // leave the call with this result, for a signal
  std::optional<Spin> spin;                  // it was found waiting in user space
  std::uint32_t handled = 0;                 // calls since it was last chosen
  std::optional<MadeCall> logged;            // the call that the log is to tell when it returns
  std::string exec_path;                     // of an execve it is in
  bool is_continued = false;                 // stopped until now: it has come to its next stop
  bool leaves = false;                       // it is in exit(2): only this thread ends
};

}  // namespace tc::sandbox
