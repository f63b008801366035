#include "json/text.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

namespace {

using namespace std::string_literals;
using tc::json::append_bytes;
using tc::json::append_string;
using tc::json::inspect_text;
using tc::json::is_nfc_utf8;
using tc::json::TextFlaw;

std::string as_string(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

std::string as_bytes(std::string_view bytes) {
  std::string out;
  append_bytes(out, bytes);
  return out;
}

TEST(Text, TakesAsciiOfAnyLength) {
  for (std::size_t size = 0; size < 100; ++size) EXPECT_TRUE(is_nfc_utf8(std::string(size, 'a')));
  EXPECT_TRUE(is_nfc_utf8({}));
  EXPECT_TRUE(is_nfc_utf8("\0\x1f\x7f"s));
}

TEST(Text, TakesComposedCharacters) {
  EXPECT_TRUE(is_nfc_utf8("caf\u00e9"));
  EXPECT_TRUE(is_nfc_utf8("\u65e5\u672c\u8a9e \uac00\uac01 \U0001f600 \u2028"));
  EXPECT_TRUE(is_nfc_utf8("\U0010ffff\ufffe"));
  EXPECT_TRUE(is_nfc_utf8("x\u0301"));       // there is no composed x with acute
  EXPECT_TRUE(is_nfc_utf8("\u0301 alone"));  // a mark without a base stays
}

TEST(Text, RefusesWhatNfcWouldChange) {
  EXPECT_EQ(inspect_text("cafe\u0301").flaw, TextFlaw::kNfc);
  EXPECT_EQ(inspect_text("cafe\u0301").offset, 3U);
  EXPECT_FALSE(is_nfc_utf8("\u00e9\u0327"));   // the cedilla belongs below the acute
  EXPECT_FALSE(is_nfc_utf8("x\u0301\u0327"));  // marks out of order
  EXPECT_FALSE(is_nfc_utf8("\u212b"));         // ångström sign, a singleton
  EXPECT_FALSE(is_nfc_utf8("\u0958"));         // a composition exclusion
  EXPECT_FALSE(is_nfc_utf8("\u1100\u1161"));   // jamo that compose to a syllable
  EXPECT_FALSE(is_nfc_utf8("\uac00\u11a8"));   // a syllable and a final consonant
  EXPECT_FALSE(is_nfc_utf8("\U0001d15e"));     // outside the basic plane
}

TEST(Text, RefusesWhatIsNotUtf8) {
  for (const std::string_view bytes :
       {"\x80", "\xbf", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xe2\x82", "\xf0\x9f\x98", "\xc3\x28", "\xc3\xc3", "\xfe"}) {
    EXPECT_EQ(inspect_text(bytes).flaw, TextFlaw::kUtf8) << testing::PrintToString(bytes);
    EXPECT_EQ(inspect_text("0123456789abcdef" + std::string(bytes)).offset, 16U);
  }
}

// The whole-string normalisation of utf8proc is the reference for the piecewise one.
bool utf8proc_agrees(const std::string& text) {
  auto* const composed = utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str()));
  const bool same = composed != nullptr && text == reinterpret_cast<const char*>(composed);
  std::free(composed);
  return same == is_nfc_utf8(text);
}

TEST(Text, AgreesWithUtf8procOnEveryCodePoint) {
  for (utf8proc_int32_t point = 1; point <= 0x10ffff; ++point) {
    if (point >= 0xd800 && point <= 0xdfff) continue;
    utf8proc_uint8_t bytes[4];
    const auto size = static_cast<std::size_t>(utf8proc_encode_char(point, bytes));
    const std::string text(reinterpret_cast<const char*>(bytes), size);
    ASSERT_TRUE(utf8proc_agrees(text)) << std::hex << point;
    ASSERT_TRUE(utf8proc_agrees("A" + text + "\u0338")) << std::hex << point;
  }
}

TEST(Text, AgreesWithUtf8procOnRandomRunsOfMarks) {
  const std::string_view alphabet[] = {"a",      "e",      "=",      "\u00e9", "\u0301", "\u0327",
                                       "\u0338", "\u1100", "\u1161", "\u11a8", "\uac00", "\u4e00",
                                       "\u0b47", "\u0b3e", "\u0344", "\u1f82", "\u0f73", "\u3099"};
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    // Long ones cross the border between two pieces.
    if (round % 2 == 0) {
      for (int i = 0; i < 85 - round % 3; ++i) text += "\u0b47";
    }
    for (auto length = random() % 6 + 1; length > 0; --length) {
      text += alphabet[random() % std::size(alphabet)];
    }
    ASSERT_TRUE(utf8proc_agrees(text)) << testing::PrintToString(text);
  }
}

TEST(Text, IsLinearInHostileMarks) {
  std::string ordered = "a";
  std::string disordered = "a";
  for (int i = 0; i < 500000; ++i) {
    ordered += "\u0302\u0302";
    disordered += "\u0302\u0327";
  }
  EXPECT_FALSE(is_nfc_utf8(ordered));
  EXPECT_FALSE(is_nfc_utf8(disordered));
  EXPECT_TRUE(is_nfc_utf8("x" + ordered.substr(1)));
}

TEST(Text, EscapesAsLittleAsItCan) {
  EXPECT_EQ(as_string("\b\t\n\f\r\"\\"), R"("\b\t\n\f\r\"\\")");
  EXPECT_EQ(as_string("\0\x01\x0b\x1f"s), R"("\u0000\u0001\u000b\u001f")");
  EXPECT_EQ(as_string("/\x7f\u2028\u00e9<>&'"), "\"/\x7f\u2028\u00e9<>&'\"");
  EXPECT_EQ(as_string(""), "\"\"");
}

TEST(Text, WritesBytesAsAStringExactlyWhenNfcLeavesThem) {
  EXPECT_EQ(as_bytes("/tmp/caf\u00e9"), "\"/tmp/caf\u00e9\"");
  EXPECT_EQ(as_bytes("e\u0301"), R"({"hex":"65cc81"})");
  EXPECT_EQ(as_bytes("\x80\xFF"), R"({"hex":"80ff"})");
  EXPECT_EQ(as_bytes("\0"s), R"("\u0000")");
  EXPECT_EQ(as_bytes("a line that is long enough\n"), R"("a line that is long enough\n")");
}

TEST(Text, FindsEveryEscapeWhereverItStands) {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      text[at] = '"';
      std::string expected(size, 'x');
      expected.replace(at, 1, "\\\"");
      ASSERT_EQ(as_string(text), "\"" + expected + "\"");
    }
  }
}

}  // namespace
