// CallPlan: what has to be done about each system call, worked out once from its row, so that
// nothing is looked up by name while calls come in.
#pragma once

#include <array>
#include <cstdint>

#include "sys/selection.h"
#include "sys/table.h"
#include "trace/profile.h"

namespace tc::trace {

struct CallPlan {
  bool keeps_books = false;  // Books has to do with it
  bool is_status = false;    // fills in struct stat or statx
  bool reads = false;        // returns bytes of what a descriptor leads to, or entries, or a place
  std::uint8_t late = 0;     // bit N: argument N is written by the kernel
  std::int16_t descriptor = -1;   // the first argument that is one
  std::int16_t entries = -1;      // the argument that is a list of directory entries
  std::int16_t environment = -1;  // the argument that is an environment
  std::int16_t path_count = 0;
  struct Path {
    std::int16_t argument;
    std::int16_t directory;  // the argument it is relative to; -1: the working directory
  };
  std::array<Path, 2> paths{};
};
using CallPlans = std::array<CallPlan, TC_CALLS_MAX>;

CallPlans call_plans();

}  // namespace tc::trace
