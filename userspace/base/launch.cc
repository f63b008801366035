#include "base/launch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace tc::base {
namespace {

// In the child, between fork and exec: only async-signal-safe calls.
[[noreturn]] void run_child(int gate, int failure, const char* program,
                            const std::vector<char*>& arguments) {
  char go = 0;
  // The end of the pipe without a byte means that tc is gone or gave up.
  if (::read(gate, &go, 1) != 1) _exit(125);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  execv(program, arguments.data());
  const int code = errno;
  // If tc does not hear the reason it still sees the status.
  [[maybe_unused]] const ssize_t told = ::write(failure, &code, sizeof(code));
  _exit(code == ENOENT ? 127 : 126);
}

Result<std::array<UniqueFd, 2>> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_error(errno, "make a pipe");
  return std::array<UniqueFd, 2>{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* variable = std::getenv("PATH");
  std::string_view path = variable == nullptr ? "/usr/bin:/bin" : variable;
  while (true) {
    std::string candidate = std::string(path.substr(0, path.find(':'))) + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    if (path.find(':') == std::string_view::npos) return name;
    path.remove_prefix(path.find(':') + 1);
  }
}

int shell_status(int wait_status) {
  constexpr int kSignalBase = 128;
  return WIFSIGNALED(wait_status) ? kSignalBase + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

LaunchedCommand::LaunchedCommand(pid_t pid, UniqueFd pidfd, UniqueFd gate, UniqueFd failure,
                                 std::string name)
    : pid_(pid),
      pidfd_(std::move(pidfd)),
      gate_(std::move(gate)),
      failure_(std::move(failure)),
      name_(std::move(name)) {}

LaunchedCommand::LaunchedCommand(LaunchedCommand&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      gate_(std::move(other.gate_)),
      failure_(std::move(other.failure_)),
      name_(std::move(other.name_)),
      released_(other.released_) {}

LaunchedCommand::~LaunchedCommand() {
  if (pid_ < 0 || released_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

Result<LaunchedCommand> LaunchedCommand::hold(const std::string& program,
                                              const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  TC_TRY(auto gate, make_pipe());
  TC_TRY(auto failure, make_pipe());
  const pid_t pid = fork();
  if (pid < 0) return system_error(errno, "fork for " + command.front());
  if (pid == 0) {
    gate[1].reset();
    run_child(gate[0].get(), failure[1].get(), program.c_str(), arguments);
  }
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  LaunchedCommand launched(pid, std::move(pidfd), std::move(gate[1]), std::move(failure[0]),
                           command.front());
  if (!launched.pidfd_) return system_error(errno, "open a pidfd of " + command.front());
  return launched;
}

Result<void> LaunchedCommand::release() {
  const char go = 1;
  if (::write(gate_.get(), &go, 1) != 1) return system_error(errno, "start " + name_);
  gate_.reset();
  released_ = true;
  int code = 0;
  // Ends without a byte when execve succeeded, since the other end is close-on-exec.
  if (::read(failure_.get(), &code, sizeof(code)) != sizeof(code)) return {};
  return system_error(code, "execute " + name_);
}

std::optional<int> LaunchedCommand::try_reap() {
  int status = 0;
  if (pid_ < 0 || waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  return status;
}

void LaunchedCommand::send(int signal) const {
  if (pid_ > 0) kill(pid_, signal);
}

}  // namespace tc::base
