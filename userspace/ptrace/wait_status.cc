#include "ptrace/wait_status.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

namespace tc::ptrace {
namespace {

WaitStatus::Kind kind_of_event(int event, int signal) {
  switch (event) {
    case PTRACE_EVENT_SECCOMP:
      return WaitStatus::Kind::kSeccomp;
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
      return WaitStatus::Kind::kCreate;
    case PTRACE_EVENT_EXEC:
      return WaitStatus::Kind::kExec;
    case PTRACE_EVENT_EXIT:
      return WaitStatus::Kind::kExit;
    case PTRACE_EVENT_STOP:
      return signal == SIGTRAP ? WaitStatus::Kind::kInterrupted : WaitStatus::Kind::kGroupStop;
    default:
      return WaitStatus::Kind::kOther;
  }
}

}  // namespace

WaitStatus::Kind WaitStatus::kind() const {
  if (!WIFSTOPPED(status_)) return Kind::kEnded;
  if (const int event = status_ >> 16; event != 0) return kind_of_event(event, signal());
  // PTRACE_O_TRACESYSGOOD tells calls from a SIGTRAP that somebody sent.
  return signal() == (SIGTRAP | 0x80) ? Kind::kSyscall : Kind::kSignal;
}

bool WaitStatus::is_vfork() const {
  return WIFSTOPPED(status_) && status_ >> 16 == PTRACE_EVENT_VFORK;
}

}  // namespace tc::ptrace
