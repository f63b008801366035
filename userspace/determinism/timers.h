// Timers: alarms, interval timers, POSIX timers and timer descriptors of all processes, on the
// virtual clock. The kernel's own are never armed: whoever owns a Timers asks which is next, lets
// the clock reach it, and does what expire() says.
#pragma once

#include <signal.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "determinism/process.h"

namespace tc::determinism {

struct TimerKey {
  std::uint64_t process = 0;  // Process::order; 0: a timer descriptor's
  std::int32_t number = 0;    // kRealTimer…, or of timer_create, or counted
  auto operator<=>(const TimerKey&) const = default;
};
// alarm(2) and setitimer(ITIMER_REAL) are one; VIRTUAL and PROF run on the same clock here.
inline constexpr std::int32_t kRealTimer = -1;
inline constexpr std::int32_t kVirtualTimer = -2;
inline constexpr std::int32_t kProfileTimer = -3;

struct Timer {
  std::int64_t next_ns = 0;      // monotonic; 0: not armed
  std::int64_t interval_ns = 0;  // 0: once
  int signal = 0;                // 0: none (SIGEV_NONE, descriptors)
  std::int32_t thread = 0;       // SIGEV_THREAD_ID: the guest's tid
  std::uint64_t value = 0;       // sigev_value
  std::int32_t clock = 0;
  // Of timer_create: expirations since the last signal was sent, beyond the one that sent it; and
  // of the last signal that was delivered (timer_getoverrun).
  std::int64_t missed = 0;
  std::int64_t overrun = 0;
  bool is_sent = false;  // its signal has been sent and its delivery was not seen
  // Of a timer descriptor: an eventfd of the guest's, to which expirations are added; its id
  // (fdinfo); and how often it expired though the last expiration had not been read.
  std::shared_ptr<const UniqueFd> event = {};
  std::uint64_t event_id = 0;
  std::uint32_t unread = 0;

  bool is_armed() const { return next_ns != 0; }
};

// A signal to send, because a timer has expired: by rt_tgsigqueueinfo(2) from outside, with
// SI_TIMER and the number as si_timerid; a negative number for those that are no POSIX timer's.
// Whoever delivers it amends that.
struct TimerSignal {
  std::uint64_t process = 0;
  std::int32_t number = 0;
  int signal = 0;
  std::int32_t thread = 0;  // 0: the process
  std::uint64_t value = 0;
  bool is_posix = false;  // si_code is SI_TIMER, else SI_KERNEL
};

// The number by which the kernel tells eventfds apart (since 5.2), of a descriptor whose file under
// /proc/PID/fdinfo this names. Nothing when it is no eventfd, or not open.
std::optional<std::uint64_t> event_descriptor_id(const std::string& fdinfo);

class Timers {
 public:
  Timer* find(const TimerKey& key);
  Timer& add(const TimerKey& key) { return timers_[key]; }
  void remove(const TimerKey& key) { timers_.erase(key); }
  // exec keeps the interval timers, and deletes POSIX ones (timer_create(2)); an exit all.
  void program_started(std::uint64_t process);
  void process_ended(std::uint64_t process);
  // For a new POSIX timer: counted up, as the kernel does.
  std::int32_t free_number(std::uint64_t process);

  // When the next one expires (monotonic), if any is armed.
  std::optional<std::int64_t> next() const;
  // All that are due: signals to send in order of time, then of key. Descriptors are written to.
  // `is_pending` tells whether a signal of the same number waits for whom this one is for: then a
  // POSIX timer counts an overrun instead. Asked only of timers whose last signal is_sent.
  using Pending = std::function<bool(const TimerSignal&)>;
  std::vector<TimerSignal> expire(std::int64_t now_ns, const Pending& is_pending = {});
  // The signal of a POSIX timer (si_code SI_TIMER, si_timerid is the number) goes to its handler
  // now: how many expirations it stands for beyond the one (si_overrun). Whoever delivers the
  // signal calls this and amends what the guest is told.
  std::int64_t delivered(const TimerKey& key);

  // --- timer descriptors ---
  // The guest has a new one: an eventfd; `event_id` as its fdinfo has it.
  Timer& add_descriptor(std::shared_ptr<const UniqueFd> event, std::uint64_t event_id);
  Timer* find_descriptor(std::uint64_t event_id);
  // Forgets expirations that nobody has read.
  static void drain(Timer& timer);
  // Writes to it what is due already.
  static void expire_descriptor(Timer& timer, std::int64_t now_ns);
  // We cannot see that the guests have closed one, since we hold it open. True: one has expired
  // twice and not been read, or there are many; then forget_closed() is to be called.
  bool wants_census() const { return wants_census_; }
  // Forgets the descriptors that no process has open. `directories`: a name of ours of
  // /proc/PID for each living process.
  void forget_closed(std::span<const std::string> directories);

 private:
  std::map<TimerKey, Timer> timers_;
  std::map<std::uint64_t, std::int32_t> next_numbers_;  // of POSIX timers, by process
  std::map<std::uint64_t, TimerKey> descriptors_;       // by eventfd-id
  std::int32_t next_descriptor_ = 0;
  std::size_t census_at_ = 64;  // descriptors
  bool wants_census_ = false;
};

}  // namespace tc::determinism
