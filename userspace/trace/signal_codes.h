// The names of si_code: why a signal was sent (sigaction(2)).
#pragma once

#include <cstdint>
#include <string_view>

namespace tc::trace {

// "SI_USER", "CLD_EXITED", "SEGV_MAPERR"; empty for a code without a name.
std::string_view signal_code_name(std::uint32_t signal, std::int32_t code);

// Is it sent for something at an address (si_addr)?
bool has_fault_address(std::uint32_t signal, std::int32_t code);

}  // namespace tc::trace
