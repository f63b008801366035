// Whom tc observes: a command, a process, a cgroup or the whole host, each with all that descends
// from it from the first instruction to the exit, and nobody else.
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <set>

#include "kernel/kernel_test.h"
#include "kernel/observation.h"

namespace tc::test {
namespace {

class Follow : public KernelTest {};

constexpr const char* kPython = "/usr/bin/python3";

Json opened(const std::string& path) { return {{"event", "file_access"}, {"path", path}}; }

// A shell that runs each line it is given and says when it is done.
class Shell {
 public:
  Shell()
      : process_({"sh", "-c", "echo ready; while read line; do eval \"$line\"; echo done; done"}) {
    process_.next_line();
  }
  void run(const std::string& line) {
    process_.write(line + "\n");
    while (process_.next_line() != "done") continue;
  }
  void end() {
    process_.close_input();
    process_.wait();
  }
  Process& process() { return process_; }

 private:
  Process process_;
};

TEST_F(Follow, LosesNoneOfATreeOfFiveThousand) {
  constexpr int kChildren = 5000;
  const Evidence evidence = observe_command({"--events", "process_fork,process_exit,file_access"},
                                            {guest("fork_tree"), std::to_string(kChildren), "5"});
  std::map<int, int> parents;  // child -> parent, as the forks tell
  for (const Json& fork : evidence.matching({{"event", "process_fork"}}))
    parents[fork.at("child_pid")] = fork.at("pid");
  EXPECT_EQ(parents.size(), kChildren);
  EXPECT_EQ(evidence.end.at("lost"), 0);

  std::set<std::string> paths;
  std::set<int> exited;
  for (const Json& record : evidence.records) {
    const int pid = record.at("pid");
    const auto parent = parents.find(pid);
    if (parent == parents.end()) continue;  // the root of the tree
    EXPECT_EQ(record.at("ppid"), parent->second) << record;
    if (record.at("event") == "file_access") paths.insert(record.at("path"));
    if (record.at("event") == "process_exit") {
      EXPECT_EQ(record.at("exit_code"), 0);
      EXPECT_TRUE(exited.insert(pid).second) << pid << " exited twice";
    }
  }
  EXPECT_EQ(exited.size(), kChildren);
  EXPECT_EQ(paths.size(), kChildren);
  for (int i = 1; i <= kChildren; ++i)
    EXPECT_TRUE(paths.contains("/tc-fork-tree-" + std::to_string(i))) << i;
}

TEST_F(Follow, TellsAForkBeforeAnythingItsChildDoes) {
  const Evidence evidence = observe_command({}, {guest("fork_tree"), "200", "3"});
  std::set<int> known = {evidence.records.front().at("pid").get<int>()};
  for (const Json& record : evidence.records) {
    EXPECT_TRUE(known.contains(record.at("pid"))) << record;
    if (record.at("event") == "process_fork") known.insert(record.at("child_pid").get<int>());
  }
}

TEST_F(Follow, SeesExecsOfChildrenWithTheirArguments) {
  const Evidence evidence = observe_command({}, {"sh", "-c", "/bin/echo 'two words' ''; :"});
  const Json exec = evidence.only({{"event", "process_exec"}, {"path", "/bin/echo"}});
  EXPECT_EQ(exec.at("argv"), Json({"/bin/echo", "two words", ""}));
  EXPECT_EQ(exec.at("ret"), 0);
  const Json fork = evidence.only({{"event", "process_fork"}, {"child_pid", exec.at("pid")}});
  EXPECT_EQ(exec.at("ppid"), fork.at("pid"));
}

TEST_F(Follow, SeesFailedExecs) {
  const Evidence evidence = observe_command({}, {"sh", "-c", "/tc-no-such-program; :"});
  constexpr int kNoEntry = -2;
  const Json exec = evidence.only({{"event", "process_exec"}, {"path", "/tc-no-such-program"}});
  EXPECT_EQ(exec.at("ret"), kNoEntry);
  EXPECT_EQ(exec.at("argv"), Json({"/tc-no-such-program"}));
  EXPECT_FALSE(exec.contains("resolved"));
}

TEST_F(Follow, AttachesToAShellAndItsDescendants) {
  Shell shell;
  // A descendant that is there already: it waits for a line in a pipe of the shell's own.
  ScratchDirectory directory;
  const std::string gate = directory / "gate";
  ASSERT_EQ(mkfifo(gate.c_str(), 0600), 0);
  shell.run("sh -c 'read line < " + gate + "; cat /tc-from-descendant 2> /dev/null' & ");
  Observation observation(attached_to(shell.process()));
  shell.run("(cat /tc-from-child 2> /dev/null)");
  shell.run("echo > " + gate + "; wait");
  shell.end();
  const Evidence evidence = observation.finish();

  const Json child = evidence.only(opened("/tc-from-child"));
  const Json descendant = evidence.only(opened("/tc-from-descendant"));
  EXPECT_EQ(child.at("comm"), "cat");
  EXPECT_EQ(descendant.at("comm"), "cat");
  EXPECT_EQ(evidence.count({{"event", "process_exit"}, {"pid", shell.process().pid()}}), 1U);
}

TEST_F(Follow, EndsWhenTheLastObservedProcessHasEnded) {
  Shell first;
  Shell second;
  Observation observation({"--pid", std::to_string(first.process().pid()), "--pid",
                           std::to_string(second.process().pid())});
  first.run("(cat /tc-missing 2> /dev/null)");
  first.end();
  EXPECT_FALSE(observation.tc().has_ended());
  second.end();
  const Evidence evidence = observation.finish();
  EXPECT_EQ(observation.status(), 0);
  for (Shell* shell : {&first, &second})
    EXPECT_EQ(evidence.count({{"event", "process_exit"}, {"pid", shell->process().pid()}}), 1U);
}

TEST_F(Follow, CountsThreadsAsOneProcess) {
  const Evidence evidence = observe_command({}, {kPython, "-c",
                                                 "import threading\n"
                                                 "def body():\n"
                                                 "  try: open('/tc-in-thread')\n"
                                                 "  except OSError: pass\n"
                                                 "for _ in range(8):\n"
                                                 "  thread = threading.Thread(target=body)\n"
                                                 "  thread.start()\n"
                                                 "  thread.join()\n"});
  EXPECT_EQ(evidence.count({{"event", "process_fork"}}), 0U);
  EXPECT_EQ(evidence.count({{"event", "process_exit"}}), 1U);
  std::set<int> threads;
  for (const Json& record : evidence.matching(opened("/tc-in-thread"))) {
    EXPECT_NE(record.at("pid"), record.at("tid"));
    threads.insert(record.at("tid").get<int>());
  }
  EXPECT_EQ(threads.size(), 8U);
}

TEST_F(Follow, FollowsSpawnAndVfork) {
  const Evidence evidence = observe_command(
      {}, {kPython, "-c",
           "import os, subprocess\n"
           "os.waitpid(os.posix_spawn('/bin/cat', ['cat', '/tc-spawned'], os.environ), 0)\n"
           "subprocess.run(['/bin/cat', '/tc-vforked'], close_fds=False)\n"});
  for (const char* path : {"/tc-spawned", "/tc-vforked"}) {
    const Json record = evidence.only(opened(path));
    EXPECT_EQ(record.at("comm"), "cat");
    EXPECT_EQ(evidence.count({{"event", "process_fork"}, {"child_pid", record.at("pid")}}), 1U);
    EXPECT_EQ(evidence.only({{"event", "process_exit"}, {"pid", record.at("pid")}}).at("exit_code"),
              1);
  }
}

TEST_F(Follow, TellsExitCodesAndSignals) {
  const Evidence evidence = observe_command(
      {}, {"sh", "-c", "(exit 7); sh -c 'kill -TERM $$'; sh -c 'kill -SEGV $$'; exit 3"});
  EXPECT_EQ(evidence.count({{"event", "process_exit"}, {"exit_code", 7}}), 1U);
  EXPECT_EQ(evidence.count({{"event", "process_exit"}, {"exit_code", 3}}), 1U);
  for (const char* signal : {"SIGTERM", "SIGSEGV"}) {
    const Json exit = evidence.only({{"event", "process_exit"}, {"signal", signal}});
    EXPECT_FALSE(exit.contains("exit_code"));
  }
}

TEST_F(Follow, PassesOnTheStatusOfTheCommand) {
  const auto status_of = [](const std::vector<std::string>& command) {
    std::vector<std::string> argv = {TC_PROGRAM, "observe", "--output", "/dev/null", "--"};
    argv.insert(argv.end(), command.begin(), command.end());
    return run(argv).status;
  };
  EXPECT_EQ(status_of({"true"}), 0);
  EXPECT_EQ(status_of({"sh", "-c", "exit 7"}), 7);
  EXPECT_EQ(status_of({"sh", "-c", "kill -KILL $$"}), 128 + SIGKILL);
  EXPECT_EQ(status_of({"/etc/passwd"}), 126);
  EXPECT_EQ(status_of({"/tc-no-such-program"}), 127);
  EXPECT_EQ(status_of({"tc-no-such-program"}), 127);
}

TEST_F(Follow, LeavesTheCommandItsStreams) {
  Process tc({TC_PROGRAM, "observe", "--quiet", "--", "sh", "-c", "read line; echo \"got $line\""});
  tc.write("it\n");
  EXPECT_EQ(tc.wait(), 0);
  EXPECT_EQ(tc.output(), "got it\n");
  EXPECT_GT(parse_evidence(tc.error()).records.size(), 0U);
}

TEST_F(Follow, ShowsNobodyElse) {
  Shell bystander;
  Shell shell;
  Observation observation(attached_to(shell.process()));
  bystander.run("(cat /tc-bystander 2> /dev/null)");
  shell.run("(cat /tc-observed 2> /dev/null)");
  shell.end();
  const Evidence evidence = observation.finish();

  std::set<int> family = {shell.process().pid()};
  for (const Json& record : evidence.records) {
    EXPECT_TRUE(family.contains(record.at("pid"))) << record;
    if (record.at("event") == "process_fork") family.insert(record.at("child_pid").get<int>());
  }
  EXPECT_EQ(evidence.count(opened("/tc-observed")), 1U);
  EXPECT_EQ(evidence.count(opened("/tc-bystander")), 0U);
}

TEST_F(Follow, SeesAProcessThatStartsLaterOnTheWholeHost) {
  Observation observation({"--all", "--events", "file_access,process_exec"});
  Shell shell;
  shell.run("(cat /tc-on-this-host 2> /dev/null)");
  const Evidence evidence = observation.stop();
  EXPECT_EQ(evidence.only(opened("/tc-on-this-host")).at("comm"), "cat");
  EXPECT_EQ(evidence.count({{"pid", observation.tc().pid()}}), 0U);
}

// A cgroup of the test's own, removed with it.
class Cgroup {
 public:
  explicit Cgroup(const std::string& hierarchy)
      : path_(hierarchy + "/tc-kernel-test-" + std::to_string(getpid())) {
    made_ = mkdir(path_.c_str(), 0755) == 0;
  }
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;
  ~Cgroup() { rmdir(path_.c_str()); }

