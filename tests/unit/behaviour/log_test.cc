#include "behaviour/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log_builder.h"

namespace {

using namespace tc;
using namespace tc::behaviour;
using namespace tc::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string error_of(const std::string& text) {
  const TextFile file(text);
  const auto result = read_log(file.path(), [](const LogLine&) {});
  if (result) return "no error";
  std::string error = result.error().text();
  const std::size_t at = error.find(file.path());
  return at == 0 ? error.substr(file.path().size()) : error;
}

LogText small() {
  return {.records = {exec_record("p1", "/bin/sh"), open_record("p1", "/a"), exit_record("p1", 0)}};
}

TEST(Log, HandsOverEveryRecordWithItsThread) {
  const TextFile file(small().text());
  std::vector<std::string> seen;
  const auto summary = read_log(file.path(), [&](const LogLine& line) {
    seen.push_back(fmt::format("{} {} {}", line.number, line.event, line.thread));
  });
  ASSERT_TRUE(summary) << summary.error().text();
  EXPECT_THAT(seen, ElementsAre("2 process_exec p1", "3 syscall p1", "4 process_exit p1"));
  EXPECT_THAT(summary->header.command, ElementsAre("sh", "x.sh"));
  EXPECT_EQ(summary->header.profile, "addresses=module");
  EXPECT_EQ(summary->records, 3U);
}

TEST(Log, NamesThePlaceWhereItWasCut) {
  const std::string text = small().text();
  EXPECT_THAT(error_of(text.substr(0, text.rfind("{\"event\":\"stream_end\""))),
              StartsWith(":5:1: error: [truncated] "));
  EXPECT_THAT(error_of(text.substr(0, text.size() - 5)), HasSubstr(": error: [end-of-line] "));
  EXPECT_THAT(error_of(""), HasSubstr(": error: [truncated] "));
}

TEST(Log, FindsAChangedByteByTheDigest) {
  std::string text = small().text();
  text.replace(text.find("\"/a\""), 4, "\"/b\"");
  EXPECT_THAT(error_of(text), AllOf(StartsWith(":5:"), HasSubstr("error: [sha256] ")));
}

TEST(Log, RefusesWhatIsNotCanonical) {
  std::string text = small().text();
  text.replace(text.find("{\"args\""), 1, "{ ");
  EXPECT_THAT(error_of(text), StartsWith(":3:2: error: [whitespace] "));
}

TEST(Log, RefusesANewerSchemaWithAWayOn) {
  LogText log = small();
  log.schema = 2;
  EXPECT_THAT(error_of(log.text()),
              AllOf(HasSubstr("error: [schema] schema 2"), HasSubstr("at least as new")));
}

TEST(Log, RefusesEvidenceOfAnotherKind) {
  LogText log = small();
  log.source = "observe";
  EXPECT_THAT(error_of(log.text()), StartsWith(":1:1: error: [source] evidence of tc observe"));
}

TEST(Log, RefusesThreadsOutOfTheOrderThatItPromises) {
  LogText log = {.records = {open_record("p1.1", "/a"), open_record("p1", "/b")}};
  EXPECT_THAT(error_of(log.text()), StartsWith(":3:1: error: [order] p1 stands behind p1.1"));
  log.order = "time";
  EXPECT_EQ(error_of(log.text()), "no error");
}

TEST(Log, ReadsTheRecordsOwnKeysAndNotThoseWithin) {
  const std::string record =
      R"({"args":{"event":"NULL","thread":"no","x":",\"call\":\"fake\""},"call":"epoll_ctl","event":"syscall","thread":"p1"})";
  EXPECT_EQ(quick_string(record, "event"), "syscall");
  EXPECT_EQ(quick_string(record, "call"), "epoll_ctl");
  EXPECT_EQ(quick_string(record, "thread"), "p1");
  EXPECT_EQ(quick_string(record, "error"), "");
}

TEST(Log, TellsBytesInAllTheirForms) {
  using Json = nlohmann::json;
  EXPECT_EQ(bytes_of(Json("a")), "a");
  EXPECT_EQ(bytes_of(Json{{"hex", "ff41"}}), "\xff\x41");
  EXPECT_EQ(bytes_of(Json{{"head", "ab"}, {"length", 9}}), "ab…");
  EXPECT_EQ(bytes_of(Json(7)), "7");
}

TEST(Log, SaysWhatMakesLogsIncomparable) {
  const LogHeader one = {.command = {}, .profile = "a", .calls = "all", .order = "tree"};
  LogHeader other = one;
  EXPECT_TRUE(check_comparable(one, "x", other, "y"));
  other.profile = "b";
  EXPECT_THAT(check_comparable(one, "x", other, "y").error().text(),
              AllOf(HasSubstr("profiles differ"), HasSubstr("x: a"), HasSubstr("y: b")));
  other.profile = "a";
  other.calls = "%file";
  EXPECT_THAT(check_comparable(one, "x", other, "y").error().text(), HasSubstr("selections"));
}

}  // namespace
