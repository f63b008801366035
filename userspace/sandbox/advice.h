// Where a difference between two runs may come from, and the option that takes it away.
#pragma once

#include <string>
#include <vector>

#include "sandbox/options.h"

namespace tc::sandbox {

// What the options and the host let through, the most likely first: `call` is the system call whose
// event was the first to differ, and `event` that event; both empty when not known.
std::vector<std::string> advise(const Options& options, const std::string& call,
                                const std::string& event, const std::vector<std::string>& weaker);

}  // namespace tc::sandbox
