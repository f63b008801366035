// Warden: the small process between tc and the command it traces. It reaps whatever the command
// leaves behind, and when tc ends without a word, however it ended, it kills the whole tree. It
// shares tc's session, process group and nothing else, and is not traced.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace tc::trace {

class Warden {
 public:
  // Forks the warden and below it the command, which is held before it executes `program`. No
  // other thread may run. `keep_alive`: the tree survives tc.
  static Result<Warden> launch(const std::string& program, const std::vector<std::string>& command,
                               bool keep_alive);
  Warden(Warden&& other) noexcept;
  Warden& operator=(Warden&&) = delete;
  // What is left of the tree is killed, unless it is to be kept alive.
  ~Warden();

  pid_t command_pid() const { return command_pid_; }

  // Lets the command execute its file. The error has the errno of execve(2) as its code.
  Result<void> release();

  // From any thread: send a signal to the command; kill the whole tree.
  void send(int signal) const;
  void kill_tree() const;

  // Readable (poll) when there is something to hear.
  int news() const { return channel_.get(); }
  // Takes in what the warden has said so far; never waits.
  void hear();
  // How the command ended, as wait(2) tells it; nothing yet, or never when the warden was killed.
  std::optional<int> wait_status() const { return wait_status_; }
  // Is nothing of the tree left?
  bool is_tree_gone() const { return gone_; }
  // Was the warden itself killed? Then nothing more is heard.
  bool is_lost() const { return lost_; }

 private:
  struct Report;
  Warden(pid_t pid, UniqueFd channel, std::string name);
  std::optional<Report> next_report();

  pid_t pid_;
  pid_t command_pid_ = -1;
  UniqueFd command_;  // a pidfd
  UniqueFd channel_;  // to the warden
  std::string name_;  // of the command
  std::optional<int> wait_status_;
  bool gone_ = false;
  bool lost_ = false;
};

}  // namespace tc::trace
