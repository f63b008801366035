#include "cli/quantity.h"

#include <gtest/gtest.h>

namespace tc::cli {
namespace {

using std::chrono::milliseconds;

TEST(Size, TakesUnitsAsPeopleWriteThem) {
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("64K"), 65536U);
  EXPECT_EQ(parse_size("64k"), 65536U);
  EXPECT_EQ(parse_size("16M"), 16U << 20U);
  EXPECT_EQ(parse_size("16MiB"), 16U << 20U);
  EXPECT_EQ(parse_size("1G"), 1U << 30U);
}

TEST(Size, RefusesEverythingElse) {
  for (const char* text :
       {"", "K", "-1", "1.5M", "64 K", "1T", "99999999999999999999", "20000000000G"})
    EXPECT_FALSE(parse_size(text).has_value()) << text;
}

TEST(Duration, TakesUnitsAndFractions) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("10"), milliseconds(10'000));
  EXPECT_EQ(parse_duration("1.5s"), milliseconds(1500));
  EXPECT_EQ(parse_duration("2m"), milliseconds(120'000));
  EXPECT_EQ(parse_duration("1h"), milliseconds(3'600'000));
}

TEST(Duration, GoesDownToNanosecondsWhereWanted) {
  using std::chrono::nanoseconds;
  EXPECT_EQ(parse_fine_duration("1us"), nanoseconds(1000));
  EXPECT_EQ(parse_fine_duration("250ns"), nanoseconds(250));
  EXPECT_EQ(parse_fine_duration("2"), nanoseconds(2'000'000'000));
  EXPECT_EQ(parse_fine_duration("1.5h"), nanoseconds(5'400'000'000'000));
  EXPECT_FALSE(parse_fine_duration("1d").has_value());
}

TEST(Duration, RefusesEverythingElse) {
  for (const char* text : {"", "5us", "5ns", "s", "-1s", "1 s", "5d", "inf", "nan", "1e300h"})
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
}

}  // namespace
}  // namespace tc::cli
