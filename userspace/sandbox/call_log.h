// CallLog: the log of a run: every call of every task in the order of the run, told as `tc trace`
// tells it, with the times of the virtual clock. The first two processes' beginnings are not told:
// the log starts with the command.
#pragma once

#include <signal.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "determinism/clock.h"
#include "output/stream.h"
#include "ptrace/capture.h"
#include "ptrace/task_status.h"
#include "sandbox/task.h"
#include "trace/chronicle.h"

namespace tc::sandbox {

class CallLog {
 public:
  // Creates or replaces the file, and tells in its first record what was asked for.
  static Result<std::unique_ptr<output::EvidenceStream>> open(
      const std::string& file, const std::vector<std::string>& command);
  explicit CallLog(std::unique_ptr<output::EvidenceStream> stream);

  // In the order in which it happens. Of a call: enter() at the stop before it, leave() when its
  // answer is known and its output lies in the guest's memory.
  void enter(Task& task);
  void leave(Task& task, std::int64_t result, const determinism::VirtualClock& clock);
  void created(const Task& creator, const Task& child, std::uint64_t clone_flags,
               const determinism::VirtualClock& clock);
  void started(Task& task, const determinism::VirtualClock& clock);
  void signalled(const Task& task, int signal, const siginfo_t& info,
                 const ptrace::TaskStatus& status, const determinism::VirtualClock& clock);
  void ended(const Task& task, bool is_last, int wait_status,
             const determinism::VirtualClock& clock);

  // Writes what is left. The first failure to write, if there was one: the log is whole up to
  // there.
  Result<void> finish();

 private:
  bool is_told(const Task& task) const;

  std::unique_ptr<output::EvidenceStream> stream_;
  std::unique_ptr<trace::ProcessView> view_;
  trace::Chronicle chronicle_;
  ptrace::Capture capture_;
  std::vector<tc_capture_plan> plans_;
  std::optional<Error> failure_;
};

}  // namespace tc::sandbox
