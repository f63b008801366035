// How an observation begins and ends: quickly, whole, and without a trace, whatever ends it.
#include <pty.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "kernel/kernel_test.h"
#include "kernel/observation.h"

namespace tc::test {
namespace {

class Lifecycle : public KernelTest {};

using Clock = std::chrono::steady_clock;

std::string milliseconds(Clock::duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) +
         " ms";
}

void expect_valid(const std::string& path) {
  const Ended validated = run({TC_PROGRAM, "validate", path});
  EXPECT_EQ(validated.status, 0) << validated.output << validated.error;
}

// A process that does nothing until its standard input ends.
Process start_idle() { return Process(std::vector<std::string>{"cat"}); }

// Opens a file so often for each line it reads, then says `count …`.
Process start_opener(int opens) {
  return Process({"sh", "-c",
                  "while read line; do " + guest("open_loop") + " " + std::to_string(opens) +
                      " /tc-opened; done"});
}

TEST_F(Lifecycle, AttachesInHalfASecond) {
  Process server = start_idle();
  Clock::duration best = Clock::duration::max();
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Clock::time_point started = Clock::now();
    Observation observation(attached_to(server));
    best = std::min(best, Clock::now() - started);
    observation.stop();
  }
  EXPECT_LT(best, std::chrono::milliseconds(500)) << milliseconds(best);
}

class LifecycleSignal : public KernelTest, public testing::WithParamInterface<int> {};

TEST_P(LifecycleSignal, EndsCleanly) {
  Process opener = start_opener(1000);
  Observation observation(attached_to(opener));
  opener.write("go\n");
  opener.await_output_line("count 1000");
  observation.tc().send(GetParam());
  const Evidence evidence = observation.finish();
  EXPECT_EQ(observation.status(), 0);
  EXPECT_EQ(evidence.count({{"event", "file_access"}, {"path", "/tc-opened"}}), 1000U);
  expect_valid(observation.path());
}

INSTANTIATE_TEST_SUITE_P(Signals, LifecycleSignal, testing::Values(SIGINT, SIGTERM),
                         [](const testing::TestParamInfo<int>& row) {
                           return row.param == SIGINT ? "Interrupt" : "Terminate";
                         });

TEST_F(Lifecycle, EndsAfterItsDuration) {
  Process idle = start_idle();
  const Clock::time_point started = Clock::now();
  Observation observation(attached_to(idle, {"--duration", "300ms"}));
  const Clock::time_point opened = Clock::now();
  observation.finish();
  EXPECT_EQ(observation.status(), 0);
  EXPECT_GE(Clock::now() - started, std::chrono::milliseconds(300));
  EXPECT_LT(Clock::now() - opened, std::chrono::seconds(3));
}

// Two signals wait for tc when it wakes before a long backlog: it ends, drops what is not written
// yet, and says how much.
TEST_F(Lifecycle, ASecondSignalAbandonsTheBacklogAndCountsIt) {
  constexpr int kOpens = 500'000;
  constexpr int kLoaderOpens = 2;
  Process opener = start_opener(kOpens);
  Observation observation(
      attached_to(opener, {"--buffer", "256M", "--backlog", "1M", "--events", "file_access"}));
  observation.tc().send(SIGSTOP);
  opener.write("go\n");
  opener.await_output_line("count");
  observation.tc().send(SIGINT);
  observation.tc().send(SIGTERM);
  observation.tc().send(SIGCONT);
  const Evidence evidence = observation.finish();

  EXPECT_EQ(observation.status(), 0);
  expect_valid(observation.path());
  EXPECT_GE(evidence.count({{"event", "lost"}, {"reason", "abandoned"}}), 1U);
  const std::uint64_t written = evidence.count({{"event", "file_access"}});
  const std::uint64_t lost = evidence.end.at("lost");
  EXPECT_LT(written, kOpens);
  // Lost may be, besides, the fork, the exec and the exit that were not asked for.
  EXPECT_GE(written + lost, kOpens + kLoaderOpens) << written << " written, " << lost << " lost";
  EXPECT_LE(written + lost, kOpens + kLoaderOpens + 3)
      << written << " written, " << lost << " lost";
}

// --- what stays behind ---------------------------------------------------------------------------

// eBPF programs and links by their numbers in the kernel, which are never given out twice.
struct KernelObjects {
  std::set<int> programs;
  std::set<int> links;
  void merge(const KernelObjects& others) {
    programs.insert(others.programs.begin(), others.programs.end());
    links.insert(others.links.begin(), others.links.end());
  }
};

KernelObjects held_by(pid_t pid) {
  KernelObjects held;
  const std::filesystem::path directory = "/proc/" + std::to_string(pid) + "/fdinfo";
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream lines(entry.path());
    std::string key;
    for (std::string value; lines >> key && std::getline(lines, value);) {
      if (key == "prog_id:") held.programs.insert(std::stoi(value));
      if (key == "link_id:") held.links.insert(std::stoi(value));
    }
  }
  return held;
}

std::set<int> numbers_of(const char* kind, const std::set<int>& wanted) {
  std::set<int> numbers;
  for (const Json& object : Json::parse(run({"bpftool", "--json", kind, "show"}).output))
    if (wanted.contains(object.at("id"))) numbers.insert(object.at("id").get<int>());
  return numbers;
}

