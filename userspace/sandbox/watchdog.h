// Watchdog: ends a waitpid(2) that lasts too long, by the signal of a timer that ticks all the
// time. The signal is let through nowhere else, so no other call is ever interrupted. (No thread:
// once its children have a pid namespace of their own, the keeper cannot make one.)
#pragma once

#include <sys/types.h>
#include <time.h>

#include <chrono>
#include <functional>
#include <utility>

#include "ptrace/wait_status.h"

namespace tc::sandbox {

class Watchdog {
 public:
  Watchdog();
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  struct Waited {
    pid_t pid =
        0;  // 0: it took longer than `patience`, or long enough; -1: there is nobody to wait for
    ptrace::WaitStatus status{0};
  };
  // To be called at each tick of a wait, and when it is over, before it tells what has come. False
  // at a tick: it has taken long enough.
  void on_wake(std::function<bool(bool is_tick)> call) { on_wake_ = std::move(call); }
  // waitpid(-1, __WALL), or of one pid.
  Waited wait(pid_t pid, std::chrono::milliseconds patience);
  // What this child has to tell already; `pid` is 0 when that is nothing.
  static Waited look(pid_t pid);

 private:
  timer_t timer_{};
  bool ticks_ = false;
  std::function<bool(bool)> on_wake_ = [](bool) { return true; };
};

}  // namespace tc::sandbox
