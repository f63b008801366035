// tc trace against the real kernel and real programs, through both engines.
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <regex>
#include <set>

#include "base/unique_fd.h"

#include "kernel/kernel_test.h"
#include "kernel/trace_run.h"

namespace tc::test {
namespace {

using testing::Contains;
using testing::HasSubstr;

class Trace : public KernelTest, public testing::WithParamInterface<const char*> {
 protected:
  std::vector<std::string> engine(std::vector<std::string> options = {}) const {
    options.insert(options.end(), {"--engine", GetParam()});
    return options;
  }
  TraceRun traced(const std::string& scene, std::vector<std::string> options = {},
                  const std::string& number = "0") const {
    return trace_command(engine(std::move(options)), {guest_program("calls"), scene, number});
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, Trace, testing::Values("bpf", "ptrace"),
                         [](const auto& row) { return std::string(row.param); });

std::vector<std::string> scenes() {
  return {"mix", "bad", "children", "signals", "exec_thread", "i386"};
}

TEST_P(Trace, GivesTheSameBytesOnEveryRun) {
  for (const std::string& scene : scenes()) {
    const TraceRun first = traced(scene);
    ASSERT_EQ(first.status, 0) << scene << first.error;
    for (int i = 1; i < repetitions(3); ++i) {
      const TraceRun next = traced(scene);
      ASSERT_EQ(next.log, first.log) << scene << ": " << first_difference(first.log, next.log);
    }
  }
}

TEST_F(KernelTest, BothEnginesGiveOneLog) {
  for (const std::string& scene : scenes()) {
    const std::vector<std::string> command = {guest_program("calls"), scene};
    for (int i = 0; i < repetitions(1); ++i) {
      const TraceRun bpf = trace_command({"--engine", "bpf"}, command);
      const TraceRun ptrace = trace_command({"--engine", "ptrace"}, command);
      ASSERT_EQ(bpf.log, ptrace.log) << scene << ": " << first_difference(bpf.log, ptrace.log);
    }
  }
}

TEST_P(Trace, LosesNothingOfAForkBomb) {
  for (int i = 0; i < repetitions(1); ++i) {
    const TraceRun bomb = traced("forks", {"--calls", "getppid,exit_group,fork,clone"}, "2000");
    ASSERT_EQ(bomb.status, 0) << bomb.error;
    const Evidence evidence = bomb.evidence();
    EXPECT_EQ(evidence.end.at("lost"), 0);
    EXPECT_EQ(evidence.count({{"event", "process_fork"}}), 2000U);
    EXPECT_EQ(evidence.count({{"event", "process_exit"}}), 2001U);
    EXPECT_EQ(evidence.count({{"call", "getppid"}}), 2000U);
    EXPECT_EQ(evidence.count({{"call", "exit_group"}}), 2001U);
  }
}

TEST_P(Trace, LosesNothingOfTwoHundredThreads) {
  for (int i = 0; i < repetitions(1); ++i) {
    const TraceRun threads = traced("threads", {"--calls", "getppid,exit,clone3"}, "200");
    ASSERT_EQ(threads.status, 0) << threads.error;
    const Evidence evidence = threads.evidence();
    EXPECT_EQ(evidence.end.at("lost"), 0);
    EXPECT_EQ(evidence.count({{"call", "getppid"}}), 2000U);
    EXPECT_EQ(evidence.count({{"call", "exit"}}), 200U);
    for (int thread = 1; thread <= 200; ++thread)
      EXPECT_EQ(evidence.count({{"call", "getppid"}, {"thread", "p1/" + std::to_string(thread)}}),
                10U);
  }
}

TEST_P(Trace, DecodesWhatACallWasGivenAndGaveBack) {
  const Evidence evidence = traced("mix").evidence();
  const Json open = evidence.only({{"call", "openat"}, {"file", "/etc/passwd"}});
  EXPECT_EQ(open.at("args").at("flags"), "O_RDONLY|O_CLOEXEC");
  EXPECT_EQ(open.at("args").at("dfd"), "AT_FDCWD");
  EXPECT_EQ(open.at("ret"), "/etc/passwd");
  const Json failed = evidence.only({{"call", "openat"}, {"file", "/no/such/file"}});
  EXPECT_EQ(failed.at("error"), "ENOENT");
  EXPECT_EQ(failed.at("args").at("mode"), "0640");
  const Json status = evidence.only({{"call", "newfstatat"}, {"args", {{"dfd", "/etc/passwd"}}}});
  EXPECT_EQ(status.at("args").at("statbuf").at("st_mtim"), "time");
  EXPECT_EQ(status.at("args").at("statbuf").at("st_mode"), "0100644");
  EXPECT_EQ(evidence.only({{"call", "writev"}}).at("args").at("fd"), "pipe#1:w");
  EXPECT_EQ(evidence.only({{"call", "lseek"}}).at("args").at("fd"), "/etc/passwd");
  EXPECT_EQ(evidence.only({{"call", "lseek"}}).at("args").at("whence"), "SEEK_SET");
  EXPECT_EQ(evidence.only({{"call", "connect"}}).at("error"), "ENOENT");
  EXPECT_EQ(evidence.only({{"call", "call_999"}}).at("error"), "ENOSYS");
}

TEST_P(Trace, MarksWhatItCannotRead) {
  const TraceRun run = traced("bad");
  ASSERT_EQ(run.status, 0) << run.error;
  const Evidence evidence = run.evidence();
  std::size_t unreadable = 0;
  for (const Json& record : evidence.matching({{"call", "openat"}, {"error", "EFAULT"}}))
    unreadable += record.at("args").at("filename").is_object() ? 1U : 0U;
  EXPECT_EQ(unreadable, 3U);
  EXPECT_EQ(evidence.count({{"call", "openat"}, {"args", {{"filename", "NULL"}}}}), 1U);
  EXPECT_EQ(evidence.count({{"call", "execve"}, {"error", "EFAULT"}}), 1U);
}

TEST_P(Trace, TellsTwoMegabytesOfArguments) {
  // MAX_ARG_STRLEN allows 128 KiB a string.
  std::vector<std::string> command = {guest_program("calls"), "arguments"};
  for (int i = 0; i < 16; ++i) command.emplace_back(120'000, static_cast<char>('a' + i));
  const TraceRun run = trace_command(engine(), command);
  ASSERT_EQ(run.status, 0) << run.error;
  const Json exec = run.evidence().only({{"event", "process_exec"}});
  EXPECT_EQ(exec.at("argv").get<std::vector<std::string>>(), command);
  EXPECT_FALSE(exec.contains("missing"));
}

TEST_P(Trace, FollowsEveryWayToMakeAProcess) {
  const Evidence evidence = traced("children").evidence();
  EXPECT_EQ(evidence.only({{"event", "process_exit"}, {"thread", "p1.1"}}).at("exit_code"), 3);
  EXPECT_EQ(evidence.only({{"event", "process_exec"}, {"thread", "p1.2"}}).at("argv"),
            Json({"true", "from vfork"}));
  EXPECT_EQ(evidence.only({{"event", "process_exit"}, {"thread", "p1.3"}}).at("signal"), "SIGTERM");
  EXPECT_EQ(evidence.count({{"call", "setsid"}, {"thread", "p1.4.1"}}), 1U);
  EXPECT_EQ(evidence.count({{"event", "process_exit"}, {"thread", "p1.4.1"}}), 1U);
}

TEST_P(Trace, FollowsAnExecFromAThread) {
  const Evidence evidence = traced("exec_thread").evidence();
  EXPECT_EQ(evidence.count({{"event", "process_exec"}}), 2U);
  EXPECT_EQ(evidence.count({{"event", "process_exit"}}), 1U);
  EXPECT_EQ(evidence.matching({{"event", "process_exec"}}).back().at("argv"),
            Json({"true", "from a thread"}));
}

TEST_P(Trace, TellsSignalsThatAct) {
  const Evidence evidence = traced("signals").evidence();
  EXPECT_EQ(evidence.only({{"event", "signal"}, {"signal", "SIGUSR1"}}).at("sender"), "p1");
  EXPECT_EQ(evidence.count({{"event", "signal"}, {"signal", "SIGUSR2"}}), 0U);
  EXPECT_EQ(evidence.count({{"event", "signal"}, {"signal", "SIGALRM"}}), 1U);
}

TEST_P(Trace, MarksACallThatAKillCutShort) {
  const Evidence evidence = traced("killed").evidence();
  const Json read = evidence.only({{"call", "read"}, {"thread", "p1.1"}, {"state", "killed"}});
  EXPECT_FALSE(read.contains("ret"));
  EXPECT_FALSE(read.contains("error"));
  EXPECT_EQ(evidence.only({{"event", "process_exit"}, {"thread", "p1.1"}}).at("signal"), "SIGKILL");
}

TEST_P(Trace, NamesCallsThroughThe32BitGateByTheirOwnTable) {
  const Evidence evidence = traced("i386", {"--calls", "getpid"}).evidence();
  EXPECT_EQ(evidence.only({{"abi", "i386"}}).at("call"), "getpid");
  EXPECT_EQ(evidence.count({{"call", "writev"}}), 0U);  // 20 in the table of x86-64
}

TEST_P(Trace, PassesOnTheExitStatus) {
  EXPECT_EQ(trace_command(engine(), {"sh", "-c", "exit 42"}).status, 42);
  EXPECT_EQ(trace_command(engine(), {"sh", "-c", "kill -TERM $$"}).status, 128 + SIGTERM);
}

TEST_P(Trace, TellsACommandThatCannotBeExecuted) {
  const TraceRun missing = trace_command(engine(), {"/no/such/program"});
  EXPECT_EQ(missing.status, 127);
  EXPECT_THAT(missing.error, HasSubstr("/no/such/program"));
  EXPECT_EQ(trace_command(engine(), {"/etc/passwd"}).status, 126);
}

TEST_P(Trace, BeginsAndEndsAtPlacesInTheProgram) {
  const Evidence all = traced("mix").evidence();
  EXPECT_GT(all.count({{"file", "/etc/ld.so.cache"}}), 0U);
  const Evidence from_main = traced("mix", {"--from", "main"}).evidence();
  EXPECT_EQ(from_main.count({{"file", "/etc/ld.so.cache"}}), 0U);
  EXPECT_EQ(from_main.count({{"call", "chdir"}}), 1U);
  const Evidence until_main = traced("mix", {"--until", "main"}).evidence();
  EXPECT_GT(until_main.count({{"file", "/etc/ld.so.cache"}}), 0U);
  EXPECT_EQ(until_main.count({{"call", "chdir"}}), 0U);
  const Evidence from_libc = traced("mix", {"--from", "libc.so.6:epoll_create1"}).evidence();
  EXPECT_EQ(from_libc.count({{"call", "socketpair"}}), 0U);
  EXPECT_EQ(from_libc.count({{"call", "epoll_create1"}}), 1U);
  EXPECT_EQ(from_libc.only({{"call", "epoll_wait"}}).at("args").at("epfd"), "epoll#1");
}

TEST_P(Trace, SelectsCallsByNameGlobAndGroup) {
  const auto names = [&](const std::string& calls) {
    std::set<std::string> found;
    for (const Json& record :
         traced("mix", {"--calls", calls}).evidence().matching({{"event", "syscall"}}))
      found.insert(record.at("call").get<std::string>());
    return found;
  };
  EXPECT_EQ(names("lseek,epoll_*"),
            (std::set<std::string>{"lseek", "epoll_create1", "epoll_ctl", "epoll_wait"}));
  EXPECT_THAT(names("%network"), Contains("socketpair"));
  EXPECT_THAT(names("%network"), testing::Not(Contains("lseek")));
  EXPECT_THAT(names("!%network"), testing::Not(Contains("socketpair")));
}

// --- what becomes of the tracees when tc goes
// -----------------------------------------------------

// A process of somebody else's, whose end can be awaited.
class Stranger {
 public:
  explicit Stranger(pid_t pid) : pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}

  bool exists() const { return static_cast<bool>(pidfd_); }
  bool ends_soon() const {
    pollfd ended{pidfd_.get(), POLLIN, 0};
    const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
    return poll(&ended, 1, static_cast<int>(patience.count())) == 1;
  }

 private:
  UniqueFd pidfd_;
};

TEST_P(Trace, KillsWhatItStartedHoweverItEnds) {
  for (const int signal : {SIGTERM, SIGHUP, SIGKILL}) {
    for (int i = 0; i < repetitions(1); ++i) {
      const ScratchDirectory scratch;
      const std::string path = scratch / "log.ndjson";
      Process tc({TC_PROGRAM, "trace", "--quiet", "--engine", GetParam(), "--output", path, "--",
                  guest_program("calls"), "wait"});
      const Stranger grandchild(std::stoi(tc.next_line()));
      ASSERT_TRUE(grandchild.exists());
      tc.send(signal);
      EXPECT_EQ(tc.wait(), 128 + signal);
      EXPECT_TRUE(grandchild.ends_soon()) << signal;
      if (signal == SIGKILL) continue;
      // What was gathered is told, whole.
      const Evidence evidence = parse_evidence(read_bytes(path));
      EXPECT_EQ(evidence.count({{"event", "process_fork"}}), 1U);
    }
  }
}

TEST_P(Trace, LeavesWhatItAttachedToUntouched) {
  for (const int signal : {SIGINT, SIGKILL}) {
    const ScratchDirectory scratch;
    const std::string path = scratch / "log.ndjson";
    Process server(
        {"sh", "-c", "while read line; do cat /etc/hostname >/dev/null; echo done; done"});
    server.write("x\n");
    server.await_output_line("done");
    Process tc({TC_PROGRAM, "trace", "--engine", GetParam(), "--output", path, "--pid",
                std::to_string(server.pid())});
    tc.await_error_line("tc: tracing");
    server.write("x\n");
    server.await_output_line("done");
    tc.send(signal);
    tc.wait();
    // Still there, and not stopped.
    server.write("x\n");
    server.await_output_line("done");
    if (signal == SIGKILL) continue;
    const Evidence evidence = parse_evidence(read_bytes(path));
    EXPECT_EQ(evidence.count({{"event", "process_exec"}, {"thread", "p1.1"}}), 1U);
    EXPECT_GT(evidence.count({{"file", "/etc/hostname"}}), 0U);
  }
}

TEST_P(Trace, AttachesToAllThreadsAndDescendants) {
  Process tree({guest_program("calls"), "wait"});
  const pid_t child = std::stoi(tree.next_line());
  const ScratchDirectory scratch;
  const std::string path = scratch / "log.ndjson";
  Process tc({TC_PROGRAM, "trace", "--engine", GetParam(), "--output", path, "--pid",
              std::to_string(tree.pid())});
  tc.await_error_line("tc: tracing");
  kill(child, SIGTERM);
  kill(tree.pid(), SIGTERM);
  EXPECT_EQ(tc.wait(), 0);  // nobody is left
  const Evidence evidence = parse_evidence(read_bytes(path));
  EXPECT_EQ(evidence.count({{"event", "process_exit"}, {"signal", "SIGTERM"}}), 2U);
}

// --- programs as they are
// ---------------------------------------------------------------------------

struct Program {
  const char* name;
  const char* prepare;  // by the shell, before each run, in an empty directory
  const char* command;
};
const Program kPrograms[] = {
    {"true", "", "true"},
    {"ls", "touch a b c", "ls -la"},
    {"cat", "seq 1000 > f", "cat f"},
    {"grep", "mkdir -p d/e; seq 500 > d/x; seq 900 > d/e/y", "grep -r 77 ."},
    {"sqlite3", "rm -f db",
     "sqlite3 db 'create table t(a); insert into t values(1); select * from t'"},
    {"tar", "rm -f t.tar; mkdir -p d; seq 500 > d/x", "tar cf t.tar d"},
    {"git", "git init -q . 2>/dev/null; seq 9 > f; git add f", "git status"},
};

TEST_P(Trace, GivesTheSameBytesForRealPrograms) {
  for (const Program& program : kPrograms) {
    const ScratchDirectory scratch;
    std::string first;
    for (int i = 0; i < repetitions(2); ++i) {
      ASSERT_EQ(
          run(Command{.argv = {"sh", "-c", program.prepare}, .directory = scratch.path()}).status,
          0);
      const TraceRun traced = trace_command(
          engine(), {"sh", "-c", std::string("exec ") + program.command}, scratch.path());
      ASSERT_EQ(traced.status, 0) << program.name << traced.error;
      if (first.empty()) first = traced.log;
      EXPECT_EQ(traced.log, first) << program.name << ": " << first_difference(first, traced.log);
    }
  }
}

// One run of a server with a client's script, from its start to its end.
void trace_redis(const std::string& directory, const std::string& log) {
  const auto client = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"redis-cli", "-s", directory + "/socket"});
    const Ended ended = run(arguments);
    ASSERT_EQ(ended.status, 0) << ended.error;
  };
  Process tc(Command{
      .argv = {TC_PROGRAM, "trace", "--quiet", "--fold", "--drop", "variance", "--output", log,
               "--", "redis-server", "--port", "0", "--unixsocket", "socket", "--save", ""},
      .directory = directory});
  tc.await_output_line("ready to accept connections");
  for (int i = 0; i < 20; ++i) {
    client({"set", "key" + std::to_string(i), "value"});
    client({"get", "key" + std::to_string(i)});
  }
  client({"shutdown", "nosave"});
  tc.wait();
}

