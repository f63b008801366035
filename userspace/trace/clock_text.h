// The time of day within a text that a program writes: a log line's stamp. Recognised by being now,
// not by its looks: a time that the program read from somewhere stays as it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tc::trace {

// `text` with each "HH:MM:SS" that is `wall_ns` (nanoseconds since 1970, in whatever time zone)
// made
// "$TIME", a fraction included, and beside one the date of the day "$DATE": "2026-11-22",
// "22 Nov 2026", "22/Nov/2026". The view is of `text`, or of `out`.
std::string_view replace_now(std::string_view text, std::int64_t wall_ns, std::string& out);

}  // namespace tc::trace
