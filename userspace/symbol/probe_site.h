// Where in a function a uprobe costs least. Pure arithmetic on its first bytes.
#pragma once

#include <cstdint>
#include <span>

namespace tc::symbol {

// How many bytes behind the entry of an x86-64 function to place an entry probe: 4 when the
// function begins with endbr64 and a push of a register, else 0. Five or six first bytes suffice.
std::uint64_t probe_offset(std::span<const std::uint8_t> first_bytes);

}  // namespace tc::symbol
