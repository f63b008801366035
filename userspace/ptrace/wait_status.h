// WaitStatus: what waitpid(2) told of a traced thread, as one of the things that can have happened
// (ptrace(2), "Stopped tracees" and "Syscall-stops") instead of macros over an int.
#pragma once

#include <cstdint>

namespace tc::ptrace {

class WaitStatus {
 public:
  enum class Kind : std::uint8_t {
    kEnded,        // exited or was killed: there is no such thread any more
    kSyscall,      // about to enter a call, or just returned from one
    kSeccomp,      // the filter stopped it at the entry of a call
    kCreate,       // it has made a thread or a process; the event message is its tid
    kExec,         // it runs a new program; the event message is the tid it had
    kExit,         // about to end; its registers and memory are still there
    kSignal,       // a signal is about to be delivered: signal()
    kGroupStop,    // stopped as by SIGSTOP, with its whole process: signal()
    kInterrupted,  // by PTRACE_INTERRUPT, by SIGCONT after a group-stop, or newly created
    kOther,        // of no interest
  };

  explicit WaitStatus(int status) : status_(status) {}

  Kind kind() const;
  int signal() const { return (status_ >> 8) & 0xff; }
  // Of kCreate: it waits for the child to execute a program or to end (vfork).
  bool is_vfork() const;
  // As wait(2) tells it.
  int raw() const { return status_; }

 private:
  int status_;
};

}  // namespace tc::ptrace
