// CallLog: the log of a run: every call of every task in the order of the run, told as `tc trace`
// tells it, with the times of the virtual clock. The first two processes' beginnings are not told:
// the log starts with the command.
//
// A call that the kernel makes as it is, is told at the stop behind it, or by PassingCalls: the log
// is the same.
#pragma once

#include <signal.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "determinism/clock.h"
#include "output/stream.h"
#include "ptrace/capture.h"
#include "ptrace/task_status.h"
#include "sandbox/passing_calls.h"
#include "sandbox/task.h"
#include "sys/table.h"
#include "trace/chronicle.h"

namespace tc::sandbox {

// Of a log that has_lost(), in what could not be promised.
inline constexpr const char* kLogIsNotWhole =
    "the log is without some of the calls (--log-engine ptrace loses none)";

class CallLog {
 public:
  // Creates or replaces the file, and tells in its first record what was asked for.
  static Result<std::unique_ptr<output::EvidenceStream>> open(
      const std::string& file, const std::vector<std::string>& command);
  // `passing` tells calls that do not stop, and outlives this; null: every call is to stop.
  CallLog(std::unique_ptr<output::EvidenceStream> stream, PassingCalls* passing);
  // What is copied of the memory of a call.
  static tc_capture_plan plan_of(const sys::Row& row);

  // Is a call to be stopped when it returns, though nobody but the log wants that?
  bool needs_stops() const { return passing_ == nullptr; }

  // In the order in which it happens. Of a call: enter() at the stop before it, leave() when its
  // answer is known and its output lies in the guest's memory.
  void enter(Task& task);
  void leave(Task& task, std::int64_t result, const determinism::VirtualClock& clock);
  // Tells the calls that have not stopped: to be called at each stop, before anything happens that
  // the stop is for, and now and then. `find` has the task of a number, or null.
  void take_passing(const std::function<Task*(pid_t)>& find,
                    const determinism::VirtualClock& clock);
  // Is it high time for take_passing(), and a guest that runs should be stopped for it?
  bool is_behind() const { return passing_ != nullptr && passing_->is_behind(); }
  // Is the log without some of the calls?
  bool has_lost() const { return has_lost_; }
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
  void take_passed(Task& task, const guest::Called& seen, const determinism::VirtualClock& clock);
  void tell_call(const Task& task, sys::CallReturn call, const determinism::VirtualClock& clock);

  std::unique_ptr<output::EvidenceStream> stream_;
  PassingCalls* passing_;
  bool has_lost_ = false;
  std::unique_ptr<trace::ProcessView> view_;
  trace::Chronicle chronicle_;
  ptrace::Capture capture_;
  std::vector<tc_capture_plan> plans_;
  std::optional<Error> failure_;
};

}  // namespace tc::sandbox
