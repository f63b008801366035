#include "sys/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tc::sys {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::uint32_t number_of(std::string_view name) {
  const Row* row = find_row(name);
  EXPECT_NE(row, nullptr) << name;
  return row == nullptr ? 0 : row->number;
}

CallSelection parsed(std::string_view list) {
  Result<CallSelection> selection = CallSelection::parse(list);
  EXPECT_TRUE(selection.ok()) << (selection ? "" : selection.error().text());
  return selection ? *selection : CallSelection();
}

std::string refusal(std::string_view list) {
  const Result<CallSelection> selection = CallSelection::parse(list);
  return selection ? "accepted" : selection.error().text();
}

TEST(CallSelection, TakesNamesGlobsAndGroups) {
  const CallSelection selection = parsed("openat,re?d,get*,%network");
  for (const Row& row : rows()) {
    const bool wanted = row.name == "openat" || row.name == "read" || row.name.starts_with("get") ||
                        (row.groups & Network) != 0;
    EXPECT_EQ(selection.contains(row.number), wanted) << row.name;
  }
  EXPECT_FALSE(selection.contains(TC_CALLS_MAX));
  EXPECT_FALSE(selection.is_all());
}

TEST(CallSelection, ReadsFromLeftToRight) {
  EXPECT_TRUE(parsed("!%file,openat").contains(number_of("openat")));
  EXPECT_FALSE(parsed("openat,!%file").contains(number_of("openat")));
  EXPECT_TRUE(parsed("%file,!openat").contains(number_of("readlink")));
}

TEST(CallSelection, StartsFromAllWhenTheListBeginsByLeavingOut) {
  const CallSelection selection = parsed("!read");
  EXPECT_FALSE(selection.contains(number_of("read")));
  EXPECT_TRUE(selection.contains(number_of("write")));
  EXPECT_TRUE(selection.contains(TC_CALLS_MAX + 7));
  EXPECT_TRUE(parsed("read").contains(number_of("read")));
  EXPECT_FALSE(parsed("read").contains(number_of("write")));
}

TEST(CallSelection, KnowsWhenItIsAll) {
  EXPECT_TRUE(CallSelection::all().is_all());
  EXPECT_TRUE(parsed("*").is_all());
  EXPECT_EQ(parsed("*"), CallSelection::all());
  EXPECT_EQ(parsed("!*"), CallSelection());
  EXPECT_FALSE(parsed("!read").is_all());
}

TEST(CallSelection, AddsSingleNumbers) {
  CallSelection selection;
  selection.add(3);
  EXPECT_TRUE(selection.contains(3));
  EXPECT_FALSE(selection.contains(4));
  EXPECT_FALSE(selection.contains(UINT64_MAX));
  selection.add(UINT64_MAX);
  EXPECT_TRUE(selection.contains(TC_CALLS_MAX));
}

TEST(CallSelection, TellsNearNames) {
  EXPECT_THAT(refusal("opennat"), AllOf(HasSubstr("\"opennat\""), HasSubstr("openat")));
  EXPECT_THAT(refusal("read,wriet"), AllOf(HasSubstr("\"wriet\""), HasSubstr("write")));
  EXPECT_THAT(refusal("stat64"), HasSubstr("stat"));
  EXPECT_THAT(refusal("qqqqqqqqqqqq"), AllOf(HasSubstr("no system call"), HasSubstr("x86-64")));
}

TEST(CallSelection, RefusesWhatMeansNothing) {
  EXPECT_THAT(refusal("%disk"), AllOf(HasSubstr("%disk"), HasSubstr("%file"), HasSubstr("%time")));
  EXPECT_THAT(refusal(""), HasSubstr("empty"));
  EXPECT_THAT(refusal("read,,write"), HasSubstr("empty"));
  EXPECT_THAT(refusal("!"), HasSubstr("empty"));
  EXPECT_THAT(refusal("zz*zz"), HasSubstr("matches"));
}

TEST(CallSelection, MatchesLongGlobsInReasonableTime) {
  // Exponential in the number of stars for a matcher that tries every way.
  EXPECT_THAT(
      refusal(std::string(2000, '*') + "a*a*a*a*a*a*a*a*a*a*a*b" + std::string(99, '*') + "#"),
      HasSubstr("matches"));
}

}  // namespace
}  // namespace tc::sys
