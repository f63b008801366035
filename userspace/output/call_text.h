// The records of `tc trace` as people know them from strace: name(arguments) = result.
#pragma once

#include <string>

#include "event/record.h"

namespace tc::output {

// Appends the line of a syscall, signal, process_fork, process_exec, process_exit or repeat record
// of a thread by its creation path, without line feed. False when the record is none of these.
bool append_call_text(const event::Record& record, bool colour, std::string& out);

}  // namespace tc::output
