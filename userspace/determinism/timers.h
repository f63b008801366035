// Timers: alarms, interval timers, POSIX timers and timer descriptors of all processes, on the
// virtual clock. The kernel's own are never armed: whoever owns a Timers asks which is next, lets
// the clock reach it, and does what expire() says.
#pragma once

#include <signal.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/unique_fd.h"
#include "determinism/process.h"

namespace tc::determinism {

struct TimerKey {
  std::uint64_t process = 0;  // Process::order; 0: a timer descriptor's
  std::int32_t number = 0;    // kAlarm, or of timer_create, or counted
  auto operator<=>(const TimerKey&) const = default;
};
// alarm(2) and setitimer(ITIMER_REAL) are one; VIRTUAL and PROF run on the same clock here.
inline constexpr std::int32_t kRealTimer = -1;
inline constexpr std::int32_t kVirtualTimer = -2;
inline constexpr std::int32_t kProfileTimer = -3;

struct Timer {
  std::int64_t next_ns = 0;      // monotonic; 0: not armed
  std::int64_t interval_ns = 0;  // 0: once
  bool is_absolute_wall = false;
  int signal = 0;           // 0: none (SIGEV_NONE, descriptors)
  int notify = 0;           // SIGEV_…
  std::int32_t thread = 0;  // SIGEV_THREAD_ID: the guest's tid
  std::uint64_t value = 0;  // sigev_value
  std::int32_t clock = 0;
  std::int64_t overrun = 0;  // of the last signal
  // Of a timer descriptor: an eventfd of the guest's, to which expirations are added.
  std::shared_ptr<const UniqueFd> event;
};

// A signal to send, because a timer has expired.
struct TimerSignal {
  std::uint64_t process = 0;
  std::int32_t number = 0;
  int signal = 0;
  std::int32_t thread = 0;  // 0: the process
  std::uint64_t value = 0;
  bool is_posix = false;  // si_code is SI_TIMER, else SI_KERNEL
};

class Timers {
 public:
  Timer* find(const TimerKey& key);
  Timer& add(const TimerKey& key) { return timers_[key]; }
  void remove(const TimerKey& key) { timers_.erase(key); }
  // exec keeps the interval timers, and deletes POSIX ones (timer_create(2)); an exit all.
  void program_started(std::uint64_t process);
  void process_ended(std::uint64_t process);
  std::int32_t free_number(std::uint64_t process) const;

  // When the next one expires (monotonic), if any is armed.
  std::optional<std::int64_t> next() const;
  // All that are due: signals to send in order of time, then of key. Descriptors are written to.
  std::vector<TimerSignal> expire(std::int64_t now_ns);

 private:
  std::map<TimerKey, Timer> timers_;
};

}  // namespace tc::determinism
