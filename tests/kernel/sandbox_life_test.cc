// That a sandbox lives and dies alone: whoever kills it, whoever runs it, how many there are.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "kernel/sandbox_run.h"
#include "kernel/trace_run.h"

namespace tc::test {
namespace {

using testing::HasSubstr;

// Nobody, as Debian numbers it.
constexpr uid_t kNobody = 65534;

std::string mounts() { return read_bytes("/proc/self/mountinfo"); }

std::ptrdiff_t count_own_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

// A guest that says a word and then works for ever, told from others by its argument.
Command endless(const std::string& mark, const Workplace& place) {
  return {.argv = sandbox_command(
              {}, {"sh", "-c", "(while :; do :; done) & echo ready; while :; do :; done", mark}),
          .directory = place.directory()};
}

TEST(SandboxLife, KilledAtAnyMomentLeavesNothing) {
  const std::string before = mounts();
  for (int round = 0; round < 8; ++round) {
    const Workplace place;
    const std::string mark = "tc-sandbox-mark-" + std::to_string(getpid());
    Process process(endless(mark, place));
    // In the first rounds it has hardly started, in the others its guests run.
    if (round >= 4) process.await_output_line("ready");
    kill(process.pid(), SIGKILL);
    EXPECT_EQ(process.wait(), 128 + SIGKILL);
    EXPECT_TRUE(no_process_with(mark)) << "round " << round;
  }
  EXPECT_EQ(mounts(), before);
}

TEST(SandboxLife, InterruptedItEndsItsGuests) {
  const Workplace place;
  const std::string mark = "tc-sandbox-mark-" + std::to_string(getpid());
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    Process process(endless(mark, place));
    process.await_output_line("ready");
    process.send(signal);
    EXPECT_EQ(process.wait(), 128 + signal);
    EXPECT_TRUE(no_process_with(mark));
  }
}

TEST(SandboxLife, TheKeeperKilledEndsAll) {
  const Workplace place;
  const std::string mark = "tc-sandbox-mark-" + std::to_string(getpid());
  Process process(endless(mark, place));
  process.await_output_line("ready");
  // All of them but the one that we started: the keeper and its guests, in any order.
  for (const pid_t pid : processes_with(mark))
    if (pid != process.pid()) kill(pid, SIGKILL);
  EXPECT_NE(process.wait(), 0);
  EXPECT_TRUE(no_process_with(mark));
}

TEST(SandboxLife, ManyOneAfterAnotherLeaveNothing) {
  const std::string before = mounts();
  const std::ptrdiff_t descriptors = count_own_descriptors();
  const int times = repetitions(20);
  for (int i = 0; i < times; ++i)
    ASSERT_EQ(run(sandbox_command({}, {guest_program("sandbox/processes"), "simple_fork"})).status,
              0);
  EXPECT_EQ(mounts(), before);
  EXPECT_EQ(count_own_descriptors(), descriptors);
  EXPECT_TRUE(no_process_with("sandbox/processes"));
}

TEST(SandboxLife, FourAtOnceDoNotDisturbEachOther) {
  const std::vector<std::string> command = sandbox_command(
      {}, {"bash", "-c",
           "for i in 1 2 3 4 5; do date +%N; (echo $RANDOM $BASHPID) & wait; done; ls /"});
  const Ended alone = run(command);
  ASSERT_EQ(alone.status, 0) << alone.error;
  std::vector<std::unique_ptr<Process>> processes;
  for (int i = 0; i < 4; ++i) processes.push_back(std::make_unique<Process>(command));
  for (const auto& process : processes) {
    EXPECT_EQ(process->wait(kSandboxPatience), 0) << process->error();
    EXPECT_EQ(process->output(), alone.output);
  }
}

TEST(SandboxLife, WorksForAnOrdinaryUser) {
  const Workplace place;
  const auto as_nobody = [&](const std::vector<std::string>& command) {
    return run(
        Command{
            .argv = sandbox_command({}, command), .directory = place.directory(), .user = kNobody},
        kSandboxPatience);
  };
  const std::vector<std::string> script = {
      "bash", "-c", "id -u; date; sleep 10; date; echo $RANDOM $$; echo x >f; ls -l; ps aux"};
  const Ended first = as_nobody(script);
  EXPECT_EQ(first.status, 0) << first.error;
  EXPECT_THAT(first.output, HasSubstr("Wed Jan  1 00:00:00 UTC 2025"));
  place.renew();
  const Ended second = as_nobody(script);
  EXPECT_EQ(first_difference(first.output, second.output), "no difference");
  EXPECT_EQ(first_difference(first.error, second.error), "no difference");
}

TEST(SandboxLife, WorksInsideAContainer) {
  const Workplace place;
  std::vector<std::string> argv = {"unshare", "-Urmpfn", "--mount-proc"};
  const std::vector<std::string> inner =
      sandbox_command({}, {"bash", "-c", "date; sleep 10; echo $RANDOM $$; ls -l /; ps aux"});
  argv.insert(argv.end(), inner.begin(), inner.end());
  const Command command = {.argv = argv, .directory = place.directory()};
  const Ended first = run(command, kSandboxPatience);
  EXPECT_EQ(first.status, 0) << first.error;
  const Ended second = run(command, kSandboxPatience);
  EXPECT_EQ(first_difference(first.output, second.output), "no difference");
}

// As root and as an ordinary user, inside and outside of a container: the same run.
TEST(SandboxLife, IsTheSameForRootAndOthers) {
  const Workplace place;
  const std::vector<std::string> command =
      sandbox_command({}, {"bash", "-c", "date; echo $RANDOM $$ $PPID; id -u; sleep 1; ps ax"});
  const Ended root = run(Command{.argv = command, .directory = place.directory()});
  const Ended other =
      run(Command{.argv = command, .directory = place.directory(), .user = kNobody});
  EXPECT_EQ(first_difference(root.output, other.output), "no difference");
}

// A sandbox's guests can end nothing outside.
TEST(SandboxLife, GuestsReachNobodyOutside) {
  Process outside({"sleep", "1000"});
  const Ended ended = run(sandbox_command(
      {}, {"sh", "-c",
           "kill " + std::to_string(outside.pid()) + " 2>/dev/null; kill -9 -1; echo end"}));
  EXPECT_FALSE(outside.has_ended());
  EXPECT_EQ(ended.output, "end\n");
}

}  // namespace
}  // namespace tc::test
