// What a program finds around itself when it begins, beside files: variables, limits, signals, and
// which file its name stands for. All of it fixed, wherever tc was started.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/options.h"

namespace tc::sandbox {

// "NAME=VALUE" in the order of the bytes, as --base-env and --env have it.
std::vector<std::string> guest_environment(const Options& options);

// The file that the command's name stands for: along the guest's PATH, then along ours; the name
// itself when neither has it or when it has a slash. Called inside, where the command starts.
std::string guest_program(const Options& options);

// In the process that will execute the command: limits, umask, priority, signals, session, layout
// of memory, no open file but the three standard ones once it has executed. What the host does not
// let us set stays as it is. To be called before a seccomp filter is installed.
void prepare_guest_process(const Options& options);

}  // namespace tc::sandbox
