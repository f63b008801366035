#include "trace/clock_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace tc::trace {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDay = 86'400;
// Offsets of time zones are multiples of a quarter of an hour.
constexpr std::int64_t kZoneStep = 900;
// The stamp is made before the call that writes it, and the clock may be told rounded.
constexpr std::int64_t kBefore = 3;
constexpr std::int64_t kAfter = 1;
constexpr std::size_t kStamp = 8;  // "HH:MM:SS"

bool is_decimal(char c) { return c >= '0' && c <= '9'; }

// The seconds of the day that "HH:MM:SS" tells, or -1.
std::int64_t seconds_at(std::string_view text) {
  if (text.size() < kStamp || text[2] != ':' || text[5] != ':') return -1;
  for (const std::size_t at : {0U, 1U, 3U, 4U, 6U, 7U})
    if (!is_decimal(text[at])) return -1;
  const auto pair = [&](std::size_t at) -> std::int64_t {
    return std::int64_t{text[at] - '0'} * 10 + (text[at + 1] - '0');
  };
  if (pair(0) > 23 || pair(3) > 59 || pair(6) > 60) return -1;
  return pair(0) * 3600 + pair(3) * 60 + pair(6);
}

bool is_now(std::int64_t seconds, std::int64_t wall) {
  const std::int64_t age = ((wall - seconds) % kZoneStep + kZoneStep) % kZoneStep;
  return age <= kBefore || age >= kZoneStep - kAfter;
}

void replace_all(std::string& text, const std::string& what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), by);
    at += by.size();
  }
}

void replace_dates(std::string& text, std::int64_t wall) {
  // Somewhere it is still yesterday, or tomorrow already.
  for (const std::int64_t days : {-1, 0, 1}) {
    const std::tm day = fmt::gmtime(static_cast<std::time_t>(wall + days * kDay));
    for (const std::string& date :
         {fmt::format("{:%Y-%m-%d}", day), fmt::format("{:%d %b %Y}", day),
          fmt::format("{:%d/%b/%Y}", day), fmt::format("{:%Y/%m/%d}", day)})
      replace_all(text, date, "$DATE");
  }
}

}  // namespace

std::string_view replace_now(std::string_view text, std::int64_t wall_ns, std::string& out) {
  const std::int64_t wall = wall_ns / kSecond;
  out.clear();
  std::size_t copied = 0;
  for (std::size_t colon = text.find(':'); colon != std::string_view::npos;
       colon = text.find(':', colon + 1)) {
    if (colon < copied + 2) continue;
    const std::size_t begin = colon - 2;
    if (begin > 0 && is_decimal(text[begin - 1])) continue;
    const std::int64_t seconds = seconds_at(text.substr(begin));
    if (seconds < 0 || !is_now(seconds, wall)) continue;
    std::size_t end = begin + kStamp;
    if (end < text.size() && is_decimal(text[end])) continue;
    if (end + 1 < text.size() && (text[end] == '.' || text[end] == ',') &&
        is_decimal(text[end + 1]))
      for (++end; end < text.size() && is_decimal(text[end]);) ++end;
    out.append(text.substr(copied, begin - copied)).append("$TIME");
    copied = end;
  }
  if (copied == 0) return text;
  out.append(text.substr(copied));
  replace_dates(out, wall);
  return out;
}

}  // namespace tc::trace
