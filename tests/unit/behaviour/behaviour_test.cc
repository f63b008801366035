#include "behaviour/behaviour.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log_builder.h"

namespace {

using namespace tc::behaviour;
using namespace tc::test;
using testing::ElementsAre;
using testing::HasSubstr;

std::string strongest(const std::vector<std::string>& before,
                      const std::vector<std::string>& after) {
  const Comparison comparison = compare(behaviour_of(before), behaviour_of(after));
  // Each level that is weaker holds as well, but for the calls.
  bool held = false;
  for (const Level level :
       {Level::kBytes, Level::kSequences, Level::kFolded, Level::kEvents, Level::kEffects}) {
    EXPECT_TRUE(!held || comparison.at(level)) << level_name(level);
    held = held || comparison.at(level);
  }
  const std::optional<Level> level = comparison.strongest();
  return level ? std::string(level_name(*level)) : "none";
}

const std::string kExec = exec_record("p1", "/bin/sh");
const std::string kA = open_record("p1", "/a");
const std::string kB = open_record("p1", "/b");
const std::string kPoll = call_record("p1", "poll", "");
const std::string kExit = exit_record("p1", 0);

TEST(Levels, ReportTheStrongestThatHolds) {
  EXPECT_EQ(strongest({kExec, kA, kExit}, {kExec, kA, kExit}), "bytes");
  EXPECT_EQ(strongest({kExec, kPoll, kExit}, {kExec, kPoll, kPoll, kPoll, kExit}), "folded");
  EXPECT_EQ(strongest({kExec, kA, kB, kExit}, {kExec, kB, kA, kExit}), "events");
  EXPECT_EQ(strongest({kExec, kA, kExit}, {kExec, kA, kPoll, kExit}), "effects");
  EXPECT_EQ(strongest({kExec, kA, kExit}, {kExec, kB, kExit}), "calls");
  EXPECT_EQ(strongest({kExec, kA, kExit}, {kExec, kB, kPoll, kExit}), "status");
  EXPECT_EQ(strongest({kExec, kA, kExit}, {kExec, kB, kPoll, exit_record("p1", 1)}), "none");
}

TEST(Levels, SequencesDoNotCareAboutTheOrderOfThreadsInTime) {
  LogText one = {.records = {open_record("p1", "/a"), open_record("p1/1", "/b")}, .order = "time"};
  LogText other = {.records = {open_record("p1/1", "/b"), open_record("p1", "/a")},
                   .order = "time"};
  const Comparison comparison = compare(behaviour_of(one), behaviour_of(other));
  EXPECT_EQ(comparison.strongest(), Level::kSequences);
}

TEST(Levels, EventsMayMoveToAnotherThread) {
  const std::string first = fork_record("p1", "p1/1");
  const std::string second = fork_record("p1", "p1/2");
  EXPECT_EQ(strongest({first, second, open_record("p1/1", "/a"), open_record("p1/2", "/b")},
                      {first, second, open_record("p1/1", "/b"), open_record("p1/2", "/a")}),
            "events");
}

TEST(Levels, AreFoundByName) {
  EXPECT_EQ(find_level("effects"), Level::kEffects);
  EXPECT_EQ(find_level("feelings"), std::nullopt);
}

TEST(Comparison, CountsTheLinesThatDifferAndNamesTheFirst) {
  const Comparison comparison =
      compare(behaviour_of({kExec, kA, kB, kExit}), behaviour_of({kExec, kB, kExit}));
  EXPECT_EQ(comparison.lines, 7U);
  EXPECT_EQ(comparison.difference, (LineDifference{1, true}));
  ASSERT_EQ(comparison.threads.size(), 1U);
  EXPECT_EQ(comparison.threads[0].thread, "p1");
  EXPECT_EQ(comparison.threads[0].before_first, 3U);
  EXPECT_EQ(comparison.threads[0].after_first, 3U);
}

TEST(Comparison, CountsAThreadThatIsOnlyInOne) {
  const Comparison comparison =
      compare(behaviour_of({kExec, open_record("p1.1", "/x")}), behaviour_of({kExec}));
  EXPECT_EQ(comparison.difference.lines, 1U);
  EXPECT_EQ(comparison.threads[0].before_first, 3U);
  EXPECT_EQ(comparison.threads[0].after_first, 0U);
}

TEST(Comparison, NamesTheCallsThatAProgramTookUp) {
  const Comparison comparison = compare(behaviour_of({kExec, kA}), behaviour_of({kExec, kPoll}));
  ASSERT_EQ(comparison.calls.size(), 1U);
  EXPECT_EQ(comparison.calls[0].program, "sh");
  EXPECT_THAT(comparison.calls[0].added, ElementsAre("poll"));
  EXPECT_THAT(comparison.calls[0].gone, ElementsAre("openat"));
}

TEST(Behaviour, IsVoidWhenRecordsWereLost) {
  LogText log = {.records = {R"({"count":2,"event":"lost","reason":"ring_full"})", kA}, .lost = 2};
  const TextFile file(log.text());
  const auto refused = read_behaviour(file.path(), Loss::kRefuse);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text(),
              AllOf(HasSubstr("2 records were lost"), HasSubstr("--allow-loss")));
  EXPECT_TRUE(read_behaviour(file.path(), Loss::kAllow));
}

}  // namespace
