#include "json/document.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using tc::json::parse_document;

std::string error_of(std::string_view text) {
  const auto document = parse_document(text, "p.json");
  return document ? "no error" : document.error().text();
}

TEST(Document, ReadsAnyJson) {
  const auto document = parse_document("{\n \"a\": [1, 2.5, null],\n \"b\": {\"a\": 1}\n}\n", "x");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->at("a").size(), 3U);
  EXPECT_EQ(document->at("b").at("a"), 1);
}

TEST(Document, KeepsLargeIntegersExact) {
  const auto document = parse_document("[18446744073709551615,-9223372036854775808]", "x");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->dump(), "[18446744073709551615,-9223372036854775808]");
}

TEST(Document, NamesLineAndByteColumnOfAnError) {
  EXPECT_EQ(error_of("{\n  \"\u00e9\": ]\n}").substr(0, 30), "p.json:2:9: error: [syntax] wh");
  EXPECT_EQ(error_of("[1,\n2,\n").substr(0, 28), "p.json:3:1: error: [syntax] ");
  EXPECT_EQ(error_of("").substr(0, 28), "p.json:1:1: error: [syntax] ");
  EXPECT_EQ(error_of("x").substr(0, 28), "p.json:1:1: error: [syntax] ");
  EXPECT_EQ(error_of("{} x").substr(0, 28), "p.json:1:4: error: [syntax] ");
  EXPECT_EQ(error_of("[\"\x80\"]").substr(0, 28), "p.json:1:3: error: [syntax] ");
}

TEST(Document, SpeaksPlainWords) {
  const std::string text = error_of("{\"a\":}");
  EXPECT_EQ(text.find("json.exception"), std::string::npos) << text;
  EXPECT_EQ(text.find("at line"), std::string::npos) << text;
  EXPECT_NE(text.find("unexpected '}'"), std::string::npos) << text;
}

TEST(Document, RefusesANumberThatIsTooLarge) {
  EXPECT_EQ(error_of("[1e999]").substr(0, 11), "p.json:1:7:");
}

TEST(Document, RefusesAByteOrderMark) {
  EXPECT_EQ(error_of("\xef\xbb\xbf{}"),
            "p.json:1:1: error: [syntax] the file starts with a byte order mark: save it without");
}

TEST(Document, RefusesAKeyThatIsThereTwice) {
  EXPECT_EQ(error_of("{\"a\": 1, \"b\": {\"a\": 2},\n \"a\": 3}"),
            "p.json:2:2: error: [syntax] the key \"a\" is in this object twice");
  EXPECT_EQ(error_of(R"({"a\"":1,"a\"":2})").substr(0, 12), "p.json:1:10:");
  EXPECT_EQ(error_of(R"([{"a":1},{"a":1}])"), "no error");
  EXPECT_EQ(error_of(R"({"":1,"":1})").substr(0, 11), "p.json:1:7:");
}

TEST(Document, RefusesToNestWithoutEnd) {
  EXPECT_EQ(error_of(std::string(256, '[') + std::string(256, ']')), "no error");
  EXPECT_EQ(error_of(std::string(257, '[') + std::string(257, ']')),
            "p.json:1:257: error: [syntax] nested deeper than 256");
  EXPECT_NE(error_of(std::string(1000000, '[')), "no error");
}

}  // namespace
