// Bell: ends a waitpid(2) for any child from another thread, without a signal handler and without
// a race: it is a child of tc that does nothing, and ringing ends it.
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace tc::ptrace {

class Bell {
 public:
  static Result<Bell> hang();
  Bell(Bell&& other) noexcept;
  Bell& operator=(Bell&&) = delete;
  ~Bell();

  // From any thread, any number of times.
  void ring() const;
  // waitpid() told the end of `pid`: was it the bell's? It is reaped then.
  bool is_rung_by(pid_t pid);

 private:
  Bell(pid_t pid, UniqueFd pidfd, UniqueFd lifeline);

  pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd lifeline_;  // its end tells the child that tc is gone
};

}  // namespace tc::ptrace
