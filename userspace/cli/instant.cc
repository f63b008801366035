#include "cli/instant.h"

#include <algorithm>
#include <chrono>

#include "base/number.h"

namespace tc::cli {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// A fixed number of digits from the front of `text`, which loses them.
std::optional<unsigned> take_digits(std::string_view& text, std::size_t digits) {
  const auto number = base::parse_unsigned<unsigned>(text.substr(0, digits));
  if (text.size() < digits || !number) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, std::string_view wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(wanted.size());
  return true;
}

// ".25", if it is there: nanoseconds.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  if (!take(text, ".")) return 0;
  std::int64_t nanoseconds = 0;
  std::int64_t unit = kSecond / 10;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    nanoseconds += (text[digits] - '0') * unit;
    unit /= 10;
  }
  text.remove_prefix(digits);
  return digits == 0 ? std::nullopt : std::optional(nanoseconds);
}

std::optional<std::chrono::sys_days> take_date(std::string_view& text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

// "HH:MM", as seconds.
std::optional<std::int64_t> take_minutes(std::string_view& text) {
  const auto hours = take_digits(text, 2);
  if (!hours || *hours > 23 || !take(text, ":")) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return *hours * 3600 + *minutes * 60;
}

// "Z", "+01:00": seconds to subtract.
std::optional<std::int64_t> take_offset(std::string_view& text) {
  if (take(text, "Z") || take(text, "z")) return 0;
  const bool west = take(text, "-");
  if (!west && !take(text, "+")) return std::nullopt;
  const auto seconds = take_minutes(text);
  if (!seconds) return std::nullopt;
  return west ? -*seconds : *seconds;
}

std::optional<std::int64_t> parse_date_and_time(std::string_view text) {
  const auto date = take_date(text);
  if (!date) return std::nullopt;
  std::int64_t seconds = date->time_since_epoch().count() * std::int64_t{86'400};
  if (text.empty()) return seconds * kSecond;
  if (!take(text, "T") && !take(text, "t") && !take(text, " ")) return std::nullopt;
  const auto minutes = take_minutes(text);
  if (!minutes || !take(text, ":")) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second || *second > 59) return std::nullopt;
  const auto fraction = take_fraction(text);
  if (!fraction) return std::nullopt;
  const auto offset = take_offset(text);
  if (!offset || !text.empty()) return std::nullopt;
  seconds += *minutes + *second - *offset;
  return seconds * kSecond + *fraction;
}

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  const auto seconds = base::parse_unsigned(text.substr(0, text.find('.')));
  constexpr std::uint64_t kMost = 8'000'000'000;
  if (!seconds || *seconds > kMost) return std::nullopt;
  text.remove_prefix(std::min(text.size(), text.find('.')));
  const auto fraction = take_fraction(text);
  if (!fraction || !text.empty()) return std::nullopt;
  return static_cast<std::int64_t>(*seconds) * kSecond + *fraction;
}

}  // namespace

std::optional<std::int64_t> parse_instant(std::string_view text) {
  const auto instant = take(text, "@") ? parse_seconds(text) : parse_date_and_time(text);
  constexpr std::int64_t kEnd = 7'258'118'400 * kSecond;  // 2200-01-01T00:00:00Z
  if (!instant || *instant < 0 || *instant >= kEnd) return std::nullopt;
  return instant;
}

}  // namespace tc::cli
