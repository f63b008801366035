#include "json/validator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "json/writer.h"

namespace {

using namespace std::string_literals;
using tc::json::Finding;
using tc::json::ObjectWriter;
using tc::json::Sha256;
using tc::json::StreamValidator;
using tc::json::Summary;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kStart = R"({"event":"stream_start","schema":1})";

struct Judgement {
  std::vector<std::string> findings;  // "LINE:COLUMN id"
  std::vector<std::string> texts;
  Summary summary;
};

Judgement judge(std::string_view stream, std::size_t chunk = std::string_view::npos,
                std::size_t line_limit = StreamValidator::kLineLimit) {
  Judgement judgement;
  StreamValidator validator(
      [&](const Finding& finding) {
        judgement.findings.push_back(std::to_string(finding.line) + ":" +
                                     std::to_string(finding.column) + " " + finding.id);
        judgement.texts.push_back(finding.text);
      },
      line_limit);
  for (std::size_t at = 0; at < stream.size(); at += std::min(chunk, stream.size())) {
    validator.feed(stream.substr(at, chunk));
  }
  judgement.summary = validator.finish();
  EXPECT_EQ(judgement.summary.findings, judgement.findings.size());
  return judgement;
}

std::string stream_end(std::string_view before, std::uint64_t records, std::uint64_t lost = 0) {
  Sha256 sha;
  sha.update(before);
  ObjectWriter writer;
  writer.text("event", "stream_end");
  writer.unsigned_integer("lost", lost);
  writer.unsigned_integer("records", records);
  writer.text("sha256", sha.hex());
  std::string line;
  writer.finish(line);
  return line + "\n";
}

// A stream with these lines inside, whole whatever the lines.
std::string stream_of(const std::vector<std::string>& lines, std::uint64_t lost = 0) {
  std::string stream = kStart + "\n"s;
  for (const std::string& line : lines) stream += line + "\n";
  return stream + stream_end(stream, lines.size(), lost);
}

// The findings in a stream with this one record inside, "COLUMN id" each.
std::vector<std::string> findings_in(const std::string& line) {
  std::vector<std::string> findings;
  for (const std::string& finding : judge(stream_of({line})).findings) {
    EXPECT_EQ(finding.substr(0, 2), "2:") << line;
    findings.push_back(finding.substr(2));
  }
  return findings;
}

// The findings in the value of a record whose value starts at column 6.
std::vector<std::string> findings_in_value(const std::string& value) {
  return findings_in(R"({"a":)" + value + R"(,"event":"x"})");
}

TEST(StreamValidator, TakesACanonicalStream) {
  const std::string stream = stream_of({R"({"argv":["cat",{"hex":"80"}],"event":"x"})",
                                        R"({"event":"y","nested":{"a":{},"b":[]}})"});
  const Judgement judgement = judge(stream);
  EXPECT_THAT(judgement.findings, IsEmpty());
  EXPECT_TRUE(judgement.summary.complete);
  EXPECT_EQ(judgement.summary.records, 2U);
  EXPECT_EQ(judgement.summary.lost, 0U);
}

TEST(StreamValidator, TakesEveryCanonicalValue) {
  for (const std::string value :
       {"0", "-1", "9007199254740993", "18446744073709551615", "-9223372036854775808", "true",
        "false", "\"\"", "[]", "{}", "[[],{}]", "\"\\b\\t\\n\\f\\r\\\"\\\\\\u0000\\u001f\"",
        "\"\x7f\u2028/\u00e9\"", "\"x\u0301\"", "\"\\n\u0303\"", "{\"hex\":\"80\"}",
        "{\"hex\":\"65cc81\"}", "\"a string that is longer than sixteen bytes\""}) {
    EXPECT_THAT(findings_in_value(value), IsEmpty()) << value;
  }
}

TEST(StreamValidator, FindsNumbersThatAreNoIntegersOf64Bits) {
  for (const std::string value :
       {"1.0", "1e3", "-1.5E-3", "-0", "18446744073709551616", "99999999999999999999",
        "-9223372036854775809", "100000000000000000000000"}) {
    EXPECT_THAT(findings_in_value(value), ElementsAre("6 number")) << value;
  }
  EXPECT_THAT(findings_in_value("01"), ElementsAre("6 number"));
  EXPECT_THAT(findings_in_value("-01"), ElementsAre("7 number"));
  EXPECT_THAT(findings_in_value("00"), ElementsAre("6 number"));
}

TEST(StreamValidator, FindsTimesThatAreNone) {
  EXPECT_THAT(findings_in(R"({"event":"x","time_ns":5})"), IsEmpty());
  EXPECT_THAT(findings_in(R"({"event":"x","time_ns":-5})"), ElementsAre("24 time"));
  EXPECT_THAT(findings_in(R"({"event":"x","time_ns":"5"})"), ElementsAre("24 time"));
}

TEST(StreamValidator, FindsNull) { EXPECT_THAT(findings_in_value("null"), ElementsAre("6 null")); }

TEST(StreamValidator, FindsEscapesThatAreNotMinimal) {
  for (const std::string value :
       {R"("\/")", R"("\u0041")", R"("\u00e9")", R"("\u000a")", R"("\u001F")", R"("\ud800")",
        R"("\ud83d")", R"("\u007f")", R"("\u2028")", R"("\x")", R"("\u12")", R"("\u")",
        "\"\\\u00e9\""}) {
    EXPECT_THAT(findings_in_value(value), ElementsAre("7 escape")) << value;
  }
  EXPECT_THAT(findings_in_value(R"("\ud83d\ude00")"), ElementsAre("7 escape", "13 escape"));
}

TEST(StreamValidator, FindsRawControls) {
  EXPECT_THAT(findings_in_value("\"a\x1f\""), ElementsAre("8 escape"));
  EXPECT_THAT(findings_in_value("\"\t\""), ElementsAre("7 escape"));
  EXPECT_THAT(findings_in_value("\"\0\""s), ElementsAre("7 escape"));
  EXPECT_THAT(findings_in_value("\"a\rb\""), ElementsAre("8 escape"));
}

TEST(StreamValidator, FindsBytesThatAreNotUtf8) {
  EXPECT_THAT(findings_in_value("\"a\x80\""), ElementsAre("8 utf8"));
  EXPECT_THAT(findings_in_value("\"\xed\xa0\x80\""), ElementsAre("7 utf8"));
  EXPECT_THAT(findings_in_value("\"\xc3\""), ElementsAre("7 utf8"));
  EXPECT_THAT(findings_in_value("\"\x80\\n\x80\""), ElementsAre("7 utf8"));
}

TEST(StreamValidator, FindsTextThatIsNotNfc) {
  EXPECT_THAT(findings_in_value("\"e\u0301\""), ElementsAre("7 nfc"));
  EXPECT_THAT(findings_in_value("\"cafe\\n\u212b\""), ElementsAre("13 nfc"));
}

TEST(StreamValidator, FindsWhiteSpaceOncePerLine) {
  EXPECT_THAT(findings_in(R"({"a": 1,"event":"x"})"), ElementsAre("6 whitespace"));
  EXPECT_THAT(findings_in("{ \"a\"\t: [ 1 , 2 ] , \"event\" : \"x\" } "),
              ElementsAre("2 whitespace"));
  EXPECT_THAT(findings_in(" {\"event\":\"x\"}"), ElementsAre("1 whitespace"));
  EXPECT_THAT(findings_in("{\"event\":\"x\"} "), ElementsAre("14 whitespace"));
  EXPECT_THAT(findings_in("{\"a\":{ },\"event\":\"x\"}"), ElementsAre("7 whitespace"));
}

TEST(StreamValidator, FindsKeysOutOfOrder) {
  EXPECT_THAT(findings_in(R"({"event":"x","a":1})"), ElementsAre("14 key-order"));
  EXPECT_THAT(findings_in(R"({"container_runtime":"x","container_id":"y","event":"x"})"),
              ElementsAre("26 key-order"));
  EXPECT_THAT(findings_in(R"({"container_id":"y","container_runtime":"x","event":"x"})"),
              IsEmpty());
  EXPECT_THAT(findings_in(R"({"a":{"b":1,"a":1},"event":"x"})"), ElementsAre("13 key-order"));
}

TEST(StreamValidator, FindsAKeyThatIsThereTwice) {
  EXPECT_THAT(findings_in(R"({"a":1,"a":2,"event":"x"})"), ElementsAre("8 duplicate-key"));
  EXPECT_THAT(findings_in(R"({"container_id":1,"container_id":2,"event":"x"})"),
              ElementsAre("19 duplicate-key"));
  EXPECT_THAT(findings_in(R"({"a":{"a":1},"b":{"a":1},"event":"x"})"), IsEmpty());
}

// The check remembers the keys of the line before; what it remembers must not hide a flaw.
TEST(StreamValidator, FindsFlawsInALineThatBeginsLikeTheOneBefore) {
  const std::string good =
      R"({"a_key_of_more_than_sixteen_bytes":1,"b":2,"c":3,"event":"x","f":4})";
  const std::vector<std::pair<std::string, std::string>> flawed = {
      {R"({"a_key_of_more_than_sixteen_bytes":1,"c":3,"b":2,"event":"x","f":4})", "3:45 key-order"},
      {R"({"a_key_of_more_than_sixteen_bytes":1,"b":2,"b":3,"event":"x","f":4})",
       "3:45 duplicate-key"},
      {R"({"a_key_of_more_than_sixteen_byteZ":1,"b":2,"c":3,"event":"x","f":4})", "3:2 key-name"},
      {R"({"a_key_of_more_than_sixteen_bytes":1,"b" :2,"c":3,"event":"x","f":4})",
       "3:42 whitespace"},
      {R"({"a_key_of_more_than_sixteen_bytes":1,"b":2,"c";3,"event":"x","f":4})", "3:48 syntax"},
  };
  for (const auto& [line, finding] : flawed) {
    // Twice the same flaw: it must not be learned either.
    const Judgement judgement = judge(stream_of({good, line, line, good}));
    ASSERT_EQ(judgement.findings.size(), 2U) << line;
    EXPECT_EQ(judgement.findings[0], finding) << line;
    EXPECT_EQ(judgement.findings[1], "4" + finding.substr(1)) << line;
  }
}

TEST(StreamValidator, FindsKeysThatAreNoNames) {
  for (const std::string key :
       {"", "A", "1a", "_a", "a-b", "a b", "\u00e9", "a_key_of_many_bytesX"}) {
    EXPECT_THAT(findings_in(R"({"a":{")" + key + R"(":1},"event":"x"})"), ElementsAre("7 key-name"))
        << key;
  }
  EXPECT_THAT(findings_in(R"({"a_name_of_more_than_sixteen_bytes":1,"event":"x"})"), IsEmpty());
}

TEST(StreamValidator, FindsBrokenSyntaxAndGoesOn) {
  for (const std::string line : {"[]",
                                 "1",
                                 "x",
                                 "{",
                                 "{\"a\"",
                                 "{\"a\":",
                                 "{\"a\":1",
                                 "{\"a\":1,",
                                 "{\"a\":1,}",
                                 "{a:1}",
                                 "{\"a\":tru}",
                                 "{\"a\":+1}",
                                 "{\"a\":-}",
                                 "{\"a\":.5}",
                                 "{\"a\":[1,]}",
                                 "{\"a\":[1{}]}",
                                 "{\"a\":[",
                                 "{\"a\":[1",
                                 "{\"a\":\"x",
                                 "{\"a\":\"x\\",
                                 "{\"a",
                                 "{\"event\":\"x\"}{}",
                                 "{\"event\":\"x\"},",
                                 "{\"a\":NaN}",
                                 "{\"a\":truex}",
                                 "{,}",
                                 "{\"a\":\v1}"}) {
    const Judgement judgement = judge(stream_of({line, R"({"event":"y","x":null})"}));
    ASSERT_GE(judgement.findings.size(), 2U) << line;
    EXPECT_THAT(judgement.findings.front(), testing::HasSubstr(" syntax")) << line;
    EXPECT_EQ(judgement.findings.back(), "3:18 null") << line;
  }
}

TEST(StreamValidator, FindsNestingDeeperThan64) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth - 1, '[') + std::string(depth - 1, ']');
  };
  EXPECT_THAT(findings_in_value(nested(64)), IsEmpty());
  EXPECT_THAT(findings_in_value(nested(65)), ElementsAre("69 syntax"));
  EXPECT_THAT(findings_in_value(std::string(100000, '[')), ElementsAre("69 syntax"));
  std::string objects;
  for (int i = 0; i < 64; ++i) objects += "{\"a\":";
  EXPECT_THAT(findings_in_value(objects), ElementsAre(std::to_string(6 + 63 * 5) + " syntax"));
}

