// Stopped: a thread in a ptrace stop, the only state in which it may be asked anything. Letting it
// run consumes the value, so no request can reach a thread that runs.
//
// A thread can be killed while it is stopped, at any moment. A question then has no answer
// (nothing), and a request to run has no effect: its end is told by waitpid(2) in any case.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <sys/user.h>

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/result.h"

namespace tc::ptrace {

// What PTRACE_GET_SYSCALL_INFO tells, by kind of stop.
struct CallEntry {
  std::uint32_t abi = 0;  // TC_ABI_… of tc/capture.h
  std::uint64_t number = 0;
  std::array<std::uint64_t, 6> arguments{};
};
struct CallExit {
  std::uint64_t ip = 0;  // behind the instruction
  std::int64_t result = 0;
};

enum class Until {
  kEvent,    // run until the filter or an event stops it
  kSyscall,  // also stop where the next call begins or the present one returns
};

class Stopped {
 public:
  // `tid` was told by waitpid(2) to have stopped.
  explicit Stopped(pid_t tid) : tid_(tid) {}
  Stopped(Stopped&& other) noexcept : tid_(std::exchange(other.tid_, 0)) {}
  Stopped& operator=(Stopped&& other) noexcept {
    std::swap(tid_, other.tid_);
    return *this;
  }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  ~Stopped() = default;  // the thread stays stopped until it is killed or the tracer is gone

  pid_t tid() const { return tid_; }

  // At a kSeccomp stop or a kSyscall stop before the call / a kSyscall stop behind it; nothing at
  // the other.
  struct CallInfo {
    std::optional<CallEntry> entry;
    std::optional<CallExit> exit;
  };
  CallInfo call_info() const;
  std::optional<std::uint64_t> event_message() const;
  std::optional<siginfo_t> signal_info() const;
  // Is the signal waiting to be delivered to this very thread?
  bool has_pending(int signal) const;
  std::optional<user_regs_struct> registers() const;
  // False: it is gone.
  bool set_registers(const user_regs_struct& registers) const;
  // Signal N is bit N-1.
  std::optional<std::uint64_t> signal_mask() const;
  void set_signal_mask(std::uint64_t mask) const;
  // In a stop before the delivery of a signal: what is delivered with it.
  void set_signal_info(const siginfo_t& info) const;

  // `signal`: to be delivered now, 0 for none.
  void resume(Until until, int signal = 0) &&;
  // Executes one instruction, then stops with SIGTRAP (kSignal).
  void step() &&;
  // Stays in its group-stop, but reports what ends it.
  void listen() &&;
  // Runs on without us.
  void detach(int signal = 0) &&;

 private:
  pid_t tid_;
};

// All that a traced thread makes is traced, too; it stops where the filter says so, and when it has
// executed a program; it does not survive us.
extern const std::uint64_t kFollowAndKill;

// Makes the running thread a tracee of the calling thread, without stopping it: every later stop
// is told by waitpid(2) and every request must come from the same thread of tc. `options` are
// PTRACE_O_….
Result<void> seize(pid_t tid, std::uint64_t options);
// Makes it stop (kInterrupted), unless another stop comes first.
void interrupt(pid_t tid);

}  // namespace tc::ptrace
