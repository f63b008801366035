#include "trace/idle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tc::trace {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Told {
  std::vector<std::string> lines;
  std::vector<std::vector<std::string>> idle;
};

// One line a character: W waits and gets something, I waits in vain.
Told fold_rounds(const std::string& characters) {
  Told told;
  IdleFolder folder;
  const auto take = [&](std::string_view line) { told.lines.emplace_back(line); };
  for (const char c : characters) {
    using Kind = IdleFolder::Kind;
    folder.add(std::string(1, c),
               c == 'W'   ? Kind::kWait
               : c == 'I' ? Kind::kIdleWait
                          : Kind::kOther,
               take);
  }
  folder.finish(take, [&](std::span<const std::string> lines) {
    told.idle.emplace_back(lines.begin(), lines.end());
  });
  return told;
}

TEST(IdleFolder, KeepsWhatNoLoopDoes) {
  const Told told = fold_rounds("abcabc");
  EXPECT_THAT(told.lines, ElementsAre("a", "b", "c", "a", "b", "c"));
  EXPECT_THAT(told.idle, IsEmpty());
}

TEST(IdleFolder, TellsIdleRoundsOnceAndLast) {
  const Told told = fold_rounds("sIxyIxyWaIxyWbW");
  EXPECT_THAT(told.lines, ElementsAre("s", "W", "a", "W", "b", "W"));
  EXPECT_THAT(told.idle, ElementsAre(ElementsAre("I", "x", "y")));
}

TEST(IdleFolder, TakesIdleWorkOutOfBusyRounds) {
  EXPECT_THAT(fold_rounds("IxyWaxybW").lines, ElementsAre("W", "a", "b", "W"));
}

TEST(IdleFolder, TellsDifferentIdleRoundsInOneOrder) {
  EXPECT_EQ(fold_rounds("IxIxyIW").idle, fold_rounds("IxyIIxW").idle);
  EXPECT_EQ(fold_rounds("IxIxyIW").idle.size(), 3U);
}

TEST(IdleFolder, GivesTheSameForAnyNumberOfIdleRounds) {
  EXPECT_EQ(fold_rounds("IxyWaIxyWbW").lines, fold_rounds("IxyIxyIxyWaWbxyIxyW").lines);
}

TEST(IdleFolder, HandsOverARoundThatIsNone) {
  const Told told = fold_rounds("W" + std::string(IdleFolder::kLongestRound + 10, 'a'));
  EXPECT_EQ(told.lines.size(), IdleFolder::kLongestRound + 11);
}

}  // namespace
}  // namespace tc::trace