TEST(StreamValidator, FindsHexThatShouldNotBe) {
  EXPECT_THAT(findings_in_value(R"({"hex":"FF"})"), ElementsAre("13 hex"));
  EXPECT_THAT(findings_in_value(R"({"hex":"f"})"), ElementsAre("13 hex"));
  EXPECT_THAT(findings_in_value(R"({"hex":"fg"})"), ElementsAre("13 hex"));
  EXPECT_THAT(findings_in_value(R"({"hex":""})"), ElementsAre("13 hex"));
  EXPECT_THAT(findings_in_value(R"({"hex":"61"})"), ElementsAre("13 hex"));
  EXPECT_THAT(findings_in_value(R"({"hex":"c3a9"})"), ElementsAre("13 hex"));
  EXPECT_THAT(findings_in_value(R"({"hex":1})"), ElementsAre("13 hex"));
  EXPECT_THAT(findings_in_value(R"({"hex":["80"]})"), ElementsAre("13 hex"));
  EXPECT_THAT(findings_in_value(R"({"hex":"80","z":1})"), ElementsAre("13 hex"));
  EXPECT_THAT(findings_in_value(R"([{"hex":"80"},{"hex":"61"}])"), ElementsAre("27 hex"));
}

TEST(StreamValidator, FindsARecordWithoutItsEvent) {
  EXPECT_THAT(findings_in("{}"), ElementsAre("1 event"));
  EXPECT_THAT(findings_in(R"({"a":{"event":"x"}})"), ElementsAre("1 event"));
  EXPECT_THAT(findings_in(R"({"event":1})"), ElementsAre("10 event"));
}

