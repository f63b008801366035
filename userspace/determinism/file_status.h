// File status: what stat(2) and statx(2) tell guests of a file: as the host has it, but for
// numbers, times and sizes that differ from host to host and from run to run.
#pragma once

#include <sys/stat.h>

#include <cstdint>

#include "determinism/lookup.h"
#include "determinism/world.h"
#include "sys/abi.h"

namespace tc::determinism {

// The status of a file that the kernel tells `host` of. Attributes, mount and alignment are none.
struct statx told_status(World& world, const struct statx& host, bool is_kernel_view);

// As struct stat has it.
sys::abi::stat to_stat(const struct statx& told);
// As struct statx has it for who asked for `mask`.
sys::abi::statx to_statx(const struct statx& told, std::uint32_t mask);

// What a guest's own call has told it, to be told anew.
struct statx from_stat(const sys::abi::stat& status);
struct statx from_statx(const sys::abi::statx& status);

}  // namespace tc::determinism