TEST_F(KernelTest, TwoRunsOfAServerHaveTheSameEffectsAndHardlyALineDiffers) {
  const ScratchDirectory scratch;
  for (const char* name : {"a.ndjson", "b.ndjson"}) trace_redis(scratch.path(), scratch / name);
  const Ended diff = run({TC_PROGRAM, "diff", scratch / "a.ndjson", scratch / "b.ndjson"});
  EXPECT_EQ(diff.status, 0) << diff.output;  // the effects are equal
  const std::regex counted("differing lines: ([0-9,]+) of ([0-9,]+)");
  std::smatch found;
  ASSERT_TRUE(std::regex_search(diff.output, found, counted)) << diff.output;
  const auto number = [](std::string text) {
    std::erase(text, ',');
    return std::stod(text);
  };
  EXPECT_GT(number(found[2]), 500);
  EXPECT_LE(number(found[1]), 0.01 * number(found[2])) << diff.output;
}

TEST_F(KernelTest, AnOrdinaryUserTracesWithPtrace) {
  const ScratchDirectory scratch;
  const Ended ended = run(Command{.argv = {TC_PROGRAM, "trace", "--output", scratch / "log.ndjson",
                                           "--", guest_program("calls"), "mix"},
                                  .user = 65534});
  EXPECT_EQ(ended.status, 0) << ended.error;
  EXPECT_THAT(ended.error, HasSubstr("with ptrace"));
  EXPECT_GT(parse_evidence(read_bytes(scratch / "log.ndjson")).count({{"event", "syscall"}}), 50U);
}

}  // namespace
}  // namespace tc::test
