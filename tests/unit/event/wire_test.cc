#include "event/wire.h"

#include <gtest/gtest.h>

#include <cstring>

#include "support/wire_builder.h"

namespace tc::event {
namespace {

constexpr const char* kOpen =
    R"({"event_type":1,"timestamp_ns":5,"pid":7,"path":"/a","resolved":"/b","ret":3})";

tc_file_access& as_open(PackedRecord& bytes) {
  return *reinterpret_cast<tc_file_access*>(bytes.data());
}

TEST(WireRecord, GivesTheBytesOfItsSlices) {
  const PackedRecord bytes = test::packed(kOpen);
  const WireRecord record = test::view(bytes);
  EXPECT_EQ(record.text(record.as<tc_file_access>().path), "/a");
  EXPECT_EQ(record.text(record.as<tc_file_access>().resolved), "/b");
}

TEST(WireRecord, RefusesWhatIsShorterThanAHeader) {
  alignas(8) const std::byte bytes[16] = {};
  EXPECT_FALSE(WireRecord::parse(bytes).ok());
}

TEST(WireRecord, RefusesASizeThatIsNotItsOwn) {
  PackedRecord bytes = test::packed(kOpen);
  as_open(bytes).header.size += 1;
  const auto record = WireRecord::parse(bytes);
  ASSERT_FALSE(record.ok());
  EXPECT_NE(record.error().text().find("says it has"), std::string::npos);
}

TEST(WireRecord, RefusesAnUnknownType) {
  PackedRecord bytes = test::packed(kOpen);
  as_open(bytes).header.type = 99;
  ASSERT_FALSE(WireRecord::parse(bytes).ok());
}

TEST(WireRecord, NamesTheSliceThatLeavesTheRecord) {
  for (const tc_u32 offset : {1U, 8U, 0xfffffff0U}) {
    PackedRecord bytes = test::packed(kOpen);
    as_open(bytes).path.offset = offset;
    const auto record = WireRecord::parse(bytes);
    ASSERT_FALSE(record.ok()) << offset;
    EXPECT_NE(record.error().text().find("path"), std::string::npos);
  }
}

TEST(WireRecord, RefusesALengthThatOverflows) {
  PackedRecord bytes = test::packed(kOpen);
  as_open(bytes).path.length = 0xffffffff;
  EXPECT_FALSE(WireRecord::parse(bytes).ok());
}

TEST(WireRecord, RefusesAStackOfHalfAnAddress) {
  PackedRecord bytes = test::packed(
      R"({"event_type":6,"timestamp_ns":5,"pid":7,"address":"0x10","stack":["0x20"]})");
  reinterpret_cast<tc_symbol_call*>(bytes.data())->stack.length = 4;
  EXPECT_FALSE(WireRecord::parse(bytes).ok());
}

TEST(WireRecord, TellsEvidenceFromBookkeeping) {
  EXPECT_TRUE(is_evidence(TC_EVENT_file_access));
  EXPECT_TRUE(is_evidence(TC_EVENT_lost));
  EXPECT_FALSE(is_evidence(TC_EVENT_memory_mapping));
  EXPECT_FALSE(is_evidence(0));
  EXPECT_EQ(event_name(TC_EVENT_tcp_state), "tcp_state");
  EXPECT_EQ(event_name(77), "");
}

}  // namespace
}  // namespace tc::event
