#include "ptrace/bell.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace tc::ptrace {
namespace {

// Lets go of everything tc has open, so that nobody waits for the end of a pipe because of it.
[[noreturn]] void wait_for_the_end_of(int lifeline) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  dup2(lifeline, 0);
  ::syscall(SYS_close_range, 1U, ~0U, 0U);
  char byte = 0;
  while (::read(0, &byte, 1) < 0 && errno == EINTR) continue;
  _exit(0);
}

}  // namespace

Bell::Bell(pid_t pid, UniqueFd pidfd, UniqueFd lifeline)
    : pid_(pid), pidfd_(std::move(pidfd)), lifeline_(std::move(lifeline)) {}

Bell::Bell(Bell&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      lifeline_(std::move(other.lifeline_)) {}

Bell::~Bell() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
}

Result<Bell> Bell::hang() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_error(errno, "make a pipe");
  UniqueFd lifeline(ends[1]);
  const UniqueFd other_end(ends[0]);
  const pid_t pid = fork();
  if (pid < 0) return system_error(errno, "fork");
  if (pid == 0) wait_for_the_end_of(other_end.get());
  Bell bell(pid, UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))), std::move(lifeline));
  if (!bell.pidfd_) return system_error(errno, "open a pidfd");
  return bell;
}

void Bell::ring() const { ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0); }

bool Bell::is_rung_by(pid_t pid) {
  if (pid != pid_) return false;
  pid_ = -1;
  return true;
}

}  // namespace tc::ptrace
