// Session: one live observation from the first program loaded to the last record written.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "observe/options.h"
#include "output/stream.h"

namespace tc::observe {

// How an observation ended when it ended well.
struct Outcome {
  // Of the command that was started, as a shell tells it; nothing without a command.
  std::optional<int> command_status;
  // The evidence could not all be written; what was written is whole.
  std::optional<Error> output_failure;
};

// Observes until the command or every process named has ended, the duration is over, or SIGINT or
// SIGTERM comes (a second one drops what is not written yet, and says how much). Both signals must
// be blocked in the caller's thread, and no other thread may run. Says on standard error that it
// observes, and `options.stats` at the end. The stream is finished in every case.
class Session {
 public:
  Session(const ObserveOptions& options, output::EvidenceStream& stream);
  ~Session();

  Result<Outcome> run();
  // After an error of run(): it was the command that could not be executed.
  bool launch_failed() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tc::observe
