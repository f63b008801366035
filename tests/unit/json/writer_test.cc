#include "json/writer.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::string_literals;
using tc::json::ObjectWriter;

std::string finished(ObjectWriter& writer) {
  std::string out;
  writer.finish(out);
  return out;
}

TEST(ObjectWriter, SortsKeysByBytes) {
  ObjectWriter writer;
  writer.unsigned_integer("pid", 1);
  writer.unsigned_integer("a_b", 2);
  writer.unsigned_integer("container_runtime", 3);
  writer.unsigned_integer("container_id", 4);
  writer.unsigned_integer("a", 5);
  writer.unsigned_integer("a0", 6);
  writer.unsigned_integer("aa", 7);
  writer.unsigned_integer("container", 8);
  EXPECT_EQ(finished(writer), R"({"a":5,"a0":6,"a_b":2,"aa":7,"container":8,"container_id":4,)"
                              R"("container_runtime":3,"pid":1})");
}

TEST(ObjectWriter, WritesNumbersToTheirLimits) {
  ObjectWriter writer;
  writer.unsigned_integer("a", std::numeric_limits<std::uint64_t>::max());
  writer.signed_integer("b", std::numeric_limits<std::int64_t>::min());
  writer.signed_integer("c", -1);
  writer.unsigned_integer("d", (std::uint64_t{1} << 53U) + 1);
  writer.unsigned_integer("e", 0);
  EXPECT_EQ(finished(writer),
            R"({"a":18446744073709551615,"b":-9223372036854775808,"c":-1,"d":9007199254740993,)"
            R"("e":0})");
}

TEST(ObjectWriter, WritesWordsInLowerHexWithoutZerosInFront) {
  ObjectWriter writer;
  writer.word("a", 0);
  writer.word("b", 0xABC);
  writer.word("c", std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(finished(writer), R"({"a":"0x0","b":"0xabc","c":"0xffffffffffffffff"})");
}

TEST(ObjectWriter, WritesTextBytesAndBooleans) {
  ObjectWriter writer;
  writer.text("a", "say \"\n\"");
  writer.bytes("b", "\xff");
  writer.boolean("c", true);
  writer.boolean("d", false);
  writer.bytes("e", {});
  writer.text("f", "\x80");
  EXPECT_EQ(finished(writer),
            R"({"a":"say \"\n\"","b":{"hex":"ff"},"c":true,"d":false,"e":"","f":{"hex":"80"}})");
}

TEST(ObjectWriter, WritesArraysOfByteStrings) {
  ObjectWriter writer;
  writer.byte_strings("argv", std::vector<std::string>{"cat", "", "e\u0301"});
  writer.byte_strings("none", std::vector<std::string_view>{});
  EXPECT_EQ(finished(writer), R"({"argv":["cat","",{"hex":"65cc81"}],"none":[]})");
}

TEST(ObjectWriter, SortsNestedObjectsToo) {
  ObjectWriter writer;
  writer.object("z", [](ObjectWriter& z) {
    z.unsigned_integer("b", 1);
    z.object("a", [](ObjectWriter& a) {
      a.text("y", "1");
      a.text("x", "2");
    });
    z.object("empty", [](ObjectWriter&) {});
  });
  const std::array<std::uint64_t, 2> offsets = {16, 17};
  writer.objects("stack", offsets, [](ObjectWriter& frame, std::uint64_t offset) {
    frame.word("offset", offset);
    frame.text("module", "libc");
  });
  writer.objects("nothing", std::vector<int>{}, [](ObjectWriter&, int) {});
  EXPECT_EQ(finished(writer),
            R"({"nothing":[],"stack":[{"module":"libc","offset":"0x10"},)"
            R"({"module":"libc","offset":"0x11"}],"z":{"a":{"x":"2","y":"1"},"b":1,"empty":{}}})");
}

TEST(ObjectWriter, StartsOverAfterFinish) {
  ObjectWriter writer;
  writer.unsigned_integer("b", 1);
  writer.unsigned_integer("a", 1);
  std::string out;
  writer.finish(out);
  writer.finish(out);
  writer.unsigned_integer("c", 2);
  writer.finish(out);
  EXPECT_EQ(out, R"({"a":1,"b":1}{}{"c":2})");
}

TEST(ObjectWriter, TakesNamesMadeAtRunTime) {
  ObjectWriter writer;
  const std::string name = "argument_" + std::to_string(3);
  writer.unsigned_integer(std::string_view(name), 1);
  EXPECT_EQ(finished(writer), R"({"argument_3":1})");
}

TEST(ObjectWriter, GrowsWithItsValues) {
  ObjectWriter writer;
  const std::string large(100000, 'x');
  writer.text("b", large);
  writer.byte_strings("a", std::vector<std::string>(100, std::string(100, '\x01')));
  const std::string out = finished(writer);
  EXPECT_EQ(out.size(), sizeof(R"({"a":[],"b":""})") - 1 + 100000 + 100 * 603 - 1);
}

using ObjectWriterDeathTest = testing::Test;

TEST_F(ObjectWriterDeathTest, TakesTheSameKeyTwiceForABug) {
  for (const std::string_view other : {"a", "b", "z"}) {
    ObjectWriter writer;
    writer.unsigned_integer("b", 1);
    if (other != "b") writer.unsigned_integer(other, 1);
    writer.unsigned_integer("b", 2);
    std::string out;
    EXPECT_DEATH(writer.finish(out), "bug");
  }
}

TEST_F(ObjectWriterDeathTest, TakesABadNameForABug) {
  for (const std::string_view name : {"", "A", "1a", "_a", "a-b", "a\"", "\u00e9"}) {
    EXPECT_DEATH(tc::json::Key{name}, "bug") << name;
  }
}

}  // namespace
