// One deterministic run of a command.
#pragma once

#include "base/result.h"
#include "guest/events.h"
#include "sandbox/options.h"
#include "sandbox/outcome.h"

namespace tc::sandbox {

// Runs the command to its end in a world of its own. Where it writes, what it answers: `options`.
Result<Outcome> run(const Options& options);

}  // namespace tc::sandbox
