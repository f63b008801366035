#include "behaviour/sequence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace {

using namespace tc::behaviour;
using testing::ElementsAre;

using Lines = std::vector<LineHash>;

// Length of the longest common subsequence, by the table of the textbook.
std::uint64_t distance_by_table(const Lines& a, const Lines& b) {
  std::vector<std::vector<std::uint64_t>> table(a.size() + 1,
                                                std::vector<std::uint64_t>(b.size() + 1));
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < b.size(); ++j)
      table[i + 1][j + 1] =
          a[i] == b[j] ? table[i][j] + 1 : std::max(table[i][j + 1], table[i + 1][j]);
  return a.size() + b.size() - 2 * table[a.size()][b.size()];
}

TEST(CountDifferences, AgreesWithTheTextbook) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    Lines a(random() % 30);
    Lines b(random() % 30);
    for (LineHash& line : a) line = 1 + random() % 6;
    for (LineHash& line : b) line = 1 + random() % 6;
    std::uint64_t effort = 1'000'000;
    EXPECT_EQ(count_differences(a, b, effort), (LineDifference{distance_by_table(a, b), true}));
  }
}

TEST(CountDifferences, IsAnUpperBoundWhenTheEffortDoesNotSuffice) {
  std::mt19937 random(7);
  Lines a(20'000);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = i % 3 == 0 ? 1'000 + i : 1 + random() % 50;
  Lines b = a;
  for (int change = 0; change < 2'000; ++change) b[random() % b.size()] = 1 + random() % 50;
  std::uint64_t enough = 4'000'000'000;
  const LineDifference exact = count_differences(a, b, enough);
  std::uint64_t little = 100'000;
  const LineDifference bound = count_differences(a, b, little);
  EXPECT_TRUE(exact.exact);
  EXPECT_FALSE(bound.exact);
  EXPECT_GE(bound.lines, exact.lines);
  EXPECT_LE(bound.lines, 2 * exact.lines);
  EXPECT_LE(little, 100'000U);
}

TEST(CountDifferences, ManagesAMillionLines) {
  Lines a(1'000'000);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = 1 + i * 7919 % 1009;
  Lines b = a;
  for (std::size_t i = 500; i < b.size(); i += 10'000) b[i] = 5'000 + i;
  std::uint64_t effort = 400'000'000;
  EXPECT_EQ(count_differences(a, b, effort), (LineDifference{200, true}));
}

TEST(Folded, TakesRepetitionsOnceFromTheInsideOut) {
  EXPECT_THAT(folded(Lines{1, 2, 2, 2, 3}), ElementsAre(1, 2, 3));
  EXPECT_THAT(folded(Lines{1, 2, 1, 2, 1, 2, 3}), ElementsAre(1, 2, 3));
  EXPECT_THAT(folded(Lines{1, 2, 2, 3, 1, 2, 3, 4}), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(folded(Lines{1, 2, 3}), ElementsAre(1, 2, 3));
}

TEST(Folded, LeavesOutWhatIsNoEvent) {
  EXPECT_THAT(folded(Lines{1, 0, 1, 0, 0, 2}), ElementsAre(1, 2));
}

TEST(Sequence, GivesAnEventTheSameNumberInAnyThreadOfAProgram) {
  const std::string one = R"({"call":"getpid","event":"syscall","thread":"p1/1"})";
  const std::string other = R"({"call":"getpid","event":"syscall","thread":"p1/2"})";
  const auto line = [](const std::string& text) {
    return LogLine{.number = 2,
                   .text = text,
                   .event = quick_string(text, "event"),
                   .thread = quick_string(text, "thread")};
  };
  Sequences sequences;
  add_line(sequences, line(one), "sh");
  add_line(sequences, line(other), "sh");
  EXPECT_NE(sequences.at("p1/1").lines, sequences.at("p1/2").lines);
  EXPECT_EQ(sequences.at("p1/1").events, sequences.at("p1/2").events);
  add_line(sequences, line(one), "cat");
  EXPECT_NE(sequences.at("p1/1").events[0], sequences.at("p1/1").events[1]);
}

TEST(Sequence, TakesContentionAndInterruptionsForNoEvents) {
  for (const char* text :
       {R"({"call":"futex","event":"syscall","thread":"p1"})",
        R"({"call":"read","error":"EINTR","event":"syscall","thread":"p1"})",
        R"({"call":"read","error":"ERESTARTSYS","event":"syscall","thread":"p1"})",
        R"({"event":"repeat","records":2,"thread":"p1"})"}) {
    Sequences sequences;
    add_line(sequences,
             {.number = 2, .text = text, .event = quick_string(text, "event"), .thread = "p1"},
             "sh");
    EXPECT_EQ(sequences.at("p1").events[0], 0U) << text;
    EXPECT_NE(sequences.at("p1").lines[0], 0U) << text;
  }
}

}  // namespace
