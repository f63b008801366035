#include "cli/instant.h"

#include <gtest/gtest.h>

namespace tc::cli {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNewYear = 1'735'689'600 * kSecond;  // 2025-01-01T00:00:00Z

TEST(Instant, IsSecondsSince1970) {
  EXPECT_EQ(parse_instant("@0"), 0);
  EXPECT_EQ(parse_instant("@1735689600"), kNewYear);
  EXPECT_EQ(parse_instant("@1.25"), kSecond + kSecond / 4);
  EXPECT_EQ(parse_instant("@0.000000001999"), 1);
}

TEST(Instant, IsADateOrATime) {
  EXPECT_EQ(parse_instant("2025-01-01"), kNewYear);
  EXPECT_EQ(parse_instant("2025-01-01T00:00:00Z"), kNewYear);
  EXPECT_EQ(parse_instant("2025-01-01 00:00:01z"), kNewYear + kSecond);
  EXPECT_EQ(parse_instant("2025-01-01T01:30:00+01:30"), kNewYear);
  EXPECT_EQ(parse_instant("2024-12-31T19:00:00.5-05:00"), kNewYear + kSecond / 2);
  EXPECT_EQ(parse_instant("1970-01-01T00:00:00Z"), 0);
}

TEST(Instant, IsNothingElse) {
  for (const char* text : {"",
                           "@",
                           "@-1",
                           "@1.",
                           "@1x",
                           "@99999999999",
                           "now",
                           "2025",
                           "2025-13-01",
                           "2025-02-30",
                           "2025-01-01T",
                           "2025-01-01T00:00",
                           "2025-01-01T00:00:00",
                           "2025-01-01T24:00:00Z",
                           "2025-01-01T00:00:60Z",
                           "2025-01-01T00:00:00Zx",
                           "1969-12-31T23:59:59Z",
                           "2200-01-01",
                           "2025-01-01T00:00:00+0100",
                           "2025-1-1",
                           "2025-01-01T00:00:00.Z"})
    EXPECT_FALSE(parse_instant(text).has_value()) << text;
}

}  // namespace
}  // namespace tc::cli
