#include "ptrace/launch.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/launch.h"

namespace tc::ptrace {
namespace {

enum class Step : int { kFilter, kExecute };
struct Failure {
  Step step;
  int code;
};

// SPEC_ALLOW: the filter is no sandbox, so the traced program need not pay for one.
bool install_filter(const sock_fprog& filter) {
  const auto install = [&] {
    return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                     &filter) == 0;
  };
  if (install()) return true;
  if (errno != EACCES) return false;
  // Who is not privileged may install one only together with this: setuid bits have no effect on
  // programs executed below, as when strace is run by an ordinary user.
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && install();
}

// In the child, between fork and exec: only async-signal-safe calls.
[[noreturn]] void run_child(int gate, int failure, const char* program, char* const* arguments,
                            const sock_fprog& filter) {
  char go = 0;
  // The end of the pipe without a byte means that tc is gone or gave up.
  if (::read(gate, &go, 1) != 1) _exit(125);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  Failure failed = {.step = Step::kFilter, .code = 0};
  if (filter.len == 0 || install_filter(filter)) {
    failed.step = Step::kExecute;
    execv(program, arguments);
  }
  failed.code = errno;
  [[maybe_unused]] const ssize_t told = ::write(failure, &failed, sizeof(failed));
  _exit(failed.code == ENOENT ? 127 : 126);
}

Result<std::array<UniqueFd, 2>> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_error(errno, "make a pipe");
  return std::array<UniqueFd, 2>{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace

HeldCommand::HeldCommand(pid_t pid, UniqueFd pidfd, UniqueFd gate, UniqueFd failure,
                         std::string name)
    : pid_(pid),
      pidfd_(std::move(pidfd)),
      gate_(std::move(gate)),
      failure_(std::move(failure)),
      name_(std::move(name)) {}

HeldCommand::HeldCommand(HeldCommand&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      gate_(std::move(other.gate_)),
      failure_(std::move(other.failure_)),
      name_(std::move(other.name_)),
      released_(other.released_) {}

HeldCommand::~HeldCommand() {
  if (pid_ < 0 || released_) return;
  kill(pid_, SIGKILL);
  // A seized child stops once more on its way out, and is not ours to wait for until it goes on.
  while (true) {
    int status = 0;
    const pid_t waited = waitpid(pid_, &status, __WALL);
    if (waited < 0 && errno == EINTR) continue;
    if (waited < 0 || !WIFSTOPPED(status)) return;
    kill(pid_, SIGKILL);
  }
}

Result<HeldCommand> HeldCommand::hold(const std::vector<std::string>& command,
                                      const sys::FilterProgram& filter) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const std::string program = base::find_program(command.front());
  const sock_fprog prepared = {.len = static_cast<unsigned short>(filter.size()),
                               .filter = const_cast<sock_filter*>(filter.data())};
  TC_TRY(auto gate, make_pipe());
  TC_TRY(auto failure, make_pipe());
  const pid_t pid = fork();
  if (pid < 0) return system_error(errno, "fork for " + command.front());
  if (pid == 0) {
    gate[1].reset();
    run_child(gate[0].get(), failure[1].get(), program.c_str(), arguments.data(), prepared);
  }
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  HeldCommand held(pid, std::move(pidfd), std::move(gate[1]), std::move(failure[0]),
                   command.front());
  if (!held.pidfd_) return system_error(errno, "open a pidfd of " + command.front());
  return held;
}

Result<void> HeldCommand::release() {
  const char go = 1;
  if (::write(gate_.get(), &go, 1) != 1) return system_error(errno, "start " + name_);
  gate_.reset();
  released_ = true;
  return {};
}

std::optional<Error> HeldCommand::failure() const {
  Failure failed{};
  // Everybody else has closed the other end, since the command is gone: this does not wait.
  if (::read(failure_.get(), &failed, sizeof(failed)) != sizeof(failed)) return std::nullopt;
  if (failed.step == Step::kFilter)
    return system_error(failed.code, "install the seccomp filter for " + name_);
  return system_error(failed.code, "execute " + name_);
}

void HeldCommand::send(int signal) const {
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0);
}

}  // namespace tc::ptrace
