#include "behaviour/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "behaviour/report_formats.h"
#include "log_builder.h"

namespace {

using namespace tc::behaviour;
using namespace tc::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// "+ connect … by sh [2]": with how many facts are folded under it.
std::vector<std::string> changes_of(const std::vector<Change>& changes) {
  std::vector<std::string> texts;
  for (const Change& change : changes) {
    std::string text =
        (change.added ? "+ " : "- ") + change.fact.text() + " by " + change.fact.subject;
    if (!change.folded.empty()) text += fmt::format(" [{}]", change.folded.size());
    texts.push_back(text);
  }
  return texts;
}

Report report_of(const std::vector<std::string>& before, const std::vector<std::string>& after,
                 Level level = Level::kEffects) {
  return report_difference(behaviour_of(before), behaviour_of(after), level);
}

const std::vector<std::string> kBefore = {exec_record("p1", "/bin/sh"),
                                          fork_record("p1", "p1.1"),
                                          exit_record("p1", 0),
                                          exec_record("p1.1", "/bin/cat"),
                                          open_record("p1.1", "/etc/os-release"),
                                          exit_record("p1.1", 0)};

std::vector<std::string> with_one_more_of_each() {
  return {exec_record("p1", "/bin/sh"),
          fork_record("p1", "p1.1"),
          connect_record("p1", "203.0.113.7", 443),
          fork_record("p1", "p1.2"),
          exit_record("p1", 0),
          exec_record("p1.1", "/bin/cat"),
          open_record("p1.1", "/etc/os-release"),
          open_record("p1.1", "/etc/hostname"),
          exit_record("p1.1", 0),
          exec_record("p1.2", "/usr/bin/id"),
          open_record("p1.2", "/etc/ld.so.cache"),
          open_record("p1.2", "/etc/passwd"),
          exit_record("p1.2", 0)};
}

TEST(Report, NamesExactlyWhatIsNewRiskiestFirst) {
  const Report report = report_of(kBefore, with_one_more_of_each());
  EXPECT_FALSE(report.same);
  EXPECT_THAT(changes_of(report.changes),
              ElementsAre("+ connect inet 203.0.113.7:443 tcp by sh",
                          "+ exec /usr/bin/id by sh [3]", "+ file read /etc/hostname by cat"));
  EXPECT_THAT(report.background, IsEmpty());
}

TEST(Report, TellsWhatIsGoneTheSameWay) {
  EXPECT_THAT(changes_of(report_of(with_one_more_of_each(), kBefore).changes),
              ElementsAre("- connect inet 203.0.113.7:443 tcp by sh",
                          "- exec /usr/bin/id by sh [3]", "- file read /etc/hostname by cat"));
}

TEST(Report, DoesNotHideWhomANewProgramTalksTo) {
  std::vector<std::string> after = kBefore;
  after.insert(after.begin() + 2, fork_record("p1", "p1.2"));
  after.insert(after.end(),
               {exec_record("p1.2", "/usr/bin/make"), fork_record("p1.2", "p1.2.1"),
                open_record("p1.2", "/root/.ssh/id_rsa"), open_record("p1.2", "/Makefile"),
                exec_record("p1.2.1", "/usr/bin/gcc"), open_record("p1.2.1", "/x.c"),
                connect_record("p1.2.1", "198.51.100.1", 80)});
  EXPECT_THAT(changes_of(report_of(kBefore, after).changes),
              ElementsAre("+ connect inet 198.51.100.1:80 tcp by gcc",
                          "+ file read /root/.ssh/id_rsa by make",
                          // /Makefile, gcc and /x.c
                          "+ exec /usr/bin/make by sh [3]"));
}

TEST(Report, BackgroundDoesNotDecide) {
  std::vector<std::string> after = kBefore;
  after.insert(after.begin() + 1, open_record("p1", "/etc/nsswitch.conf"));
  const Report report = report_of(kBefore, after);
  EXPECT_TRUE(report.same);
  EXPECT_THAT(report.changes, IsEmpty());
  EXPECT_THAT(changes_of(report.background), ElementsAre("+ file read /etc/nsswitch.conf by sh"));
}

TEST(Report, IsTheSameByTheLevelRequired) {
  std::vector<std::string> after = kBefore;
  after.insert(after.begin() + 1, call_record("p1", "getpid", ""));
  EXPECT_TRUE(report_of(kBefore, after).same);
  EXPECT_FALSE(report_of(kBefore, after, Level::kSequences).same);
  EXPECT_FALSE(report_of(kBefore, after, Level::kCalls).same);
  EXPECT_TRUE(report_of(kBefore, with_one_more_of_each(), Level::kStatus).same);
}

std::string rendered(const Report& report, std::string_view format, const ReportOptions& options) {
  std::string text;
  find_report_format(format)->append(report, options, text);
  return text;
}

TEST(ReportFormats, EachTellsEveryChange) {
  const Report report = report_of(kBefore, with_one_more_of_each());
  for (const ReportFormat& format : report_formats()) {
    const std::string text = rendered(report, format.name, {});
    EXPECT_THAT(text, HasSubstr("203.0.113.7:443")) << format.name;
    EXPECT_THAT(text, HasSubstr("/usr/bin/id")) << format.name;
    EXPECT_THAT(text, HasSubstr("/etc/hostname")) << format.name;
    EXPECT_TRUE(text.ends_with('\n')) << format.name;
  }
}

TEST(ReportFormats, NeverPassOnWhatATerminalObeys) {
  const std::string open =
      R"({"args":{"flags":"O_RDONLY"},"call":"openat","event":"syscall","file":"/\u001b[2J<&>|`","thread":"p1"})";
  const Report report = report_of({kBefore[0]}, {kBefore[0], open});
  for (const ReportFormat& format : report_formats()) {
    const std::string text = rendered(report, format.name, {.all = true, .evidence = true});
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << format.name;
  }
  EXPECT_THAT(rendered(report, "junit", {}), HasSubstr("&lt;&amp;&gt;"));
  EXPECT_THAT(rendered(report, "markdown", {}), HasSubstr("<&>\\|'"));
}

TEST(ReportText, KeepsToTheScreen) {
  std::vector<std::string> after = kBefore;
  for (int i = 0; i < 100; ++i)
    after.insert(after.begin() + 1,
                 open_record("p1", fmt::format("/srv/a/long/path/to/a/file/number-{}", i)));
  after.insert(after.begin() + 1, connect_record("p1", "203.0.113.7", 443));
  const Report report = report_of(kBefore, after);
  ASSERT_THAT(report.changes, SizeIs(101));
  const std::string text = rendered(report, "text", {.width = 80, .height = 24});
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 24);
  EXPECT_THAT(text, HasSubstr("203.0.113.7"));
  EXPECT_THAT(text, HasSubstr("more changes"));
  const std::string whole = rendered(report, "text", {.all = true});
  EXPECT_THAT(whole, HasSubstr("number-99"));
  EXPECT_THAT(whole, HasSubstr("number-0 "));
}

TEST(ReportText, IsInColourOnlyWhenAsked) {
  const Report report = report_of(kBefore, with_one_more_of_each());
  EXPECT_THAT(rendered(report, "text", {}), Not(HasSubstr("\x1b[")));
  EXPECT_THAT(rendered(report, "text", {.colour = true}), HasSubstr("\x1b[31m+ connect"));
}

TEST(ReportText, ShowsTheRecordBehindAChange) {
  const Report report = report_of(kBefore, with_one_more_of_each());
  EXPECT_THAT(rendered(report, "text", {.evidence = true}), HasSubstr(R"("call":"connect")"));
  EXPECT_THAT(rendered(report, "text", {}), HasSubstr("log:4"));
}

TEST(ReportText, TellsTheShareOfLinesThatDiffer) {
  Comparison comparison;
  comparison.lines = 5812;
  comparison.difference = {.lines = 12, .exact = true};
  EXPECT_EQ(differing_lines(comparison), "differing lines: 12 of 5,812 (0.2 %)");
  comparison.difference = {.lines = 1, .exact = false};
  EXPECT_EQ(differing_lines(comparison), "differing lines: at most 1 of 5,812 (< 0.1 %)");
  comparison.difference = {};
  EXPECT_EQ(differing_lines(comparison), "differing lines: 0 of 5,812");
}

TEST(ReportSarif, HasARuleForEachResultAndItsPlace) {
  const Report report = report_of(kBefore, with_one_more_of_each());
  const auto document = nlohmann::json::parse(rendered(report, "sarif", {}));
  const auto& run = document["runs"][0];
  ASSERT_EQ(run["results"].size(), 3U);
  EXPECT_EQ(run["tool"]["driver"]["rules"].size(), 3U);
  const auto& connect = run["results"][0];
  EXPECT_EQ(connect["ruleId"], "connect");
  EXPECT_EQ(connect["level"], "error");
  EXPECT_EQ(connect["baselineState"], "new");
  EXPECT_EQ(connect["locations"][0]["physicalLocation"]["region"]["startLine"], 4);
}

}  // namespace