TEST(StreamValidator, FindsEveryFlawOfALine) {
  EXPECT_THAT(findings_in(R"({"event":"x","b":null,"a":01})"),
              ElementsAre("14 key-order", "18 null", "23 key-order", "27 number"));
}

TEST(StreamValidator, FindsAByteOrderMarkOnlyAtTheStart) {
  const std::string stream = "\xef\xbb\xbf"s + kStart + "\n";
  EXPECT_THAT(judge(stream + stream_end(stream, 0)).findings, ElementsAre("1:1 bom"));
  EXPECT_THAT(findings_in("\xef\xbb\xbf{\"event\":\"x\"}"), ElementsAre("1 syntax"));
  // Columns count the mark's bytes.
  EXPECT_THAT(judge("\xef\xbb\xbf {}").findings, testing::Contains("1:4 whitespace"));
}

TEST(StreamValidator, FindsEmptyLinesWhichAreNoRecords) {
  const std::string stream = kStart + "\n\n\r\n"s;
  EXPECT_THAT(judge(stream + stream_end(stream, 0)).findings,
              ElementsAre("2:1 empty-line", "3:1 end-of-line", "3:1 empty-line"));
}

TEST(StreamValidator, FindsLinesThatDoNotEndInLineFeed) {
  EXPECT_THAT(findings_in("{\"event\":\"x\"}\r"), ElementsAre("14 end-of-line"));
  std::string stream = stream_of({});
  stream.pop_back();
  const Judgement judgement = judge(stream);
  ASSERT_EQ(judgement.findings.size(), 1U);
  EXPECT_EQ(judgement.findings[0],
            "2:" + std::to_string(stream.size() - stream.find('\n')) + " end-of-line");
  EXPECT_TRUE(judgement.summary.complete);
}

