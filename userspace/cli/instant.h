// Points in time as people write them, for --epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tc::cli {

// Nanoseconds since 1970-01-01T00:00:00Z of "@SECONDS", with a fraction if wanted, or of an RFC
// 3339 time: "2025-01-01T12:00:00Z", "2025-01-01 12:00:00.5+01:00"; "2025-01-01" is its midnight in
// UTC. Nothing when it is none of these, or not in the years 1970 to 2200.
std::optional<std::int64_t> parse_instant(std::string_view text);

}  // namespace tc::cli
