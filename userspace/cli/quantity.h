// Sizes and durations as people write them: 64K, 16M, 500ms, 2m.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace tc::cli {

// Bytes: a number with an optional K, M or G (powers of 1024; "KiB" and "KB" mean the same).
std::optional<std::size_t> parse_size(std::string_view text);

// A number with ms, s, m or h; without a unit, seconds. Fractions are allowed: 1.5s.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// The same with ns and us, to the nanosecond.
std::optional<std::chrono::nanoseconds> parse_fine_duration(std::string_view text);

}  // namespace tc::cli
