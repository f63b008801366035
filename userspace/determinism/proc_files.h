// What files under /proc and /sys say inside: texts of a fixed machine, and the host's own texts
// with what differs from run to run taken out.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "determinism/tracee.h"
#include "determinism/world.h"

namespace tc::determinism {

// What becomes of opening `path` (absolute, lexically normal, under /proc or /sys) for reading.
struct ProcFile {
  enum class Kind : std::uint8_t {
    kPass,     // it is the same on every run
    kText,     // `text` in its place
    kMissing,  // it is not to be seen: ENOENT
  };
  Kind kind = Kind::kPass;
  std::string text;
};

// `guest` is who asks: /proc/self is its own.
ProcFile proc_file(World& world, Tracee& guest, std::string_view path);

}  // namespace tc::determinism
