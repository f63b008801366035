// The seccomp program of a run: what the table of system calls says of each.
#pragma once

#include "sys/filter.h"

namespace tc::sandbox {

// Calls of the policy Pass do not stop, unless `all_stop`; all others do, unknown ones, too. Calls
// through another gate than x86-64's get ENOSYS at once.
sys::FilterProgram sandbox_filter(bool all_stop);

}  // namespace tc::sandbox
