#include "cli/quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/number.h"

namespace tc::cli {

std::optional<std::size_t> parse_size(std::string_view text) {
  for (const std::string_view ending : {"iB", "B"})
    if (text.size() > ending.size() && text.ends_with(ending)) {
      text.remove_suffix(ending.size());
      break;
    }
  constexpr std::array<std::pair<char, unsigned>, 3> kUnits = {{{'K', 10}, {'M', 20}, {'G', 30}}};
  unsigned shift = 0;
  for (const auto& [letter, bits] : kUnits) {
    if (text.empty() || (text.back() & ~0x20) != letter) continue;
    shift = bits;
    text.remove_suffix(1);
    break;
  }
  const auto number = base::parse_unsigned<std::size_t>(text);
  if (!number || *number > std::numeric_limits<std::size_t>::max() >> shift) return std::nullopt;
  return *number << shift;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text.ends_with("ns") || text.ends_with("us")) return std::nullopt;
  const auto duration = parse_fine_duration(text);
  if (!duration) return std::nullopt;
  return std::chrono::round<std::chrono::milliseconds>(*duration);
}

std::optional<std::chrono::nanoseconds> parse_fine_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 7> kUnits = {
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"", 1e9}}};
  double number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || number < 0) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr double kYear = 366.0 * 24 * 3600e9;
  for (const auto& [name, nanoseconds] : kUnits)
    if (unit == name && number * nanoseconds < kYear)
      return std::chrono::nanoseconds(std::llround(number * nanoseconds));
  return std::nullopt;
}

}  // namespace tc::cli
