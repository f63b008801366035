// Holds writer and schema together: what events.def declares, what goldens contain and what
// userspace/event/schema promises to users are one and the same.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "event/names.h"
#include "event/wire.h"
#include "support/evidence.h"
#include "support/schema_check.h"

namespace tc::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Names = std::set<std::string>;

const SchemaSet& schemas() {
  static const SchemaSet kSchemas =
      SchemaSet::load(std::string(TC_SOURCE_DIR) + "/userspace/event/schema");
  return kSchemas;
}

std::string file_of(std::string_view event) { return std::string(event) + ".schema.json"; }
const Json& properties_of(std::string_view event) {
  return schemas().file(file_of(event)).at("properties");
}

// What decode.cc and the enricher add to the fields of every event.
const Names& common_keys() {
  static const Names kKeys = {"event",  "time_ns", "comm",         "pid",
                              "tid",    "ppid",    "uid",          "exe",
                              "cgroup", "unit",    "container_id", "container_runtime",
                              "pod_uid"};
  return kKeys;
}

// The keys that decode.cc writes a field under.
template <class Field>
Names keys_of(std::string_view name) {
  if constexpr (std::is_same_v<Field, tc_probe_id>) return {};
  if constexpr (std::is_same_v<Field, tc_called>)
    return {std::string(name), "build_id", "module", "offset", "symbol"};
  return {std::string(name)};
}

// Fields whose every value is written: absence would mean a value.
template <class Field>
constexpr bool kIsAlwaysWritten =
    std::is_same_v<Field, tc_i32> || std::is_same_v<Field, tc_u32> ||
    std::is_same_v<Field, tc_u64> || std::is_same_v<Field, tc_result> ||
    std::is_same_v<Field, tc_open_flags>;

// visitor(event name, field name, field) for every field of every evidence event.
template <class Visitor>
void for_each_field(Visitor&& visitor) {
  for (std::uint32_t type = 0; type < TC_EVENT_ID_LIMIT; ++type) {
    if (!event::is_evidence(type)) continue;
    event::with_event_struct(type, [&]<class Event>() {
      const Event sample{};
      event::visit_fields(sample, [&](std::string_view field_name, const auto& field) {
        visitor(event::event_name(type), field_name, field);
      });
    });
  }
}

Names evidence_events() {
  Names events;
  for_each_field(
      [&](std::string_view event, std::string_view, const auto&) { events.emplace(event); });
  return events;
}

Names keys_in(const Json& object) {
  Names keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

// Every record of every golden, with the file it stands in.
std::vector<std::pair<std::string, Json>> golden_records() {
  std::vector<std::pair<std::string, Json>> records;
  const std::string directory = std::string(TC_SOURCE_DIR) + "/golden/ebpf";
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    for_each_line(entry.path(), [&](std::string_view line) {
      records.emplace_back(entry.path().filename(), Json::parse(line));
    });
  }
  return records;
}

TEST(EventSchemas, AreThereForEveryRecordOfAStream) {
  Names expected = {file_of("record"), file_of("stream_start"), file_of("stream_end")};
  Names choices = {file_of("stream_start"), file_of("stream_end")};
  for (const std::string& event : evidence_events()) {
    expected.insert(file_of(event));
    choices.insert(file_of(event));
  }
  Names found;
  for (const auto& [name, schema] : schemas().files()) found.insert(name);
  EXPECT_EQ(found, expected);
  Names offered;
  for (const Json& choice : schemas().file("record.schema.json").at("oneOf"))
    offered.insert(choice.at("$ref").get<std::string>());
  EXPECT_EQ(offered, choices);
}

TEST(EventSchemas, HaveExactlyThePropertiesOfTheEvents) {
  std::map<std::string, Names> expected;
  for_each_field([&]<class Field>(std::string_view event, std::string_view name, const Field&) {
    Names& keys = expected.try_emplace(std::string(event), common_keys()).first->second;
    keys.merge(keys_of<Field>(name));
  });
  for (const auto& [event, keys] : expected)
    EXPECT_EQ(keys_in(properties_of(event)), keys) << event;
}

TEST(EventSchemas, RequireWhatIsAlwaysWritten) {
  for_each_field([&]<class Field>(std::string_view event, std::string_view name, const Field&) {
    const Json& required = schemas().file(file_of(event)).at("required");
    const bool is_required = std::find(required.begin(), required.end(), name) != required.end();
    EXPECT_EQ(is_required, kIsAlwaysWritten<Field>) << event << " " << name;
  });
}

TEST(EventSchemas, NameTheValuesOfTheTables) {
  for_each_field([&]<class Field>(std::string_view event, std::string_view name, const Field&) {
    if constexpr (event::Enumerated<Field>) {
      Json table = Json::array();
      for (const event::NamedValue& row : event::names_of(Field{})) table.push_back(row.name);
      EXPECT_EQ(properties_of(event).at(std::string(name)).at("oneOf").at(0).at("enum"), table)
          << event << " " << name;
    }
  });
}

TEST(EventSchemas, ExplainThemselves) {
  for (const auto& [file, schema] : schemas().files()) {
    EXPECT_EQ(schema.at("$schema"), "https://json-schema.org/draft/2020-12/schema") << file;
    EXPECT_EQ(schema.at("$id"), file);
    EXPECT_NE(schema.value("description", ""), "") << file;
    if (file == "record.schema.json") continue;
    EXPECT_EQ(schema.at("additionalProperties"), false) << file;
    EXPECT_EQ(file_of(schema.at("properties").at("event").at("const").get<std::string>()), file);
    for (const auto& [name, property] : schema.at("properties").items())
      EXPECT_NE(property.value("description", ""), "") << file << " " << name;
  }
}

