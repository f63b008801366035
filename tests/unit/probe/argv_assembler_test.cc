#include "probe/argv_assembler.h"

#include <gtest/gtest.h>

#include "support/wire_builder.h"

namespace tc::probe {
namespace {

event::PackedRecord chunk(unsigned tid, std::size_t position, const std::string& bytes) {
  return test::packed(fmt::format(
      R"({{"event_type":65,"timestamp_ns":1,"pid":{0},"tid":{0},"position":{1},"bytes":"{2}"}})",
      tid, position, bytes));
}

event::PackedRecord exec(unsigned tid, const std::string& argument, std::size_t missing) {
  return test::packed(fmt::format(
      R"({{"event_type":2,"timestamp_ns":2,"pid":{0},"tid":{0},"argv":["{1}"],"path":"/x","argv_missing":{2}}})",
      tid, argument, missing));
}

TEST(ArgvAssembler, LeavesAShortArgvAlone) {
  ArgvAssembler assembler;
  const event::PackedRecord bytes = exec(1, "a", 0);
  const event::WireRecord record = test::view(bytes);
  EXPECT_EQ(assembler.complete(record).bytes().data(), record.bytes().data());
}

TEST(ArgvAssembler, PutsPiecesBehindTheirBeginning) {
  ArgvAssembler assembler;
  const event::PackedRecord second = chunk(1, 5, "cc");
  const event::PackedRecord first = chunk(1, 2, "bbb");
  assembler.keep(test::view(second));
  assembler.keep(test::view(first));
  const event::PackedRecord bytes = exec(1, "a", 5);  // "a\0" is two bytes
  const event::WireRecord whole = assembler.complete(test::view(bytes));
  const auto& wire = whole.as<tc_process_exec>();
  EXPECT_EQ(whole.text(wire.argv), std::string("a\0bbbcc", 7));
  EXPECT_EQ(wire.argv_missing.value, 0U);
  EXPECT_EQ(whole.text(wire.path), "/x");
}

TEST(ArgvAssembler, StopsAtAHoleAndSaysHowMuchIsMissing) {
  ArgvAssembler assembler;
  const event::PackedRecord last = chunk(1, 5, "cc");
  assembler.keep(test::view(last));
  const event::PackedRecord bytes = exec(1, "a", 5);
  const event::WireRecord whole = assembler.complete(test::view(bytes));
  EXPECT_EQ(whole.text(whole.as<tc_process_exec>().argv), std::string("a\0", 2));
  EXPECT_EQ(whole.as<tc_process_exec>().argv_missing.value, 5U);
}

TEST(ArgvAssembler, KeepsThreadsApart) {
  ArgvAssembler assembler;
  const event::PackedRecord other = chunk(2, 2, "bbb");
  assembler.keep(test::view(other));
  const event::PackedRecord bytes = exec(1, "a", 0);
  EXPECT_EQ(assembler.complete(test::view(bytes)).bytes().size(), bytes.size());
}

}  // namespace
}  // namespace tc::probe