TEST(StreamValidator, FindsALineThatIsTooLong) {
  const std::string fits = R"({"event":"x"})";
  const std::string stream =
      stream_of({fits, R"({"a":")" + std::string(200, 'x') + R"(","event":"x"})", fits});
  for (const std::size_t chunk : {1U, 7U, 64U, 1000U}) {
    EXPECT_THAT(judge(stream, chunk, 150).findings, ElementsAre("3:151 line-length")) << chunk;
  }
}

TEST(StreamValidator, FindsAStreamThatDoesNotStart) {
  const std::string line = R"({"event":"x"})"
                           "\n";
  EXPECT_THAT(judge(line + stream_end(line, 1)).findings, ElementsAre("1:1 stream-start"));
  EXPECT_THAT(judge(stream_end("", 0)).findings, ElementsAre("1:1 stream-start"));
  EXPECT_THAT(findings_in(kStart), ElementsAre("1 stream-start"));
  const std::string bare = "{\"event\":\"stream_start\"}\n";
  EXPECT_THAT(judge(bare + stream_end(bare, 0)).findings, ElementsAre("1:1 stream-start"));
}

TEST(StreamValidator, NamesANewerSchema) {
  const std::string start = "{\"event\":\"stream_start\",\"schema\":2}\n";
  const Judgement judgement = judge(start + stream_end(start, 0));
  EXPECT_THAT(judgement.findings, ElementsAre("1:34 schema"));
  EXPECT_THAT(judgement.texts[0],
              testing::HasSubstr("written by a newer tc; this one knows schema 1"));
}

TEST(StreamValidator, FindsACutStream) {
  EXPECT_THAT(judge("").findings, ElementsAre("1:1 truncated"));
  EXPECT_THAT(judge(kStart + "\n"s).findings, ElementsAre("2:1 truncated"));
  EXPECT_THAT(judge(kStart + "\n{\"event\":\"x"s).findings,
              ElementsAre("2:12 end-of-line", "2:12 syntax", "3:1 truncated"));
  EXPECT_FALSE(judge(kStart + "\n"s).summary.complete);
}

