// One run of `tc observe` whose evidence goes to a file of its own.
#pragma once

#include <signal.h>

#include <string>
#include <utility>
#include <vector>

#include "support/evidence.h"
#include "support/process.h"
#include "support/scratch_directory.h"

namespace tc::test {

inline std::string guest(const std::string& name) { return TC_GUESTS_DIR "/" + name; }

class Observation {
 public:
  // `arguments` are options, and a command behind "--". Returns when the gate is open.
  explicit Observation(const std::vector<std::string>& arguments)
      : tc_(command_line(path(), arguments)) {
    tc_.await_error_line("tc: observing");
  }

  Process& tc() { return tc_; }
  std::string path() const { return directory_ / "evidence.ndjson"; }

  // Awaits the end of the observed command and reads what it did.
  Evidence finish() {
    status_ = tc_.wait(std::chrono::seconds(120));
    return read_evidence(path());
  }
  // Ends an observation without command, as Ctrl-C does.
  Evidence stop() {
    tc_.send(SIGINT);
    return finish();
  }
  // Of tc, after its end.
  int status() const { return status_; }

 private:
  static std::vector<std::string> command_line(const std::string& path,
                                               const std::vector<std::string>& arguments) {
    std::vector<std::string> argv = {TC_PROGRAM, "observe", "--output", path};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return argv;
  }

  ScratchDirectory directory_;
  Process tc_;
  int status_ = -1;
};

// Observes a command from its first instruction to its end.
inline Evidence observe_command(std::vector<std::string> options,
                                const std::vector<std::string>& command) {
  options.emplace_back("--");
  options.insert(options.end(), command.begin(), command.end());
  return Observation(options).finish();
}

// The options that observe a running process.
inline std::vector<std::string> attached_to(const Process& process,
                                            std::vector<std::string> options = {}) {
  options.insert(options.end(), {"--pid", std::to_string(process.pid())});
  return options;
}

}  // namespace tc::test
