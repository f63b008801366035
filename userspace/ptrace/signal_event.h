// A signal that is about to be delivered, as a guest event: which of the fields of siginfo_t hold
// (sigaction(2)) depends on where it comes from.
#pragma once

#include <signal.h>

#include <cstdint>

#include "guest/events.h"

namespace tc::ptrace {

guest::Signalled signal_event(guest::Task task, int signal, const siginfo_t& info,
                              std::uint64_t time_ns);

}  // namespace tc::ptrace
