// Session: one trace from the first program held to the last record written: engine, chronicle,
// order and output tied together.
#pragma once

#include <memory>
#include <optional>

#include "base/result.h"
#include "output/stream.h"
#include "trace/options.h"

namespace tc::trace {

// How a trace ended when it ended well.
struct Outcome {
  // Of the command, as a shell tells it; nothing without a command.
  std::optional<int> command_status;
  // Not everything could be written; what was written is whole.
  std::optional<Error> output_failure;
};

// Traces until every process of the tree has ended, or SIGINT, SIGTERM or SIGHUP ends it: SIGINT is
// passed on to a command first, a second one kills its tree, as SIGTERM and SIGHUP do at once. The
// three must be blocked in the caller's thread, and no other thread may run. The stream is finished
// in every case.
class Session {
 public:
  Session(const TraceOptions& options, output::EvidenceStream& stream);
  ~Session();

  Result<Outcome> run();
  // After an error of run(): it was the command that could not be executed.
  bool launch_failed() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tc::trace
