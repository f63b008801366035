// Runs of `tc sandbox`, and what it means that they are the same: standard output and error, exit
// status, log and the files that were produced, byte by byte.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "support/process.h"

namespace tc::test {

// A hang is a failure: how long one run may take on a machine that does other things, too.
constexpr std::chrono::seconds kSandboxPatience{90};

// A directory of the test's own that lies at the same place in each of its runs, and not below
// /tmp, which the sandbox gives its guests afresh.
class Workplace {
 public:
  Workplace();
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  ~Workplace();

  // Where the command starts: empty again, a new directory.
  void renew() const;
  std::string directory() const { return path_ + "/work"; }
  // Beside it: logs and what else the guests do not see change.
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// What a directory holds: by path, the type, the mode, and the content or target.
using FileTree = std::map<std::string, std::string>;
FileTree read_tree(const std::string& directory);

struct SandboxRun {
  int status = -1;
  std::string output;
  std::string error;
  std::string log;
  FileTree tree;
};

struct SandboxCase {
  std::string name;
  std::vector<std::string> command;
  std::vector<std::string> options = {};   // of tc sandbox
  std::string preparation = {};            // for sh in the new directory, outside of the sandbox
  int status = 0;                          // that the command must have
  std::optional<std::string> output = {};  // that it must write; absent: whatever it is
};

// For the names of failed tests.
inline std::ostream& operator<<(std::ostream& out, const SandboxCase& what) {
  return out << what.name;
}

// argv of `tc sandbox [options] -- command`.
std::vector<std::string> sandbox_command(const std::vector<std::string>& options,
                                         const std::vector<std::string>& command);

// The case once, at this workplace, which is renewed; `serial` makes the surroundings of each run
// other ones (environment, load of pids), which no run may tell.
SandboxRun run_case(const SandboxCase& what, const Workplace& place, int serial);

// How often a case is run: TC_SANDBOX_RUNS (3); with TC_STRESS=1, 20 times idle and 20 times beside
// two busy loops.
struct Repetitions {
  int idle = 3;
  int beside_load = 0;
};
Repetitions sandbox_repetitions();

// Runs the case as often as asked, and tells the first run that is not like the first one and
// where.
testing::AssertionResult runs_are_same(const SandboxCase& what);

// Processes of the system whose command line holds this text, but for the test's own.
std::vector<pid_t> processes_with(const std::string& text);
// Waits until there is none.
testing::AssertionResult no_process_with(const std::string& text);

}  // namespace tc::test
