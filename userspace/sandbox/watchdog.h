// Watchdog: ends a waitpid(2) that lasts too long, by a signal to the thread that waits. The signal
// is let through nowhere else, so no other call of that thread is ever interrupted.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>

#include "ptrace/wait_status.h"

namespace tc::sandbox {

class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  // Watches the calling thread from now on; make one only in it, and before tasks are traced.
  Watchdog();
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  struct Waited {
    pid_t pid = 0;  // 0: it took longer than `patience`; -1: there is nobody to wait for
    ptrace::WaitStatus status{0};
  };
  // waitpid(-1, __WALL), or of one pid.
  Waited wait(pid_t pid, std::chrono::milliseconds patience);

 private:
  void watch();

  pid_t watched_;
  std::atomic<std::int64_t> ring_at_ns_ = 0;  // steady clock; 0: nobody waits
  std::atomic<bool> is_over_ = false;
  std::atomic<std::uint32_t> ticks_ = 0;
  std::thread thread_;
};

}  // namespace tc::sandbox
