// Our own guests (tests/guests/sandbox): each case of each program runs as itself first, and then
// again and again in the sandbox, where all it sees must be the same.
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>

#include "kernel/sandbox_run.h"
#include "kernel/trace_run.h"

namespace tc::test {
namespace {

struct GuestCase {
  std::string program;
  std::string name;
  std::string flags;
};

std::ostream& operator<<(std::ostream& out, const GuestCase& guest) {
  return out << guest.program << " " << guest.name;
}

std::string sandbox_guest(const std::string& program) {
  return guest_program("sandbox/" + program);
}

// The programs tell their cases themselves. `apart`: not for this test.
std::vector<GuestCase> all_guest_cases() {
  std::vector<GuestCase> cases;
  for (const char* program : {"processes", "pipes", "readiness", "threads", "futexes", "signals",
                              "timers", "identity", "files", "locks", "ipc", "sockets", "spins"}) {
    std::istringstream lines(run({sandbox_guest(program)}).output);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t space = line.find(' ');
      cases.push_back({program, line.substr(0, space), line.substr(space + 1)});
    }
  }
  return cases;
}

// Whether CPUID can be made to fault (arch_prctl(2)), in a child: the flag stays.
bool host_can_answer_cpuid() {
  constexpr int kSetCpuid = 0x1012;
  const pid_t pid = fork();
  if (pid == 0) _exit(syscall(SYS_arch_prctl, kSetCpuid, 0) == 0 ? 0 : 1);
  int status = -1;
  waitpid(pid, &status, 0);
  return status == 0;
}

std::string test_name(const testing::TestParamInfo<GuestCase>& info) {
  return info.param.program + "_" + info.param.name;
}

class SandboxGuestTest : public testing::TestWithParam<GuestCase> {
 protected:
  std::vector<std::string> command() const {
    return {sandbox_guest(GetParam().program), GetParam().name};
  }
};

TEST_P(SandboxGuestTest, RunsAsItself) {
  // Natively these would take hours, or see what the sandbox hides.
  if (GetParam().flags == "sandbox" || GetParam().flags == "cpuid") return;
  const Workplace place;
  const Ended ended = run(Command{.argv = command(), .directory = place.directory()});
  EXPECT_EQ(ended.status, 0) << ended.output << ended.error;
}

TEST_P(SandboxGuestTest, SeesTheSameInEveryRun) {
  if (GetParam().flags == "cpuid" && !host_can_answer_cpuid()) {
    // Then that is said, at least.
    const Ended ended = run(sandbox_command({}, command()));
    EXPECT_NE(ended.error.find("CPUID"), std::string::npos) << ended.error;
    return;
  }
  if (GetParam().flags == "hangs") {
    const Ended ended = run(sandbox_command({"--timeout", "1s"}, command()));
    EXPECT_EQ(ended.status, 124) << ended.error;
    return;
  }
  EXPECT_TRUE(runs_are_same({.name = GetParam().name, .command = command()}));
}

INSTANTIATE_TEST_SUITE_P(, SandboxGuestTest, testing::ValuesIn(all_guest_cases()), test_name);

// Tasks that wait for each other for ever.
class SandboxDeadlockTest : public testing::TestWithParam<const char*> {};

TEST_P(SandboxDeadlockTest, IsReported) {
  const SandboxCase what = {
      .name = GetParam(), .command = {sandbox_guest("deadlocks"), GetParam()}, .status = 123};
  EXPECT_TRUE(runs_are_same(what));
}

TEST_P(SandboxDeadlockTest, TellsWhoWaits) {
  const Workplace place;
  const SandboxRun run =
      run_case({.name = GetParam(), .command = {sandbox_guest("deadlocks"), GetParam()}}, place, 0);
  EXPECT_EQ(run.status, 123);
  EXPECT_EQ(run.output.find("not reached"), std::string::npos);
  EXPECT_NE(run.error.find("deadlock"), std::string::npos) << run.error;
}

INSTANTIATE_TEST_SUITE_P(, SandboxDeadlockTest,
                         testing::Values("pipe_cycle", "mutex_cycle", "fifo_alone", "own_pipe",
                                         "no_signal", "child_and_parent", "flock_cycle",
                                         "spin_alone", "spin_cycle"));

}  // namespace
}  // namespace tc::test
