// What differs from run to run without saying anything about the program: retries after contention
// and interruption, advisory locks.
#pragma once

#include "event/record.h"

namespace tc::trace {

// Is it a record of that kind? flock(2); futex(2), whose calls only contention makes;
// sched_yield; restart_syscall; any call that a signal interrupted (EINTR, ERESTART…). And SIGCHLD:
// between which two calls it comes is the scheduler's choice; the wait that reaps tells the end.
bool is_variance(const event::Record& record);

}  // namespace tc::trace
