// The processes of a host and who their parents are, as /proc lists them at one moment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace tc::proc {

struct ProcessLink {
  std::uint32_t pid = 0;
  std::uint32_t parent = 0;
};

// Every process under `root` that could be read, in the order of the directory. One that ends
// meanwhile is left out.
Result<std::vector<ProcessLink>> process_links(const std::string& root = "/proc");

// Is there such a process? A thread's id does not count.
bool process_exists(std::uint32_t pid, const std::string& root = "/proc");

}  // namespace tc::proc
