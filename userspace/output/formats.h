// The formats there are: one row each. --format, its help and the table-driven test follow.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "output/format.h"

namespace tc::output {

struct FormatOptions {
  bool colour = false;
};

struct FormatRow {
  std::string_view name;
  std::string_view help;
  std::unique_ptr<Format> (*make)(const FormatOptions& options);
};

std::span<const FormatRow> formats();
// The row called `name`, or null.
const FormatRow* find_format(std::string_view name);

}  // namespace tc::output
