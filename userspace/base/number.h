// Numbers from text and back, strictly: the whole text or nothing, no locale, no sign surprises.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tc::base {

// The whole of `text` as an unsigned number in `radix` (no prefix, no sign), or nothing.
template <class Unsigned = std::uint64_t>
std::optional<Unsigned> parse_unsigned(std::string_view text, int radix = 10) {
  Unsigned value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, radix);
  if (code != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace tc::base
