// The tracer on real programs. Needs no privilege, only that a child may be traced.
#include "ptrace/tracer.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"

namespace tc::ptrace {
namespace {

// Writes down what it is told, and holds it against what must be true of every trace.
class Witness final : public guest::Listener {
 public:
  struct Call {
    std::uint32_t tid;
    std::uint64_t number;
    std::array<std::uint64_t, 6> arguments;
    std::optional<std::int64_t> result;
    std::string text;  // of its first piece
  };

  explicit Witness(const std::vector<guest::Task>& tasks) {
    for (const guest::Task& task : tasks) live.insert(task.tid);
  }

  void on(const guest::Called& event) override {
    EXPECT_TRUE(live.contains(event.task.tid));
    calls.push_back(told(event.task, event.call));
    if (on_called) on_called(calls.back());
  }
  void on(const guest::Created& event) override {
    EXPECT_TRUE(live.contains(event.creator.tid));
    EXPECT_TRUE(live.insert(event.child.tid).second);
    created.push_back(event.child);
  }
  void on(const guest::Started& event) override {
    EXPECT_TRUE(live.contains(event.task.tid) || live.contains(event.former_tid));
    live.erase(event.former_tid);
    live.insert(event.task.tid);
    started.emplace_back(event.path);
    argv.emplace_back(event.argv);
    EXPECT_FALSE(event.mappings.empty());
  }
  void on(const guest::Signalled& event) override {
    EXPECT_TRUE(live.contains(event.task.tid));
    signals.push_back(event);
  }
  void on(const guest::Ended& event) override {
    EXPECT_EQ(live.erase(event.task.tid), 1U);
    if (event.call) in_flight.push_back(told(event.task, *event.call));
    if (event.last) statuses.push_back(event.wait_status);
  }
  void on(const guest::Reached& event) override { reached.push_back(event.place); }
  void on(const guest::Missed& event) override { FAIL() << event.reason; }

  std::set<std::uint32_t> live;
  std::vector<Call> calls;
  std::vector<Call> in_flight;  // when their threads ended
  std::vector<guest::Task> created;
  std::vector<std::string> started;
  std::vector<std::string> argv;
  std::vector<guest::Signalled> signals;
  std::vector<int> statuses;
  std::vector<std::uint32_t> reached;
  std::function<void(const Call&)> on_called;

 private:
  static Call told(guest::Task task, const sys::CallReturn& call) {
    return {.tid = task.tid,
            .number = call.number,
            .arguments = call.arguments,
            .result = call.result,
            .text = call.pieces.empty() ? "" : std::string(call.pieces.front().bytes)};
  }
};

TracerOptions shell(const std::string& script, std::initializer_list<long> calls = {}) {
  TracerOptions options;
  options.command = {"/bin/sh", "-c", script};
  for (const long number : calls) options.calls.add(static_cast<std::uint64_t>(number));
  return options;
}

struct Trace {
  Witness witness;
  Result<std::optional<int>> status;
};
Trace trace(const TracerOptions& options) {
  Tracer tracer(options);
  auto tasks = tracer.prepare();
  EXPECT_TRUE(tasks.ok());
  Trace trace{.witness = Witness(*tasks), .status = std::optional<int>()};
  trace.status = tracer.run(trace.witness);
  EXPECT_TRUE(trace.witness.live.empty() || tracer.launch_failed());
  return trace;
}

TEST(Tracer, TellsStartAndEndOfACommand) {
  const Trace seen = trace(shell("exit 7", {SYS_exit_group}));
  ASSERT_TRUE(seen.status.ok());
  EXPECT_EQ(WEXITSTATUS(seen.status->value()), 7);
  ASSERT_EQ(seen.witness.started.size(), 1U);
  EXPECT_EQ(seen.witness.started[0], "/bin/sh");
  using namespace std::literals;
  EXPECT_EQ(seen.witness.argv[0], "/bin/sh\0-c\0exit 7\0"sv);
  ASSERT_EQ(seen.witness.in_flight.size(), 1U);
  EXPECT_EQ(seen.witness.in_flight[0].number, std::uint64_t{SYS_exit_group});
  EXPECT_EQ(seen.witness.in_flight[0].arguments[0], 7U);
  EXPECT_FALSE(seen.witness.in_flight[0].result.has_value());
}

TEST(Tracer, TellsTheSelectedCallsWithTheirMemory) {
  const Trace seen = trace(shell("cd /usr; cd /nowhere", {SYS_chdir}));
  ASSERT_EQ(seen.witness.calls.size(), 2U);
  EXPECT_EQ(seen.witness.calls[0].result, 0);
  EXPECT_EQ(seen.witness.calls[0].text, "/usr");
  EXPECT_EQ(seen.witness.calls[1].result, -ENOENT);
}

TEST(Tracer, FollowsTheWholeTree) {
  const Trace seen =
      trace(shell("(exit 3); /bin/true | (exec /bin/true); (setsid sh -c 'exit 4' &)"));
  EXPECT_EQ(std::count(seen.witness.statuses.begin(), seen.witness.statuses.end(), 3 << 8), 1);
  EXPECT_EQ(std::count(seen.witness.statuses.begin(), seen.witness.statuses.end(), 4 << 8), 1);
  EXPECT_EQ(seen.witness.statuses.size(), seen.witness.created.size() + 1);
}

TEST(Tracer, SaysWhyACommandCannotBeExecuted) {
  for (const auto& [file, code] : {std::pair{"/nonexistent", ENOENT}, {"/etc", EACCES}}) {
    TracerOptions options;
    options.command = {file};
    options.calls = sys::CallSelection::all();
    Tracer tracer(options);
    ASSERT_TRUE(tracer.prepare().ok());
    Witness witness({});
    const auto status = tracer.run(witness);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), code);
    EXPECT_TRUE(tracer.launch_failed());
    EXPECT_TRUE(witness.calls.empty());
  }
}

