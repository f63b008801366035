#include "sandbox/environment.h"

#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string_view>

#include "base/number.h"

namespace tc::sandbox {
namespace {

using Variables = std::map<std::string, std::string>;

constexpr const char* kGuestPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool is_root_inside(const Options& options) {
  if (!options.user_namespace) return geteuid() == 0;
  const std::string uid = options.user_map.substr(0, options.user_map.find(':'));
  return uid.empty() || base::parse_unsigned(uid) == 0U;
}

Variables minimal_variables(const Options& options) {
  Variables variables = {{"LANG", "C.UTF-8"},
                         {"PATH", kGuestPath},
                         {"SHELL", "/bin/sh"},
                         {"TZ", "UTC"},
                         {"HOME", is_root_inside(options) ? "/root" : "/"}};
  if (is_root_inside(options)) {
    variables["USER"] = "root";
    variables["LOGNAME"] = "root";
  }
  if (isatty(STDOUT_FILENO) != 0) variables["TERM"] = "xterm";
  return variables;
}

Variables host_variables() {
  Variables variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

Variables guest_variables(const Options& options) {
  Variables variables;
  if (options.base_environment == BaseEnvironment::kMinimal) variables = minimal_variables(options);
  if (options.base_environment == BaseEnvironment::kHost) variables = host_variables();
  for (const auto& [name, value] : options.environment) variables[name] = value;
  return variables;
}

bool is_program(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         access(path.c_str(), X_OK) == 0;
}

// Empty when no directory of the path has it.
std::string find_along(std::string_view path, const std::string& name) {
  while (!path.empty()) {
    const std::string_view directory = path.substr(0, path.find(':'));
    std::string candidate = std::string(directory.empty() ? "." : directory) + "/" + name;
    if (is_program(candidate)) return candidate;
    path.remove_prefix(std::min(path.size(), directory.size() + 1));
  }
  return {};
}

struct FixedLimit {
  int resource;
  rlim_t soft;
  rlim_t hard;
};

// A kernel's defaults where it has some; no core files, whose names and contents differ. Not here:
// RLIMIT_NPROC, which counts processes of the user outside, too.
constexpr FixedLimit kLimits[] = {
    {RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_CORE, 0, 0},
    {RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_LOCKS, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_MEMLOCK, 8U << 20U, 8U << 20U},
    {RLIMIT_MSGQUEUE, 819'200, 819'200},
    {RLIMIT_NICE, 0, 0},
    {RLIMIT_NOFILE, 1024, 4096},
    {RLIMIT_RSS, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_RTPRIO, 0, 0},
    {RLIMIT_RTTIME, RLIM_INFINITY, RLIM_INFINITY},
    {RLIMIT_SIGPENDING, 4096, 4096},
    {RLIMIT_STACK, 8U << 20U, RLIM_INFINITY},
};

void fix_limits() {
  for (const FixedLimit& limit : kLimits) {
    rlimit now{};
    if (getrlimit(static_cast<__rlimit_resource_t>(limit.resource), &now) != 0) continue;
    rlimit wanted{.rlim_cur = limit.soft, .rlim_max = limit.hard};
    if (setrlimit(static_cast<__rlimit_resource_t>(limit.resource), &wanted) == 0) continue;
    // Only who has CAP_SYS_RESOURCE over the host may raise a hard limit.
    wanted.rlim_max = std::min(wanted.rlim_max, now.rlim_max);
    wanted.rlim_cur = std::min(wanted.rlim_cur, wanted.rlim_max);
    setrlimit(static_cast<__rlimit_resource_t>(limit.resource), &wanted);
  }
}

void reset_signals() {
  // The kernel's struct, and the call itself: libc keeps two signals to itself.
  struct {
    void (*handler)(int) = SIG_DFL;
    unsigned long flags = 0;
    void (*restorer)() = nullptr;
    std::uint64_t mask = 0;
  } const by_default;
  constexpr int kSignals = 64;
  for (int signal = 1; signal <= kSignals; ++signal)
    syscall(SYS_rt_sigaction, signal, &by_default, nullptr, sizeof(by_default.mask));
  constexpr std::uint64_t kNone = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &kNone, nullptr, sizeof(kNone));
}

void reset_scheduling() {
  const sched_param parameters{};
  sched_setscheduler(0, SCHED_OTHER, &parameters);
  setpriority(PRIO_PROCESS, 0, 0);
  const itimerval none{};
  for (const __itimer_which timer : {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF})
    setitimer(timer, &none, nullptr);
  prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0);
}

}  // namespace

std::vector<std::string> guest_environment(const Options& options) {
  std::vector<std::string> environment;
  for (const auto& [name, value] : guest_variables(options))
    environment.push_back(fmt::format("{}={}", name, value));
  return environment;
}

std::string guest_program(const Options& options) {
  const std::string& name = options.command.front();
  if (name.empty() || name.find('/') != std::string::npos) return name;
  const Variables variables = guest_variables(options);
  const auto own = variables.find("PATH");
  std::string found = find_along(own == variables.end() ? kGuestPath : own->second, name);
  const char* callers = std::getenv("PATH");
  if (found.empty() && callers != nullptr) found = find_along(callers, name);
  return found.empty() ? name : found;
}

void prepare_guest_process(const Options& options) {
  umask(022);
  fix_limits();
  reset_scheduling();
  personality(options.aslr ? 0UL : static_cast<unsigned long>(ADDR_NO_RANDOMIZE));
  // A terminal that is read from must stay the one of the session, or reading is an error.
  if (isatty(STDIN_FILENO) == 0) setsid();
  reset_signals();
  close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

}  // namespace tc::sandbox
