// A command whose calls are handled by typed functions: the whole of a tool that changes what a
// program is answered is a few handlers and run_with_handlers().
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "guest/handlers.h"

namespace tc::ptrace {

// Runs the command and all that it starts; calls without a handler do not even stop. The wait
// status of the command, when everything has ended.
Result<int> run_with_handlers(const std::vector<std::string>& command,
                              const guest::Handlers& handlers);

}  // namespace tc::ptrace
