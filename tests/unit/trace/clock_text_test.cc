#include "trace/clock_text.h"

#include <gtest/gtest.h>

namespace tc::trace {
namespace {

// 2026-11-22 05:36:38 UTC.
constexpr std::int64_t kNow = std::int64_t{1795325798} * 1'000'000'000;

std::string told(std::string_view text) {
  std::string out;
  return std::string(replace_now(text, kNow, out));
}

TEST(ClockText, TellsAStampOfThisMomentAsTime) {
  EXPECT_EQ(told("17:C 22 Nov 2026 05:36:38.388 # up"), "17:C $DATE $TIME # up");
  EXPECT_EQ(told("[2026-11-22T05:36:37,1] x"), "[$DATET$TIME] x");
  EXPECT_EQ(told("- [22/Nov/2026:05:36:38 +0000]"), "- [$DATE:$TIME +0000]");
  EXPECT_EQ(told("05:36:36"), "$TIME");
}

TEST(ClockText, KnowsEveryTimeZone) {
  EXPECT_EQ(told("2026-11-22 11:06:38 IST"), "$DATE $TIME IST");
  EXPECT_EQ(told("2026-11-21 19:36:38 HST"), "$DATE $TIME HST");
  EXPECT_EQ(told("11:21:38 Nepal"), "$TIME Nepal");
}

TEST(ClockText, LeavesOtherTimesAlone) {
  for (const std::string_view text :
       {"05:30:38", "05:36:50", "05:36:30", "105:36:38", "05:36:389", "05:36",
        "a:b:c:::", "99:36:38", "2026-11-22", "::1", "0a:36:38", ""})
    EXPECT_EQ(told(text), text);
}

}  // namespace
}  // namespace tc::trace
