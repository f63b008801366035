#include "sandbox/difference.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

namespace tc::sandbox {
namespace {

UniqueFd file_of(const std::string& text) {
  UniqueFd file(memfd_create("text", MFD_CLOEXEC));
  EXPECT_TRUE(base::write_all(file.get(), text, "text"));
  return file;
}

std::optional<Difference> between(const std::string& a, const std::string& b) {
  const UniqueFd first = file_of(a);
  const UniqueFd second = file_of(b);
  const auto difference = first_difference(first.get(), second.get());
  EXPECT_TRUE(difference);
  return *difference;
}

TEST(Difference, IsNoneOfEqualFiles) {
  EXPECT_FALSE(between("", ""));
  EXPECT_FALSE(between("a\nb\n", "a\nb\n"));
  const std::string large(200'000, 'x');
  EXPECT_FALSE(between(large, large));
}

TEST(Difference, IsTheFirstLine) {
  const auto difference = between("a\nbc\nd\n", "a\nbx\ne\n");
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->line, 2U);
  EXPECT_EQ(difference->first, "bc");
  EXPECT_EQ(difference->second, "bx");
}

TEST(Difference, IsWhereOneEnds) {
  const auto longer = between("a\n", "a\nb\n");
  ASSERT_TRUE(longer);
  EXPECT_EQ(longer->line, 2U);
  EXPECT_EQ(longer->first, std::nullopt);
  EXPECT_EQ(longer->second, "b");
  EXPECT_EQ(between("a\nb", "a\n")->second, std::nullopt);
}

TEST(Difference, IsFoundBehindManyLines) {
  std::string text;
  for (int line = 1; line <= 50'000; ++line) text += "line\n";
  const auto difference = between(text + "x\n", text + "y\n");
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->line, 50'001U);
  EXPECT_EQ(difference->first, "x");
}

TEST(Difference, ShowsOnlyAPartOfALongLine) {
  const std::string text(1'000'000, 'x');
  const auto difference = between(text + "1" + text, text + "2" + text);
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->line, 1U);
  EXPECT_LE(difference->first->size(), 4096U);
  EXPECT_NE(difference->first->find('1'), std::string::npos);
  EXPECT_NE(difference->second->find('2'), std::string::npos);
}

}  // namespace
}  // namespace tc::sandbox
