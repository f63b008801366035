#include "sandbox/launch.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/launch.h"
#include "sandbox/environment.h"

namespace tc::sandbox {
namespace {

enum class Step : int { kWorld, kFilter, kFork, kExecute };
struct Failure {
  Step step;
  int code;
};

Result<std::array<UniqueFd, 2>> make_gate() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_error(errno, "make a pipe");
  return std::array<UniqueFd, 2>{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

// Everything that process 1 and the command need, made before the fork: between there and the exec
// they call nothing that allocates.
struct Start {
  std::string program;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  sock_fprog filter{};
  bool aslr = false;
  int failure = -1;

  [[noreturn]] void fail(Step step) const {
    const Failure failed = {.step = step, .code = errno};
    [[maybe_unused]] const ssize_t told = ::write(failure, &failed, sizeof(failed));
    _exit(failed.code == ENOENT ? 127 : 126);
  }
};

[[noreturn]] void run_command(const Start& start) {
  execve(start.program.c_str(), start.arguments.data(), start.environment.data());
  start.fail(Step::kExecute);
}

// Process 1: starts the command, then reaps until nobody is left.
[[noreturn]] void run_init(const Start& start) {
  ::prctl(PR_SET_NAME, "init", 0, 0, 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  if (!start.aslr) ::personality(ADDR_NO_RANDOMIZE);
  // Time stamps trap; that stays over fork and exec. Before the filter, behind which the call is
  // answered as a guest's. CPUID is the tracer's business: exec ends it.
  ::prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                &start.filter) != 0)
    start.fail(Step::kFilter);
  const pid_t command = ::fork();
  if (command < 0) start.fail(Step::kFork);
  if (command == 0) run_command(start);
  // The end of the command is told by its status, not here; and the keeper's files are nobody's.
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  int status = 0;
  while (::waitpid(-1, &status, 0) > 0 || errno == EINTR) {
  }
  _exit(0);
}

}  // namespace

Result<HeldInit> HeldInit::hold(const Options& options, const Inside& inside,
                                const sys::FilterProgram& filter) {
  TC_TRY(auto gate, make_gate());
  TC_TRY(auto failure, make_gate());
  std::vector<std::string> environment = guest_environment(options);
  const pid_t pid = fork();
  if (pid < 0) return system_error(errno, "fork process 1 of the sandbox");
  if (pid > 0)
    return HeldInit(pid, std::move(gate[1]), std::move(failure[0]), options.command.front());

  char go = 0;
  gate[1].reset();
  if (::read(gate[0].get(), &go, 1) != 1) _exit(125);
  Start start = {.program = {},
                 .arguments = pointers(options.command),
                 .environment = pointers(environment),
                 .filter = {.len = static_cast<unsigned short>(filter.size()),
                            .filter = const_cast<sock_filter*>(filter.data())},
                 .aslr = options.aslr,
                 .failure = failure[1].get()};
  if (const Result<void> made = finish_world(options, inside); !made) {
    errno = made.error().code();
    start.fail(Step::kWorld);
  }
  prepare_guest_process(options);
  start.program = guest_program(options);
  run_init(start);
}

std::optional<Error> HeldInit::failure() const {
  Failure failed{};
  // Everybody else has closed the other end, since they are gone: this does not wait.
  if (::read(failure_.get(), &failed, sizeof(failed)) != sizeof(failed)) return std::nullopt;
  switch (failed.step) {
    case Step::kWorld:
      return system_error(failed.code, "make the world of " + name_);
    case Step::kFilter:
      return system_error(failed.code, "install the seccomp filter for " + name_);
    case Step::kFork:
      return system_error(failed.code, "fork for " + name_);
    case Step::kExecute:
      break;
  }
  return system_error(failed.code, "execute " + name_);
}

Result<void> HeldInit::release() {
  const char go = 1;
  if (::write(gate_.get(), &go, 1) != 1) return system_error(errno, "start process 1");
  gate_.reset();
  return {};
}

}  // namespace tc::sandbox
