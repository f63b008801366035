#include "sandbox/watchdog.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace tc::sandbox {
namespace {

constexpr int kRing = SIGALRM;
constexpr auto kTick = std::chrono::milliseconds(5);

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             Watchdog::Clock::now().time_since_epoch())
      .count();
}

void set_ring_mask(int how) {
  sigset_t ring;
  sigemptyset(&ring);
  sigaddset(&ring, kRing);
  pthread_sigmask(how, &ring, nullptr);
}

}  // namespace

Watchdog::Watchdog() : watched_(static_cast<pid_t>(::syscall(SYS_gettid))) {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // without SA_RESTART: the wait ends with EINTR
  sigaction(kRing, &action, nullptr);
  set_ring_mask(SIG_BLOCK);
  thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
  is_over_ = true;
  thread_.join();
}

void Watchdog::watch() {
  while (!is_over_) {
    std::this_thread::sleep_for(kTick);
    const std::int64_t at = ring_at_ns_;
    // Again and again until it is heard: the first may have come just before the wait began.
    if (at != 0 && now_ns() >= at) ::syscall(SYS_tgkill, ::getpid(), watched_, kRing);
  }
}

Watchdog::Waited Watchdog::wait(pid_t pid, std::chrono::milliseconds patience) {
  ring_at_ns_ = now_ns() + std::chrono::nanoseconds(patience).count();
  set_ring_mask(SIG_UNBLOCK);
  int status = 0;
  const pid_t waited = ::waitpid(pid, &status, __WALL);
  const int code = errno;
  set_ring_mask(SIG_BLOCK);
  ring_at_ns_ = 0;
  if (waited > 0) return {.pid = waited, .status = ptrace::WaitStatus(status)};
  return {.pid = code == EINTR ? 0 : -1};
}

}  // namespace tc::sandbox
