#include "output/formats.h"

#include <array>

#include "output/ndjson.h"
#include "output/text.h"

namespace tc::output {
namespace {

constexpr std::array kFormats = {
    FormatRow{"ndjson", "canonical JSON, one record a line, for programs and comparisons",
              make_ndjson},
    FormatRow{"text", "one line a record for people", make_text},
};

}  // namespace

std::span<const FormatRow> formats() { return kFormats; }

const FormatRow* find_format(std::string_view name) {
  for (const FormatRow& row : kFormats)
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace tc::output
