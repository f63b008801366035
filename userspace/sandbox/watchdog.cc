#include "sandbox/watchdog.h"

#include <signal.h>
#include <sys/wait.h>

#include <cerrno>

namespace tc::sandbox {
namespace {

constexpr int kRing = SIGALRM;
constexpr long kTickNs = 10'000'000;

void set_ring_mask(int how) {
  sigset_t ring;
  sigemptyset(&ring);
  sigaddset(&ring, kRing);
  sigprocmask(how, &ring, nullptr);
}

}  // namespace

Watchdog::Watchdog() {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // without SA_RESTART: the wait ends with EINTR
  sigaction(kRing, &action, nullptr);
  set_ring_mask(SIG_BLOCK);
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = kRing;
  ticks_ = timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
  const timespec tick = {.tv_sec = 0, .tv_nsec = kTickNs};
  const itimerspec always = {.it_interval = tick, .it_value = tick};
  if (ticks_) timer_settime(timer_, 0, &always, nullptr);
}

Watchdog::~Watchdog() {
  if (ticks_) timer_delete(timer_);
}

Watchdog::Waited Watchdog::look(pid_t pid) {
  int status = 0;
  const pid_t waited = ::waitpid(pid, &status, __WALL | WNOHANG);
  return {.pid = waited, .status = ptrace::WaitStatus(status)};
}

Watchdog::Waited Watchdog::wait(pid_t pid, std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point begun{};
  while (true) {
    int status = 0;
    set_ring_mask(SIG_UNBLOCK);
    const pid_t waited = ::waitpid(pid, &status, __WALL);
    const int code = errno;
    set_ring_mask(SIG_BLOCK);
    const bool goes_on = on_wake_(/*is_tick=*/waited < 0 && code == EINTR);
    if (waited > 0) return {.pid = waited, .status = ptrace::WaitStatus(status)};
    if (code != EINTR) return {.pid = -1};
    // The first tick may have been due when the wait began: time is counted from there.
    if (begun == Clock::time_point{}) begun = Clock::now();
    if (!goes_on || Clock::now() - begun >= patience) return {.pid = 0};
  }
}

}  // namespace tc::sandbox