// The kernel frees programs and links some time after their last holder is gone, and tells nobody.
void await_freed(const KernelObjects& objects) {
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(10);
  while (!numbers_of("prog", objects.programs).empty() ||
         !numbers_of("link", objects.links).empty()) {
    ASSERT_LT(Clock::now(), deadline) << "eBPF programs or links are left behind";
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

std::string tracefs_mounts() {
  std::ifstream mounts("/proc/self/mounts");
  std::string found;
  for (std::string line; std::getline(mounts, line);)
    if (line.find("tracefs") != std::string::npos) found += line + "\n";
  return found;
}

TEST_F(Lifecycle, LeavesNothingBehindWhenKilled) {
  if (run({"bpftool", "version"}).status != 0) GTEST_SKIP() << "bpftool is not installed";
  const std::string mounts = tracefs_mounts();
  Process idle = start_idle();
  Observation observation(attached_to(idle, {"--symbol", "libc.so.6:setlocale"}));
  const pid_t pid = observation.tc().pid();
  const KernelObjects held = held_by(pid);
  EXPECT_EQ(numbers_of("prog", held.programs), held.programs);
  EXPECT_GT(held.programs.size(), 5U);
  EXPECT_GT(held.links.size(), 5U);
  std::string children;
  std::ifstream list("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  EXPECT_FALSE(std::getline(list, children)) << children;

  observation.tc().send(SIGKILL);
  EXPECT_EQ(observation.tc().wait(), 128 + SIGKILL);
  await_freed(held);
  EXPECT_EQ(tracefs_mounts(), mounts);
}

TEST_F(Lifecycle, LeavesNothingBehindAfterTwentySessions) {
  if (run({"bpftool", "version"}).status != 0) GTEST_SKIP() << "bpftool is not installed";
  const std::string mounts = tracefs_mounts();
  Process idle = start_idle();
  KernelObjects held;
  for (int session = 0; session < 20; ++session) {
    Observation observation(attached_to(idle, {"--events", "file_access"}));
    held.merge(held_by(observation.tc().pid()));
    observation.stop();
    EXPECT_EQ(observation.status(), 0);
  }
  await_freed(held);
  EXPECT_EQ(tracefs_mounts(), mounts);
}

// What tc itself opens while it observes many processes come and go.
TEST_F(Lifecycle, HoldsNoMoreDescriptorsAfterManyProcesses) {
  Process shell({"sh", "-c",
                 "while read count; do i=0; while [ $i -lt $count ]; do /bin/true; i=$((i+1)); "
                 "done; echo done; done"});
  Process tc({TC_PROGRAM, "observe", "--pid", std::to_string(shell.pid())});
  tc.await_error_line("tc: observing");
  const auto descriptors = [&] {
    const std::filesystem::directory_iterator all("/proc/" + std::to_string(tc.pid()) + "/fd");
    return std::distance(all, std::filesystem::directory_iterator());
  };
  // The last line about a child shows that tc has worked off all before it.
  const auto run_children = [&](const std::string& count) {
    shell.write(count + "\n");
    shell.next_line();
    for (int i = 0; i < std::stoi(count); ++i) tc.await_output_line("process_exit");
  };
  run_children("20");
  const auto before = descriptors();
  run_children("200");
  EXPECT_LE(descriptors(), before);
}

// --- a terminal ----------------------------------------------------------------------------------

class Terminal {
 public:
  Terminal() {
    int controller = -1;
    int terminal = -1;
    if (openpty(&controller, &terminal, nullptr, nullptr, nullptr) != 0)
      throw std::runtime_error("openpty");
    controller_ = UniqueFd(controller);
    terminal_ = UniqueFd(terminal);
    name_ = ttyname(terminal);
  }
  const std::string& name() const { return name_; }
  void type(const std::string& keys) const {
    ASSERT_EQ(write(controller_.get(), keys.data(), keys.size()),
              static_cast<ssize_t>(keys.size()));
  }

 private:
  UniqueFd controller_;
  UniqueFd terminal_;
  std::string name_;
};

TEST_F(Lifecycle, LetsTheCommandAnswerCtrlC) {
  const Terminal terminal;
  ScratchDirectory directory;
  const std::string path = directory / "evidence.ndjson";
  Process tc(Command{
      .argv = {TC_PROGRAM, "observe", "--output", path, "--", "sh", "-c",
               "trap 'echo asked to end; : > /dev/null; exit 5' INT; echo ready; read line"},
      .terminal = terminal.name()});
  tc.await_output_line("ready");
  terminal.type("\x03");
  tc.await_output_line("asked to end");
  EXPECT_EQ(tc.wait(), 5);
  const Evidence evidence = read_evidence(path);
  EXPECT_EQ(evidence.count({{"event", "file_access"}, {"path", "/dev/null"}}), 1U);
  EXPECT_EQ(evidence.only({{"event", "process_exit"}}).at("exit_code"), 5);
}

TEST_F(Lifecycle, PassesASignalOnToTheCommand) {
  Observation observation({"--", "sh", "-c", "trap 'exit 6' TERM; echo ready; read line"});
  observation.tc().await_output_line("ready");
  observation.tc().send(SIGTERM);
  const Evidence evidence = observation.finish();
  EXPECT_EQ(observation.status(), 6);
  EXPECT_EQ(evidence.only({{"event", "process_exit"}}).at("exit_code"), 6);
}

}  // namespace
}  // namespace tc::test
