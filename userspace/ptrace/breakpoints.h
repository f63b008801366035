// Breakpoints: places in files, as int3 instructions in the memory of one address space. Each is
// good for one hit; then the byte that belongs there is put back.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "proc/maps.h"
#include "ptrace/memory.h"

namespace tc::ptrace {

// A place in a file, told by Reached with its index in the tracer's options.
struct Place {
  std::string file;  // absolute path
  std::uint64_t file_offset = 0;
};

class Breakpoints {
 public:
  // Sets those places that `mappings` have and that were not set in this address space before.
  void set(const Memory& memory, std::span<const proc::Mapping> mappings,
           std::span<const Place> places);

  // A SIGTRAP came with the instruction pointer at `ip`: was it one of ours? Then the byte is put
  // back and the thread has to go on at `ip` - 1. `place` only for the first thread that came.
  struct Hit {
    std::optional<std::uint32_t> place;
  };
  std::optional<Hit> hit(const Memory& memory, std::uint64_t ip);

  // Puts all bytes back.
  void clear(const Memory& memory);

 private:
  struct Original {
    char byte;
    std::uint32_t place;
  };
  std::map<std::uint64_t, Original> set_;  // by address
  std::set<std::uint64_t> spent_;          // threads may still be on their way to tell
};

}  // namespace tc::ptrace
