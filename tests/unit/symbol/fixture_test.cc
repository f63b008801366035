#include "symbol/fixture.h"

#include <gtest/gtest.h>

namespace tc::symbol {
namespace {

std::string fault_of(std::string_view text) {
  const auto fixture = parse_image_fixture(text, "app-symbols.json");
  return fixture ? "no error" : fixture.error().text();
}

// A fixture with `symbol` as its second one.
std::string with_symbol(const std::string& symbol) {
  return R"({"path":"/app","format":"ELF64","symbols":[)"
         R"({"name":"main","address":"0x1000","size":256,"type":"FUNC"},)" +
         symbol + "]}";
}

TEST(ImageFixture, ReadsTheFormatOfTheSeed) {
  const auto fixture = parse_image_fixture(
      R"({"path":"/path/to/binary","format":"ELF64","symbols":[
          {"name":"symbol_name","address":"0x1000","size":256,"type":"FUNC"}],
          "buildId":"C0ffee"})",
      "seed");
  ASSERT_TRUE(fixture.ok()) << fixture.error().text();
  EXPECT_EQ(fixture->path, "/path/to/binary");
  EXPECT_EQ(fixture->image->build_id, "c0ffee");
  EXPECT_EQ(fixture->image->file_offset_to_vaddr(0x1234), 0x1234U);
  const auto match = fixture->image->symbols.lookup(0x10ff);
  ASSERT_TRUE(match.has_value());
  EXPECT_EQ(match->name, "symbol_name");
  EXPECT_EQ(match->offset_in_symbol, 0xffU);
  EXPECT_FALSE(fixture->image->symbols.lookup(0x1100).has_value());
}

TEST(ImageFixture, UsesSegmentsWhenGiven) {
  const auto fixture = parse_image_fixture(
      R"({"path":"/a","format":"ELF32","symbols":[],
          "segments":[{"address":"0x400000","offset":"0x1000","size":8192}]})",
      "app");
  ASSERT_TRUE(fixture.ok());
  EXPECT_EQ(fixture->image->file_offset_to_vaddr(0x1010), 0x400010U);
  EXPECT_EQ(fixture->image->file_offset_to_vaddr(0x10), std::nullopt);
}

TEST(ImageFixture, KeepsFunctionsAlone) {
  const auto fixture = parse_image_fixture(
      with_symbol(R"({"name":"data","address":"0x9000","size":8,"type":"OBJECT"},)"
                  R"({"name":"pick","address":"0x2000","size":8,"type":"IFUNC"})"),
      "app");
  ASSERT_TRUE(fixture.ok());
  EXPECT_EQ(fixture->image->symbols.size(), 2U);
  EXPECT_TRUE(fixture->image->symbols.find("pick").at(0).is_ifunc);
}

TEST(ImageFixture, HonoursBindings) {
  const auto fixture = parse_image_fixture(
      with_symbol(R"({"name":"a","address":"0x1000","size":256,"type":"FUNC","binding":"LOCAL"})"),
      "app");
  ASSERT_TRUE(fixture.ok());
  EXPECT_EQ(fixture->image->symbols.lookup(0x1000)->name, "main");
}

TEST(ImageFixture, NamesTheMemberAtFault) {
  const std::string prefix = "app-symbols.json: error: [symbols] ";
  EXPECT_EQ(fault_of("[]"), prefix + "/: expected an object");
  EXPECT_EQ(fault_of("{}"), prefix + "/path: expected a string");
  EXPECT_EQ(fault_of(R"({"path":"/a","format":"PE","symbols":[]})"),
            prefix + "/format: expected ELF64 or ELF32");
  EXPECT_EQ(fault_of(R"({"path":"/a","format":"ELF64"})"), prefix + "/symbols: expected an array");
  EXPECT_EQ(fault_of(R"({"path":"/a","format":"ELF64","symbols":[],"buildId":"xyz"})"),
            prefix + "/buildId: expected hex digits");
  EXPECT_EQ(fault_of(with_symbol("5")), prefix + "/symbols/1: expected an object");
  const std::string word = "expected \"0x…\" or an integer from 0 on";
  EXPECT_EQ(fault_of(with_symbol(R"({"name":"x","address":"1000","size":1,"type":"FUNC"})")),
            prefix + "/symbols/1/address: " + word);
  EXPECT_EQ(fault_of(with_symbol(R"({"name":"x","address":"0x1","size":-1,"type":"FUNC"})")),
            prefix + "/symbols/1/size: " + word);
  EXPECT_EQ(fault_of(with_symbol(R"({"name":"x","address":"0x1","size":1})")),
            prefix + "/symbols/1/type: expected a string");
}

TEST(ImageFixture, PassesSyntaxErrorsOn) {
  EXPECT_NE(fault_of("{").find("app-symbols.json"), std::string::npos);
}

}  // namespace
}  // namespace tc::symbol