  bool made() const { return made_; }
  const std::string& path() const { return path_; }
  void enter(const Process& process) const {
    std::ofstream(path_ + "/cgroup.procs") << process.pid();
  }

 private:
  std::string path_;
  bool made_;
};

class FollowCgroup : public KernelTest, public testing::WithParamInterface<const char*> {};

TEST_P(FollowCgroup, SeesWhoIsInItAndWhoEntersLater) {
  const Cgroup cgroup(GetParam());
  if (!cgroup.made()) GTEST_SKIP() << "no cgroup can be made under " << GetParam();
  Shell inside;
  Shell late;
  Shell outside;
  cgroup.enter(inside.process());
  Observation observation({"--cgroup", cgroup.path()});
  inside.run("(cat /tc-inside 2> /dev/null)");
  outside.run("(cat /tc-outside 2> /dev/null)");
  late.run("(cat /tc-too-early 2> /dev/null)");
  cgroup.enter(late.process());
  late.run("(cat /tc-late 2> /dev/null)");
  const Evidence evidence = observation.stop();
  inside.end();
  late.end();

  const Json record = evidence.only(opened("/tc-inside"));
  const std::string name = cgroup.path().substr(cgroup.path().rfind('/'));
  EXPECT_EQ(evidence.count(opened("/tc-late")), 1U);
  EXPECT_EQ(evidence.count(opened("/tc-outside")), 0U);
  EXPECT_EQ(evidence.count(opened("/tc-too-early")), 0U);
  EXPECT_EQ(evidence.count({{"event", "process_exec"}, {"pid", record.at("pid")}}), 1U);
}

INSTANTIATE_TEST_SUITE_P(Hierarchies, FollowCgroup,
                         testing::Values("/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids",
                                         "/sys/fs/cgroup/memory"),
                         [](const testing::TestParamInfo<const char*>& row) {
                           const std::string directory = row.param;
                           return directory.substr(directory.rfind('/') + 1);
                         });

}  // namespace
}  // namespace tc::test
