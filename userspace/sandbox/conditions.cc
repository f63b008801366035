#include "sandbox/conditions.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace tc::sandbox {
namespace {

[[noreturn]] void be_busy(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(EXIT_SUCCESS);
  while (true) __builtin_ia32_pause();
}

}  // namespace

BusyLoops::BusyLoops() {
  const pid_t parent = getpid();
  const long processors = std::max(1L, sysconf(_SC_NPROCESSORS_ONLN));
  for (long i = 0; i < processors; ++i) {
    const pid_t pid = fork();
    if (pid == 0) be_busy(parent);
    if (pid > 0) children_.push_back(pid);
  }
}

BusyLoops::~BusyLoops() {
  for (const pid_t pid : children_) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
}

std::int64_t present_second() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec;
}

void wait_for_another_second(std::int64_t second) {
  while (present_second() == second) {
    const timespec next{.tv_sec = second + 1, .tv_nsec = 0};
    clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &next, nullptr);
  }
}

void use_up_process_numbers(unsigned count) {
  for (; count > 0; --count) {
    const pid_t pid = fork();
    if (pid == 0) _exit(EXIT_SUCCESS);
    if (pid > 0) waitpid(pid, nullptr, 0);
  }
}

void change_inheritance(unsigned run, Options& options) {
  constexpr std::uint32_t kInodesARun = 37;
  options.shift = kInodesARun * run;
  umask(run % 2 == 0 ? 002 : 077);
  setpriority(PRIO_PROCESS, 0, static_cast<int>(std::min(run, 5U)));
  signal(SIGUSR1, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  // With --base-env host the environment is an input.
  if (options.base_environment != BaseEnvironment::kHost)
    setenv("TC_VERIFY_NOISE", std::string(std::size_t{100} * run, 'x').c_str(), 1);
  // Stay open on purpose: descriptors that the command must not find.
  for (unsigned i = 0; i < run; ++i)
    [[maybe_unused]] const int inherited = open("/dev/null", O_RDONLY);
  for (const auto resource : {RLIMIT_NOFILE, RLIMIT_STACK}) {
    rlimit limit{};
    if (getrlimit(resource, &limit) != 0) continue;
    limit.rlim_cur = limit.rlim_cur / 4 * 3;
    setrlimit(resource, &limit);
  }
}

}  // namespace tc::sandbox
