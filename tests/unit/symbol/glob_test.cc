#include "symbol/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace tc::symbol {
namespace {

TEST(Glob, MatchesPlainTextWhole) {
  EXPECT_TRUE(glob_matches("SSL_read", "SSL_read"));
  EXPECT_FALSE(glob_matches("SSL_read", "SSL_read_ex"));
  EXPECT_FALSE(glob_matches("SSL_read_ex", "SSL_read"));
  EXPECT_TRUE(glob_matches("", ""));
}

TEST(Glob, StarMatchesAnyBytes) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("SSL_*", "SSL_"));
  EXPECT_TRUE(glob_matches("*read*ex", "SSL_read_read_ex"));
  EXPECT_FALSE(glob_matches("*read*ex", "SSL_read_ex_"));
  EXPECT_TRUE(glob_matches("a**b", "ab"));
}

TEST(Glob, QuestionMarkMatchesOneByte) {
  EXPECT_TRUE(glob_matches("exec?e", "execve"));
  EXPECT_FALSE(glob_matches("exec?", "exec"));
}

TEST(Glob, SetsHaveRangesAndNegation) {
  EXPECT_TRUE(glob_matches("open[0-9a]", "open7"));
  EXPECT_FALSE(glob_matches("open[0-9a]", "openb"));
  EXPECT_TRUE(glob_matches("[!_]*", "read"));
  EXPECT_FALSE(glob_matches("[^_]*", "_read"));
  EXPECT_TRUE(glob_matches("[]x]", "]"));
  EXPECT_TRUE(glob_matches("[a-]", "-"));
}

TEST(Glob, AnOpenSetStandsForItself) {
  EXPECT_TRUE(glob_matches("a[b", "a[b"));
  EXPECT_TRUE(glob_matches("operator[", "operator["));
  EXPECT_TRUE(glob_matches("[!", "[!"));
}

TEST(Glob, BackslashQuotes) {
  EXPECT_TRUE(glob_matches("a\\*", "a*"));
  EXPECT_FALSE(glob_matches("a\\*", "ab"));
  EXPECT_TRUE(glob_matches("a\\", "a\\"));
}

TEST(Glob, ManyStarsStayCheap) {
  std::string glob;
  for (int i = 0; i < 50; ++i) glob += "*a";
  EXPECT_FALSE(glob_matches(glob + "b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace tc::symbol
