// A command that tc starts: held before its first instruction until everything is attached.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace tc::base {

// The file that a shell would execute for `name`: found once and not by trial in the child, whose
// failed attempts would be the first evidence. `name` itself when PATH has none.
std::string find_program(const std::string& name);

// The exit status a shell would report: the code, or 128 + the signal.
int shell_status(int wait_status);

// Owns the child process: one that was never released is killed and reaped.
class LaunchedCommand {
 public:
  // Forks. The child waits; the file `program` has not been executed yet.
  static Result<LaunchedCommand> hold(const std::string& program,
                                      const std::vector<std::string>& command);
  LaunchedCommand(LaunchedCommand&& other) noexcept;
  LaunchedCommand& operator=(LaunchedCommand&&) = delete;
  ~LaunchedCommand();

  pid_t pid() const { return pid_; }
  // Readable (poll) when the child has ended.
  int pidfd() const { return pidfd_.get(); }

  // Lets the child execute the command. The error has the errno of execve(2) as its code.
  Result<void> release();

  // Reaps the child if it has ended: its wait status.
  std::optional<int> try_reap();
  void send(int signal) const;

 private:
  LaunchedCommand(pid_t pid, UniqueFd pidfd, UniqueFd gate, UniqueFd failure, std::string name);

  pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd gate_;     // written to: go
  UniqueFd failure_;  // read from: the errno of a failed exec, or its end
  std::string name_;
  bool released_ = false;
};

}  // namespace tc::base
