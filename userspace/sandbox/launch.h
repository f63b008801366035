// The first two processes of a run: process 1, which makes the last of the world, starts the
// command and then only reaps; and process 2, which executes the command. Both are traced tasks
// like any other from before their first step that counts.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/keeper.h"
#include "sandbox/options.h"
#include "sys/filter.h"

namespace tc::sandbox {

// Owns nothing of the processes: whoever traces them does.
class HeldInit {
 public:
  // Forks process 1; it waits until release(). Then it installs the filter and starts the command.
  static Result<HeldInit> hold(const Options& options, const Inside& inside,
                               const sys::FilterProgram& filter);
  pid_t pid() const { return pid_; }
  Result<void> release();
  // Once they have ended without the command having been executed: why. The code is the errno.
  std::optional<Error> failure() const;

 private:
  HeldInit(pid_t pid, UniqueFd gate, UniqueFd failure, std::string name)
      : pid_(pid), gate_(std::move(gate)), failure_(std::move(failure)), name_(std::move(name)) {}

  pid_t pid_;
  UniqueFd gate_;
  UniqueFd failure_;
  std::string name_;
};

}  // namespace tc::sandbox