TEST(Tracer, TellsSignalsThatAct) {
  const Trace seen =
      trace(shell("trap : USR1; trap '' USR2; kill -USR1 $$; kill -USR2 $$; kill -WINCH $$; "
                  "kill -ABRT $$"));
  ASSERT_EQ(seen.witness.signals.size(), 2U);
  EXPECT_EQ(seen.witness.signals[0].signal, std::uint32_t{SIGUSR1});
  EXPECT_EQ(seen.witness.signals[0].code, SI_USER);
  EXPECT_EQ(seen.witness.signals[0].sender_pid, seen.witness.signals[0].task.pid);
  EXPECT_EQ(seen.witness.signals[1].signal, std::uint32_t{SIGABRT});
  EXPECT_EQ(seen.status->value(), SIGABRT);
}

// As the kernel does when nobody traces.
TEST(Tracer, TellsWhatEndsAProcessWithItsEndOnly) {
  const Trace seen = trace(shell("kill -TERM $$"));
  EXPECT_TRUE(seen.witness.signals.empty());
  EXPECT_EQ(seen.status->value(), SIGTERM);
}

TEST(Tracer, TellsTheCallThatKilledItsCaller) {
  const Trace seen = trace(shell("kill -9 $$", {SYS_kill}));
  ASSERT_EQ(seen.witness.calls.size(), 1U);
  EXPECT_EQ(seen.witness.calls[0].result, 0);
  EXPECT_EQ(seen.witness.statuses, std::vector<int>{SIGKILL});
}

TEST(Tracer, LetsStoppedProcessesBeStopped) {
  // The parent goes on only when it has been told that its child has stopped; had it ended instead,
  // there would be nothing to wait for the second time.
  constexpr const char* kScript =
      "$p = fork; if (!$p) { kill 'STOP', $$; exit 5 } waitpid($p, 2); kill 'CONT', $p; "
      "waitpid($p, 0); exit($? >> 8)";
  TracerOptions options;
  options.command = {"/usr/bin/perl", "-e", kScript};
  const Trace seen = trace(options);
  EXPECT_EQ(WEXITSTATUS(seen.status->value()), 5);
  ASSERT_EQ(seen.witness.signals.size(), 1U);
  EXPECT_EQ(seen.witness.signals[0].signal, std::uint32_t{SIGSTOP});
}

TEST(Tracer, KillsTheTreeWhenStopped) {
  Tracer tracer(shell("sleep 1000 & cd /usr; wait", {SYS_chdir}));
  auto tasks = tracer.prepare();
  ASSERT_TRUE(tasks.ok());
  Witness witness(*tasks);
  std::thread stopper;
  witness.on_called = [&](const Witness::Call&) {
    if (!stopper.joinable()) stopper = std::thread([&] { tracer.stop(); });
  };
  const auto status = tracer.run(witness);
  ASSERT_TRUE(stopper.joinable());
  stopper.join();
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->value(), SIGKILL);
  EXPECT_EQ(witness.statuses, (std::vector<int>{SIGKILL, SIGKILL}));
  EXPECT_TRUE(witness.live.empty());
}

TEST(Tracer, LeavesWhatItWasAttachedToUntouched) {
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", "while :; do cd /usr; done", nullptr);
    _exit(127);
  }
  ASSERT_GT(child, 0);
  const auto pid = static_cast<std::uint32_t>(child);
  {
    TracerOptions options;
    options.pids = {pid};
    options.calls.add(SYS_chdir);
    Tracer tracer(options);
    auto tasks = tracer.prepare();
    ASSERT_TRUE(tasks.ok());
    ASSERT_EQ(tasks->size(), 1U);
    EXPECT_EQ(tasks->front().pid, pid);
    Witness witness(*tasks);
    witness.on_called = [&](const Witness::Call&) {
      if (witness.calls.size() == 100) tracer.stop();
    };
    const auto status = tracer.run(witness);
    ASSERT_TRUE(status.ok());
    EXPECT_FALSE(status->has_value());
    EXPECT_GE(witness.calls.size(), 100U);
  }
  const auto text = base::read_file("/proc/" + std::to_string(child) + "/status");
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("TracerPid:\t0\n"), std::string::npos);
  EXPECT_EQ(kill(child, SIGTERM), 0);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, SIGTERM);
}

TEST(Tracer, SaysThatThereIsNoSuchProcess) {
  TracerOptions options;
  options.pids = {0x7fffffff};
  Tracer tracer(options);
  const auto tasks = tracer.prepare();
  ASSERT_FALSE(tasks.ok());
  EXPECT_EQ(tasks.error().code(), ESRCH);
}

TEST(Tracer, KeepsEveryTaskOfAStormOfForks) {
  const Trace seen =
      trace(shell("i=0; while [ $i -lt 300 ]; do (exit 1) & i=$((i+1)); done; wait"));
  EXPECT_EQ(seen.witness.created.size(), 300U);
  EXPECT_EQ(std::count(seen.witness.statuses.begin(), seen.witness.statuses.end(), 1 << 8), 300);
}

}  // namespace
}  // namespace tc::ptrace
