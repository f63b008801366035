#include "event/pack.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "event/names.h"
#include "event/wire.h"
#include "support/wire_builder.h"

namespace tc::event {
namespace {

std::string problem_of(std::string_view image) {
  const auto record = pack(nlohmann::json::parse(image));
  return record.ok() ? std::string() : record.error().text();
}

TEST(Pack, TakesEveryEvidenceTypeByNumberAndByName) {
  for (const NamedValue& row : names_of(tc_event_type{})) {
    nlohmann::json image = {{"event_type", row.value}, {"timestamp_ns", 1}, {"pid", 2}};
    EXPECT_EQ(problem_of(image.dump()), "") << row.name;
    image["event_type"] = std::string(row.name);
    EXPECT_EQ(problem_of(image.dump()), "") << row.name;
  }
}

TEST(Pack, KeepsNumbersAbove2To53) {
  const PackedRecord bytes = test::packed(
      R"({"event_type":5,"timestamp_ns":18446744073709551615,"pid":2,"bytes":"0xffffffffffffffff"})");
  const WireRecord record = test::view(bytes);
  EXPECT_EQ(record.header().time_ns, ~0ULL);
  EXPECT_EQ(record.as<tc_ssl_op>().bytes, ~0ULL);
}

TEST(Pack, NamesTheMemberAndWhatItWanted) {
  EXPECT_NE(problem_of(R"({"event_type":1,"flags":"O_NONSENSE"})").find("\"flags\""),
            std::string::npos);
  EXPECT_NE(problem_of(R"({"event_type":1,"ret":"x"})").find("a signed 64-bit integer"),
            std::string::npos);
  EXPECT_NE(problem_of(R"({"event_type":3,"new_state":"OPEN"})").find("ESTABLISHED"),
            std::string::npos);
  EXPECT_NE(problem_of(R"({"event_type":3,"local_address":"1.2.3"})").find("IPv4"),
            std::string::npos);
  EXPECT_NE(problem_of(R"({"event_type":1,"comm":"sixteen-bytes-ab"})").find("15 bytes"),
            std::string::npos);
  EXPECT_NE(problem_of(R"({"event_type":1,"pid":4294967296})").find("fits"), std::string::npos);
  EXPECT_NE(problem_of(R"({"event_type":2,"argv":["a\u0000b"]})").find("NUL"), std::string::npos);
}

TEST(Pack, RefusesAMemberTheEventDoesNotHave) {
  const std::string problem = problem_of(R"({"event_type":1,"argv":[]})");
  EXPECT_NE(problem.find("\"argv\""), std::string::npos);
  EXPECT_NE(problem.find("resolved"), std::string::npos) << "lists those it has";
}

TEST(Pack, WantsToKnowWhen) {
  EXPECT_NE(problem_of(R"({"event_type":1,"pid":2})").find("timestamp_ns"), std::string::npos);
}

TEST(Pack, RefusesATypeThatIsNone) {
  EXPECT_NE(problem_of(R"({"event_type":4294967297})").find("events.def"), std::string::npos);
  EXPECT_NE(problem_of(R"({"event_type":"nothing"})").find("events.def"), std::string::npos);
  EXPECT_NE(problem_of(R"({"pid":1})").find("missing"), std::string::npos);
  EXPECT_NE(problem_of(R"([1])").find("object"), std::string::npos);
}

TEST(PackAll, CountsEventsFromOne) {
  const auto records = pack_all(
      nlohmann::json::parse(R"([{"event_type":1,"timestamp_ns":1},{"event_type":1,"pid":-1}])"),
      "f.json");
  ASSERT_FALSE(records.ok());
  EXPECT_TRUE(records.error().text().starts_with("f.json: event 2 (file_access): "))
      << records.error().text();
}

}  // namespace
}  // namespace tc::event
