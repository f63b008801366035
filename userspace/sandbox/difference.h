// The first line in which two files differ.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace tc::sandbox {

struct Difference {
  std::uint64_t line = 0;  // from 1
  // Without line ends, and not more than a few kilobytes of each, around the byte that differs;
  // nothing where a file has ended.
  std::optional<std::string> first;
  std::optional<std::string> second;
};

// Of two descriptors that can be read at any position; nothing when the files are equal.
Result<std::optional<Difference>> first_difference(int first, int second);

}  // namespace tc::sandbox
