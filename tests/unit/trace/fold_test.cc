#include "trace/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tc::trace {
namespace {

using testing::ElementsAre;

// Folds one line a character: "abab" becomes {"a", "b*2"}.
std::vector<std::string> folded(const std::string& characters) {
  std::vector<std::string> lines;
  const auto take = [&](std::string_view line, std::size_t repeats) {
    lines.emplace_back(line);
    if (repeats > 0) lines.back() += "*" + std::to_string(repeats);
  };
  Folder folder;
  for (const char c : characters) folder.add(std::string(1, c), take);
  folder.finish(take);
  return lines;
}

TEST(Folder, KeepsWhatDoesNotRepeat) {
  EXPECT_THAT(folded("abcab"), ElementsAre("a", "b", "c", "a", "b"));
}

TEST(Folder, TellsARunOnceHoweverOftenItCame) {
  EXPECT_THAT(folded("xababy"), ElementsAre("x", "a", "b*2", "y"));
  EXPECT_EQ(folded("xababy"), folded("xabababababy"));
}

TEST(Folder, FoldsLoopsWithinLoops) {
  EXPECT_THAT(folded("aabaab"), ElementsAre("a*1", "b*2"));
  EXPECT_EQ(folded("aabaaab"), folded("aaaabab"));
}

TEST(Folder, KeepsABeginningOfALoopThatDoesNotFinish) {
  EXPECT_THAT(folded("abcabca"), ElementsAre("a", "b", "c*3", "a"));
}

TEST(Folder, HandsOverLongSequencesWholeAndInOrder) {
  std::vector<std::string> expected;
  Folder folder;
  std::vector<std::string> lines;
  const auto take = [&](std::string_view line, std::size_t) { lines.emplace_back(line); };
  for (int i = 0; i < 1000; ++i) {
    expected.push_back("line " + std::to_string(i));
    folder.add(expected.back(), take);
  }
  EXPECT_LT(expected.size() - lines.size(), 2 * Folder::kLongestRun + 1);
  folder.finish(take);
  EXPECT_EQ(lines, expected);
}

TEST(Folder, DoesNotRecogniseRunsBeyondItsReach) {
  std::vector<std::string> lines;
  const auto take = [&](std::string_view line, std::size_t) { lines.emplace_back(line); };
  Folder folder;
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i <= Folder::kLongestRun; ++i) folder.add(std::to_string(i), take);
  folder.finish(take);
  EXPECT_EQ(lines.size(), 2 * (Folder::kLongestRun + 1));
}

}  // namespace
}  // namespace tc::trace
