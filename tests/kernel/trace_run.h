// One run of `tc trace` whose log goes to a file of its own.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "support/evidence.h"
#include "support/process.h"
#include "support/scratch_directory.h"

namespace tc::test {

inline std::string guest_program(const std::string& name) { return TC_GUESTS_DIR "/" + name; }

// How often a test that must not depend on luck is repeated: TC_STRESS=1 asks for a hundred times.
inline int repetitions(int usual) { return std::getenv("TC_STRESS") != nullptr ? 100 : usual; }

struct TraceRun {
  int status = -1;
  std::string output;  // of the command
  std::string error;   // of the command and of tc
  std::string log;     // the bytes of the log file

  Evidence evidence() const { return parse_evidence(log); }
};

std::string read_bytes(const std::string& path);

// `options` of tc trace, then the command. Run in `directory` (default: the test's own).
inline TraceRun trace_command(const std::vector<std::string>& options,
                              const std::vector<std::string>& command,
                              const std::string& directory = {}) {
  const ScratchDirectory scratch;
  const std::string path = scratch / "log.ndjson";
  std::vector<std::string> argv = {TC_PROGRAM, "trace", "--quiet", "--output", path};
  argv.insert(argv.end(), options.begin(), options.end());
  argv.emplace_back("--");
  argv.insert(argv.end(), command.begin(), command.end());
  const Ended ended = run(Command{.argv = argv, .directory = directory}, std::chrono::seconds(120));
  return {ended.status, ended.output, ended.error, read_bytes(path)};
}

// The first lines that differ, for a test's message.
std::string first_difference(const std::string& left, const std::string& right);

}  // namespace tc::test