TEST(EventSchemas, AreSatisfiedByEveryGoldenRecord) {
  std::size_t checked = 0;
  for (const auto& [file, record] : golden_records()) {
    const std::string event = record.at("event");
    EXPECT_THAT(schemas().check(record, file_of(event)), IsEmpty()) << file << ": " << record;
    EXPECT_THAT(schemas().check(record, "record.schema.json"), IsEmpty()) << file << ": " << record;
    ++checked;
  }
  EXPECT_GT(checked, 150U);
}

// A key that no golden has is a key whose spelling nothing holds.
TEST(EventSchemas, HaveNoPropertyThatNoGoldenShows) {
  std::map<std::string, Names> seen;
  for (const auto& [file, record] : golden_records())
    seen[record.at("event")].merge(keys_in(record));
  // Told by a live kernel alone.
  seen["stream_start"].merge(Names{"boot_unix_ns", "kernel", "time_ns"});
  for (const std::string& event : evidence_events()) {
    for (const std::string& key : keys_in(properties_of(event))) {
      if (common_keys().contains(key)) continue;
      EXPECT_THAT(seen[event], Contains(key)) << event;
    }
  }
  Names anywhere;
  for (const auto& [event, keys] : seen) anywhere.insert(keys.begin(), keys.end());
  for (const std::string& key : common_keys()) EXPECT_THAT(anywhere, Contains(key));
}

Json good_record() {
  return Json::parse(
      R"({"comm":"sh","event":"file_access","flags":"O_RDONLY","op":"openat","path":"/x",
          "pid":7,"ret":3,"tid":7,"time_ns":5})");
}

TEST(EventSchemas, AcceptAGoodRecord) {
  EXPECT_THAT(schemas().check(good_record(), "file_access.schema.json"), IsEmpty());
}

TEST(EventSchemas, RejectWrongRecords) {
  struct Wrong {
    const char* key;
    Json value;  // null: the key is left out
    const char* finding;
  };
  const Wrong wrongs[] = {
      {"ret", "3", "/ret: \"3\" is not of type integer"},
      {"ret", 3.5, "/ret: 3.5 is not of type integer"},
      {"time_ns", -1, "/time_ns: -1 is not at least 0"},
      {"pid", 0, "/pid: 0 is not at least 1"},
      {"flags", "rdonly", "/flags: \"rdonly\" is not of the pattern"},
      {"op", "fopen", "/op: \"fopen\" is not one of"},
      {"event", "file_acess", "/event: \"file_acess\" is not \"file_access\""},
      {"path", Json{{"hex", "c3A9"}}, "/path/hex: \"c3A9\" is not of the pattern"},
      {"path", Json{{"hex", "ff"}, {"text", "?"}}, "/path/text: no property of that name"},
      {"colour", "red", "/colour: no property of that name"},
      {"ret", nullptr, ": \"ret\" is missing"},
      {"time_ns", nullptr, ": \"time_ns\" is missing"},
  };
  for (const Wrong& wrong : wrongs) {
    Json record = good_record();
    record[wrong.key] = wrong.value;
    if (wrong.value.is_null()) record.erase(wrong.key);
    EXPECT_THAT(schemas().check(record, "file_access.schema.json"),
                Contains(HasSubstr(wrong.finding)));
    EXPECT_FALSE(schemas().check(record, "record.schema.json").empty()) << wrong.finding;
  }
}

TEST(SchemaCheck, ChecksItemsAndReferencesIntoOtherFiles) {
  const SchemaSet set({{"a", Json::parse(R"({"items":{"$ref":"b#/$defs/word"}})")},
                       {"b", Json::parse(R"({"$defs":{"word":{"const":"x"}}})")}});
  EXPECT_THAT(set.check(Json::parse(R"(["x","x"])"), "a"), IsEmpty());
  EXPECT_THAT(set.check(Json::parse(R"(["x","y"])"), "a"), ElementsAre("/1: \"y\" is not \"x\""));
}

TEST(SchemaCheck, TakesExactlyOneOfTheChoices) {
  const SchemaSet set({{"a", Json::parse(R"({"oneOf":[{"minimum":5},{"type":"string"},
                                                      {"minimum":7}]})")}});
  EXPECT_THAT(set.check(5, "a"), IsEmpty());
  EXPECT_THAT(set.check(7, "a"), ElementsAre(HasSubstr("satisfies 2 of oneOf")));
  EXPECT_THAT(set.check(4, "a"), Contains(HasSubstr("satisfies 0 of oneOf")));
}

TEST(SchemaCheck, ComparesWholeRangeOfIntegers) {
  const SchemaSet set({{"a", Json::parse(R"({"type":"integer","minimum":0})")}});
  EXPECT_THAT(set.check(Json::parse("18446744073709551615"), "a"), IsEmpty());
  EXPECT_THAT(set.check(Json::parse("-9223372036854775808"), "a"), Contains(HasSubstr("at least")));
}

TEST(SchemaCheck, ThrowsForWhatItDoesNotKnow) {
  const SchemaSet set({{"keyword", Json::parse(R"({"maxLength":5})")},
                       {"type", Json::parse(R"({"type":"number"})")},
                       {"reference", Json::parse(R"({"$ref":"nowhere#/x"})")}});
  for (const char* file : {"keyword", "type", "reference", "missing"})
    EXPECT_THROW(set.check("x", file), std::runtime_error) << file;
}

}  // namespace
}  // namespace tc::test
