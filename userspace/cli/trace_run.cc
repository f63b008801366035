#include "cli/trace_run.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/unique_fd.h"
#include "cli/command.h"

namespace tc::cli {
namespace {

constexpr const char* kOwnProgram = "/proc/self/exe";

// SIGINT, SIGTERM and SIGHUP arrive at a descriptor as long as this lives.
class HeldSignals {
 public:
  HeldSignals() {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&wanted, signal);
    sigprocmask(SIG_BLOCK, &wanted, &former_);
    descriptor_ = UniqueFd(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals() { sigprocmask(SIG_SETMASK, &former_, nullptr); }

  const sigset_t& former() const { return former_; }
  int descriptor() const { return descriptor_.get(); }
  // 0 when there is none.
  int take() const {
    signalfd_siginfo info{};
    return read(descriptor_.get(), &info, sizeof(info)) == sizeof(info)
               ? static_cast<int>(info.ssi_signo)
               : 0;
  }

 private:
  sigset_t former_{};
  UniqueFd descriptor_;
};

[[noreturn]] void become(std::vector<std::string> words, const sigset_t& mask) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  if (dup2(STDERR_FILENO, STDOUT_FILENO) >= 0) execv(kOwnProgram, argv.data());
  _exit(kOwnFailure);
}

// Waits for the child and passes on what it is sent. A signal that came from a terminal has reached
// the child already; the second one it then gets ends it at once, which is what is wanted.
Result<int> await(pid_t pid, const HeldSignals& signals, int& interrupted) {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  pollfd waits[] = {{.fd = process.get(), .events = POLLIN, .revents = 0},
                    {.fd = signals.descriptor(), .events = POLLIN, .revents = 0}};
  while (process) {
    if (poll(waits, 2, -1) < 0 && errno != EINTR) return system_error(errno, "wait for tc trace");
    if ((waits[0].revents & POLLIN) != 0) break;
    if (const int signal = signals.take(); signal != 0) {
      interrupted = signal;
      kill(pid, SIGTERM);
    }
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return system_error(errno, "wait for tc trace");
  return status;
}

}  // namespace

Result<ScratchLogs> ScratchLogs::make() {
  const char* place = std::getenv("TMPDIR");
  std::string path = place != nullptr && *place != '\0' ? place : "/tmp";
  path += "/tc-logs-XXXXXX";
  if (mkdtemp(path.data()) == nullptr)
    return system_error(errno, "make a directory for logs, " + path);
  return ScratchLogs(std::move(path));
}

ScratchLogs::~ScratchLogs() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

Result<int> trace_to_log(const std::vector<std::string>& command,
                         const std::vector<std::string>& options, const std::string& log) {
  std::vector<std::string> words = {"tc",      "trace", "--quiet",  "--format", "ndjson",
                                    "--order", "tree",  "--output", log};
  words.insert(words.end(), options.begin(), options.end());
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
  const HeldSignals signals;
  const pid_t pid = fork();
  if (pid < 0) return system_error(errno, "fork");
  if (pid == 0) become(std::move(words), signals.former());
  int interrupted = 0;
  TC_TRY(const int status, await(pid, signals, interrupted));
  if (interrupted != 0 || signals.take() != 0)
    return Error("interrupted; nothing was written", EINTR);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : kOwnFailure;
  if (code == kOwnFailure)
    return error("tc trace failed; tc trace -o FILE -- {} shows why", command.front());
  return code;
}

}  // namespace tc::cli