TEST(StreamValidator, FindsRecordsAfterTheEndOnce) {
  const std::string stream = stream_of({});
  EXPECT_THAT(judge(stream + stream).findings, ElementsAre("3:1 after-end"));
  EXPECT_THAT(judge(stream + "{\"event\":null}\n").findings,
              ElementsAre("3:10 null", "3:10 event", "3:1 after-end"));
}

TEST(StreamValidator, FindsAWrongCount) {
  const std::string start = kStart + "\n{\"event\":\"x\"}\n"s;
  const Judgement judgement = judge(start + stream_end(start, 2));
  EXPECT_THAT(judgement.findings, ElementsAre("3:42 count"));
  EXPECT_EQ(judgement.summary.records, 1U);
}

TEST(StreamValidator, CountsBrokenLines) { EXPECT_THAT(findings_in("{"), ElementsAre("2 syntax")); }

TEST(StreamValidator, FindsAWrongDigest) {
  const std::string start = kStart + "\n"s;
  std::string stream = start + "{\"event\":\"y\"}\n" + stream_end(start + "{\"event\":\"x\"}\n", 1);
  EXPECT_THAT(judge(stream).findings, ElementsAre("3:53 sha256"));
  for (char& byte : stream) byte = byte == 'y' ? 'x' : byte;
  EXPECT_THAT(judge(stream).findings, IsEmpty());
}

TEST(StreamValidator, AddsUpLosses) {
  const std::vector<std::string> lines = {R"({"count":3,"event":"lost"})", R"({"event":"x"})",
                                          R"({"count":4,"event":"lost"})",
                                          R"({"count":9,"event":"x"})"};
  EXPECT_THAT(judge(stream_of(lines, 7)).findings, IsEmpty());
  EXPECT_EQ(judge(stream_of(lines, 7)).summary.lost, 7U);
  EXPECT_THAT(judge(stream_of(lines, 6)).findings, ElementsAre("6:30 lost"));
  EXPECT_THAT(judge(stream_of({R"({"event":"lost"})"}, 7)).findings, ElementsAre("2:1 lost"));
  // What a line that cannot be read would have added is not known.
  EXPECT_THAT(judge(stream_of({"{"}, 7)).findings, ElementsAre("2:2 syntax"));
}

TEST(StreamValidator, FindsAnEndWithoutItsAccounts) {
  EXPECT_THAT(judge(kStart + "\n{\"event\":\"stream_end\"}\n"s).findings,
              ElementsAre("2:1 count", "2:1 lost", "2:1 sha256"));
}

TEST(StreamValidator, NeverQuotesWhatATerminalWouldObey) {
  const Judgement judgement = judge(stream_of({"{\"a\x1b[2J\":1,\"a\x1b[2J\":1,\"event\":\"x\"}"}));
  for (const std::string& text : judgement.texts) EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(StreamValidator, FindsTheSameWhereverChunksAreCut) {
  std::string stream = "\xef\xbb\xbf"s + kStart + "\n";
  for (const std::string line :
       {R"({"a":"caf)"
        "\u00e9 e\u0301"
        R"(","event":"x"})",
        "", "{\"event\":\"y\"}\r", "{\"b\": [1.5,null,{\"hex\":\"61\"}],\"a\":\"\\u0041\x80\"}",
        R"({"count":2,"event":"lost"})", "{\"event\":\"z"}) {
    stream += line + "\n";
  }
  stream += stream_end(stream, 9, 9) + "{}\n{\"event";
  const Judgement whole = judge(stream);
  EXPECT_GT(whole.findings.size(), 12U);
  for (std::size_t chunk = 1; chunk < stream.size(); ++chunk) {
    ASSERT_EQ(judge(stream, chunk).findings, whole.findings) << chunk;
  }
}

TEST(StreamValidator, JudgesWhatTheWriterMakes) {
  ObjectWriter writer;
  std::vector<std::string> lines;
  for (int byte = 0; byte < 256; ++byte) {
    writer.bytes("zz", std::string(1, static_cast<char>(byte)));
    writer.byte_strings("argv", std::vector<std::string>{"a\u0301", std::string(20, '"')});
    writer.text("event", "x");
    writer.signed_integer("ret", -byte - 1);
    writer.finish(lines.emplace_back());
  }
  EXPECT_THAT(judge(stream_of(lines)).findings, IsEmpty());
}

}  // namespace
