// HeldCommand: a command that is to be traced: a child held before its first step until the tracer
// has seized it; it then puts itself under the filter and executes its file.
//
// base/launch.h starts commands for who only watches them; here the child must install a seccomp
// program, and its end is told to the tracer by waitpid(2).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/filter.h"

namespace tc::ptrace {

// Owns the child until release(): one that was never released is killed and reaped.
class HeldCommand {
 public:
  // An empty filter: none is installed.
  static Result<HeldCommand> hold(const std::vector<std::string>& command,
                                  const sys::FilterProgram& filter);
  HeldCommand(HeldCommand&& other) noexcept;
  HeldCommand& operator=(HeldCommand&&) = delete;
  ~HeldCommand();

  pid_t pid() const { return pid_; }
  // From any thread, also when the command has ended long ago.
  void send(int signal) const;

  // Lets it go on. From now on whoever waits for it owns its end.
  Result<void> release();
  // Once it has ended without having executed its file: why.
  std::optional<Error> failure() const;

 private:
  HeldCommand(pid_t pid, UniqueFd pidfd, UniqueFd gate, UniqueFd failure, std::string name);

  pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd gate_;     // written to: go
  UniqueFd failure_;  // read from: what failed and its errno, or the end
  std::string name_;
  bool released_ = false;
};

}  // namespace tc::ptrace
