#include "support/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace tc::test {
namespace {

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

[[noreturn]] void fail_in_child(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
  _exit(127);
}

void enter_user(uid_t user) {
  if (setgroups(0, nullptr) != 0 || setresgid(user, user, user) != 0 ||
      setresuid(user, user, user) != 0)
    fail_in_child("become another user");
}

// Between fork and exec. The test has one thread, so the child may allocate.
[[noreturn]] void run_child(const Command& command, int input, int output, int error) {
  dup2(output, STDOUT_FILENO);
  dup2(error, STDERR_FILENO);
  if (command.terminal.empty()) {
    setpgid(0, 0);
    dup2(input, STDIN_FILENO);
  } else {
    // A session leader's first terminal becomes its controlling one (tty(4)).
    setsid();
    const int terminal = open(command.terminal.c_str(), O_RDWR);
    if (terminal < 0 || dup2(terminal, STDIN_FILENO) < 0) fail_in_child(command.terminal.c_str());
  }
  if (!command.directory.empty() && chdir(command.directory.c_str()) != 0)
    fail_in_child(command.directory.c_str());
  for (const std::string& variable : command.environment) {
    const std::size_t equals = variable.find('=');
    setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
  }
  if (command.user) enter_user(*command.user);
  // After the change of user, which would undo it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A shell's background job inherits some of them ignored.
  for (const int number : {SIGPIPE, SIGINT, SIGQUIT, SIGTERM}) signal(number, SIG_DFL);
  std::vector<char*> arguments;
  for (const std::string& argument : command.argv)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  fail_in_child(arguments[0]);
}

}  // namespace

Process::Process(const Command& command) : name_(command.argv.front()) {
  Pipe input = make_pipe();
  Pipe output = make_pipe();
  Pipe error = make_pipe();
  std::fflush(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) run_child(command, input.reader.get(), output.writer.get(), error.writer.get());
  if (command.terminal.empty()) setpgid(pid_, pid_);  // whoever comes first
  pidfd_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  input_ = std::move(input.writer);
  output_.fd = std::move(output.reader);
  error_.fd = std::move(error.reader);
}

Process::~Process() {
  // The group first: its leader's pid keeps the group's number from being given away.
  kill(-pid_, SIGKILL);
  if (status_) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Process::send(int signal) const {
  if (!status_) kill(pid_, signal);
}

void Process::write(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t count = ::write(input_.get(), text.data(), text.size());
    if (count < 0) throw std::runtime_error(name_ + " reads no more");
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

bool Process::read_available(Stream& stream) {
  std::array<char, 65536> buffer;
  const ssize_t count = ::read(stream.fd.get(), buffer.data(), buffer.size());
  if (count <= 0) {
    stream.fd.reset();
    return false;
  }
  stream.text.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

void Process::pump(Deadline deadline) {
  // poll(2) leaves out negative descriptors.
  std::array<pollfd, 3> sources = {{{output_.fd.get(), POLLIN, 0},
                                    {error_.fd.get(), POLLIN, 0},
                                    {status_ ? -1 : pidfd_.get(), POLLIN, 0}}};
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  poll(sources.data(), sources.size(), static_cast<int>(std::max<long>(left.count(), 0)));
  if (sources[0].revents != 0) read_available(output_);
  if (sources[1].revents != 0) read_available(error_);
  if (sources[2].revents != 0) try_reap();
}

std::string Process::await_line(Stream& stream, std::string_view text) {
  const Deadline deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    for (std::size_t end = 0; (end = stream.text.find('\n', stream.taken)) != std::string::npos;) {
      const std::string line = stream.text.substr(stream.taken, end - stream.taken);
      stream.taken = end + 1;
      if (line.find(text) != std::string::npos) return line;
    }
    if (!stream.fd || std::chrono::steady_clock::now() >= deadline)
      give_up(fmt::format("a line with \"{}\"", text));
    pump(deadline);
  }
}

bool Process::try_reap() {
  int status = 0;
  if (status_ || waitpid(pid_, &status, WNOHANG) != pid_) return status_.has_value();
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return true;
}

int Process::wait(std::chrono::milliseconds patience) {
  const Deadline deadline = std::chrono::steady_clock::now() + patience;
  while (!status_) {
    if (std::chrono::steady_clock::now() >= deadline) give_up("its end");
    pump(deadline);
  }
  // What is still in the pipes; a descendant may hold their other ends for longer.
  for (Stream* stream : {&output_, &error_}) {
    pollfd source{stream->fd.get(), POLLIN, 0};
    while (stream->fd && poll(&source, 1, 0) == 1 && read_available(*stream)) continue;
  }
  return *status_;
}

bool Process::has_ended() { return try_reap(); }

void Process::give_up(std::string_view waiting_for) const {
  throw std::runtime_error(
      fmt::format("{} (pid {}): waited for {}\nits status: {}\nits output: "
                  "{}\nits error output: {}",
                  name_, pid_, waiting_for, status_ ? *status_ : -1, output_.text.substr(0, 2000),
                  error_.text.substr(0, 4000)));
}

Ended run(const Command& command, std::chrono::milliseconds patience) {
  Process process(command);
  process.close_input();
  const int status = process.wait(patience);
  return {.status = status, .output = process.output(), .error = process.error()};
}

}  // namespace tc::test
