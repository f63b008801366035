#include "behaviour/baseline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "behaviour/review.h"
#include "log_builder.h"

namespace {

using namespace tc::behaviour;
using namespace tc::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const std::string kExec = exec_record("p1", "/bin/sh");
const std::string kA = open_record("p1", "/a");
const std::string kB = open_record("p1", "/b");

Behaviour run(std::vector<std::string> records) {
  records.insert(records.begin(), kExec);
  return behaviour_of(std::move(records));
}

Baseline learned(const std::vector<Behaviour>& runs, bool calls = false) {
  tc::Result<Baseline> baseline = learn(runs, calls);
  if (!baseline) throw std::runtime_error(baseline.error().text());
  return std::move(baseline).value();
}

std::vector<std::string> told(const std::vector<Change>& changes) {
  std::vector<std::string> texts;
  for (const Change& change : changes)
    texts.push_back((change.added ? "+ " : "- ") + change.fact.text() +
                    (change.runs.empty() ? "" : " " + change.runs));
  return texts;
}

std::vector<std::string> check(const Baseline& baseline, const std::vector<Behaviour>& runs) {
  const auto result = check_runs(baseline, "base", runs);
  if (!result) return {result.error().text()};
  EXPECT_EQ(result->report.same, result->report.changes.empty());
  // What is proposed has nothing to say about the same runs.
  const auto again = check_runs(result->updated, "base", runs);
  EXPECT_TRUE(again->report.same);
  return told(result->report.changes);
}

TEST(Baseline, IsSortedLinesThatReadBack) {
  const std::vector<Behaviour> runs = {run({kA, kB}), run({kA}), run({kB, kA})};
  const Baseline baseline = learned(runs);
  const std::string text = write_baseline(baseline);
  EXPECT_EQ(
      text,
      R"({"calls":"all","command":["sh","x.sh"],"event":"baseline","profile":"addresses=module","runs":3,"schema":1})"
      "\n"
      R"({"event":"fact","kind":"exec","object":"/bin/sh","risk":"medium","seen":"always","subject":"tc"})"
      "\n"
      R"({"event":"fact","kind":"file read","object":"/a","risk":"low","seen":"always","subject":"sh"})"
      "\n"
      R"({"event":"fact","kind":"file read","object":"/b","risk":"low","runs":2,"seen":"sometimes","subject":"sh"})"
      "\n");
  const auto back = parse_baseline(text, "base");
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(write_baseline(*back), text);
}

TEST(Baseline, KeepsNamesThatAreNoText) {
  const std::string open =
      R"({"args":{"flags":"O_RDONLY"},"call":"openat","event":"syscall","file":{"hex":"2fff"},"thread":"p1"})";
  const std::string text = write_baseline(learned({run({open})}));
  EXPECT_THAT(text, HasSubstr(R"("object":{"hex":"2fff"})"));
  EXPECT_EQ(write_baseline(*parse_baseline(text, "base")), text);
}

TEST(BaselineCheck, FailsOnWhatIsNewAndOnWhatIsMissing) {
  const Baseline baseline = learned({run({kA}), run({kA})});
  EXPECT_THAT(check(baseline, {run({kA})}), IsEmpty());
  EXPECT_THAT(check(baseline, {run({kA, kB})}), ElementsAre("+ file read /b"));
  EXPECT_THAT(check(baseline, {run({kB})}), ElementsAre("- file read /a", "+ file read /b"));
}

TEST(BaselineCheck, LetsBeWhatIsOnlySometimesThere) {
  const Baseline baseline = learned({run({kA, kB}), run({kA})});
  EXPECT_THAT(check(baseline, {run({kA})}), IsEmpty());
  EXPECT_THAT(check(baseline, {run({kA, kB})}), IsEmpty());
}

TEST(BaselineCheck, TellsInHowManyRunsItWas) {
  const Baseline baseline = learned({run({kA})});
  EXPECT_THAT(check(baseline, {run({kA, kB}), run({})}),
              ElementsAre("- file read /a in 1 of 2 runs", "+ file read /b in 1 of 2 runs"));
}

TEST(BaselineCheck, GivesTheLineAndRecordOfBothSides) {
  const Baseline baseline = *parse_baseline(write_baseline(learned({run({kA})})), "base");
  const auto result = check_runs(baseline, "base", std::vector<Behaviour>{run({kB})});
  ASSERT_TRUE(result);
  const Change& gone = result->report.changes[0];
  EXPECT_EQ(gone.file, "base");
  EXPECT_EQ(gone.fact.line, 3U);
  const Change& added = result->report.changes[1];
  EXPECT_EQ(added.file, "log");
  EXPECT_EQ(added.fact.line, 3U);
  EXPECT_EQ(added.fact.record, kB);
}

TEST(BaselineCheck, RefusesAnotherProfile) {
  const Baseline baseline = learned({run({kA})});
  const LogText raw = {.records = {kExec, kA}, .profile = "addresses=raw"};
  EXPECT_THAT(check(baseline, {behaviour_of(raw)}),
              ElementsAre(HasSubstr("normalisation profiles differ")));
}

TEST(BaselineCheck, MindsTheNamesOfCallsOnlyWhenTheyArePinned) {
  const std::vector<Behaviour> before = {run({kA})};
  const std::vector<Behaviour> after = {run({kA, call_record("p1", "getpid", "")})};
  EXPECT_THAT(check(learned(before), after), IsEmpty());
  EXPECT_THAT(check(learned(before, true), after), ElementsAre("+ syscall getpid"));
}

TEST(BaselineCheck, TakesTheBackgroundForNoEffect) {
  const Baseline baseline = learned({run({open_record("p1", "/etc/ld.so.cache")})});
  EXPECT_EQ(baseline.facts.size(), 1U);
  EXPECT_THAT(check(baseline, {run({open_record("p1", "/etc/nsswitch.conf")})}), IsEmpty());
}

// --- the file ------------------------------------------------------------------------------------

std::string error_of(const std::string& text) {
  const auto result = parse_baseline(text, "base");
  return result ? "no error" : result.error().text();
}

std::string good() { return write_baseline(learned({run({kA, kB})})); }

std::string with(const std::string& from, const std::string& to) {
  std::string text = good();
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("no " + from);
  return text.replace(at, from.size(), to);
}

TEST(BaselineFile, ErrorsNameThePlaceAndAWayOn) {
  EXPECT_EQ(error_of(good()), "no error");
  EXPECT_THAT(error_of(""), StartsWith("base:1:1: error: [baseline] the file is empty; "));
  EXPECT_THAT(error_of("hello\n"), StartsWith("base:1:1: error: [syntax] "));
  EXPECT_THAT(error_of(good().substr(0, good().size() - 3)),
              StartsWith("base:4:92: error: [end-of-line] "));
  EXPECT_THAT(error_of(with("\"schema\":1", "\"schema\":2")),
              StartsWith("base:1:1: error: [schema] schema 2: written by a newer tc"));
  EXPECT_THAT(error_of(with("\"event\":\"baseline\"", "\"event\":\"stream_start\"")),
              StartsWith("base:1:1: error: [baseline] not a baseline"));
  EXPECT_THAT(error_of(with("\"runs\":1", "\"runs\":0")), StartsWith("base:1:1: error: [runs] "));
  EXPECT_THAT(error_of(with("\"kind\":\"exec\"", "\"kind\":\"odd\"")),
              StartsWith("base:2:1: error: [kind] no kind of effect \"odd\""));
  EXPECT_THAT(error_of(with("\"seen\":\"always\"", "\"seen\":\"never\"")),
              StartsWith("base:2:1: error: [seen] "));
  EXPECT_THAT(error_of(with("{\"event\":\"fact\"", "{ \"event\":\"fact\"")),
              StartsWith("base:2:2: error: [whitespace] "));
  EXPECT_THAT(error_of(with("\"object\":\"/a\"", "\"object\":\"/c\"")),
              AllOf(StartsWith("base:4:1: error: [order] "), HasSubstr("LC_ALL=C sort -u")));
  EXPECT_THAT(error_of(with("\"object\":\"/a\"", "\"object\":\"/b\"")),
              StartsWith("base:4:1: error: [order] the line stands here twice"));
  EXPECT_THAT(error_of("<<<<<<< ours\n"), StartsWith("base:1:1: error: [merge] "));
}

// --- accepting and reviewing ---------------------------------------------------------------------

struct Proposal {
  Baseline baseline;
  Baseline proposed;
};

Proposal proposal(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  Baseline baseline = learned({run(before)});
  auto result = check_runs(baseline, "base", std::vector<Behaviour>{run(after)});
  if (!result) throw std::runtime_error(result.error().text());
  // By way of the file, as a user has it.
  auto proposed = parse_baseline(write_baseline(result->updated), "base.new");
  if (!proposed) throw std::runtime_error(proposed.error().text());
  return {std::move(baseline), std::move(proposed).value()};
}

TEST(Proposal, TakesAnExecTogetherWithWhatItBrought) {
  Proposal it =
      proposal({kA}, {kA, kB, fork_record("p1", "p1.1"), exec_record("p1.1", "/usr/bin/id"),
                      open_record("p1.1", "/etc/passwd")});
  const std::vector<Change> changes = changes_between(it.baseline, it.proposed);
  EXPECT_THAT(told(changes), ElementsAre("+ exec /usr/bin/id", "+ file read /b"));
  EXPECT_TRUE(is_named(changes[0], "exec /usr/bin/id"));
  EXPECT_TRUE(is_named(changes[0], "/usr/bin/id"));
  EXPECT_FALSE(is_named(changes[0], "/usr/bin"));
  apply_change(changes[0], it.proposed, it.baseline);
  EXPECT_THAT(told(changes_between(it.baseline, it.proposed)), ElementsAre("+ file read /b"));
  // The evidence does not get into the baseline.
  EXPECT_EQ(write_baseline(it.baseline).find("evidence"), std::string::npos);
}

TEST(Proposal, TellsWhenAlwaysBecomesSometimes) {
  const Baseline baseline = learned({run({kA}), run({kA})});
  const auto result = check_runs(baseline, "base", std::vector<Behaviour>{run({kA}), run({})});
  EXPECT_THAT(told(changes_between(baseline, result->updated)),
              ElementsAre("+ file read /a now sometimes"));
}

ReviewOutcome review_with(Proposal& it, std::vector<std::string> answers, std::string& said) {
  std::size_t next = 0;
  return review(it.baseline, it.proposed,
                {.say = [&](const std::string& text) { said += text; },
                 .listen = [&]() -> std::optional<std::string> {
                   if (next == answers.size()) return std::nullopt;
                   return answers[next++];
                 }});
}

TEST(Review, DoesWithEachChangeAsItIsTold) {
  Proposal it = proposal({kA}, {kB, open_record("p1", "/c")});
  std::string said;
  // Gone /a, new /b, new /c.
  const ReviewOutcome outcome = review_with(it, {"a", "?", "e", "r", "s"}, said);
  EXPECT_EQ(outcome.accepted, 1U);
  EXPECT_EQ(outcome.rejected, 1U);
  EXPECT_EQ(outcome.left, 1U);
  EXPECT_THAT(said, HasSubstr("a  accept"));
  EXPECT_THAT(said, HasSubstr(R"("file":"/b")"));
  EXPECT_THAT(told(changes_between(it.baseline, it.proposed)), ElementsAre("+ file read /c"));
  EXPECT_EQ(write_baseline(it.baseline).find("/a"), std::string::npos);
}

TEST(Review, LeavesTheRestWhenNobodyAnswersAnyMore) {
  Proposal it = proposal({kA}, {kB});
  std::string said;
  const ReviewOutcome outcome = review_with(it, {"a"}, said);
  EXPECT_EQ(outcome.accepted, 1U);
  EXPECT_EQ(outcome.left, 1U);
}

}  // namespace
