#include "event/decode.h"

#include <gtest/gtest.h>

#include "support/wire_builder.h"

namespace tc::event {
namespace {

class NoNames final : public AddressNamer {
 public:
  Frame name_return(std::uint32_t, std::uint64_t address) override { return {.address = address}; }
  Frame name_called(std::uint32_t, std::uint64_t address, std::uint64_t) override {
    return {.address = address};
  }
};

// Decodes an image and gives one value of the record.
class Decoded {
 public:
  explicit Decoded(std::string_view image) : bytes_(test::packed(image)) {
    decode(test::view(bytes_), namer_, record_);
  }
  bool has(std::string_view key) const { return record_.find(key) != nullptr; }
  template <class T>
  T get(std::string_view key) const {
    const Value* value = record_.find(key);
    EXPECT_NE(value, nullptr) << key;
    const T* typed = value == nullptr ? nullptr : std::get_if<T>(value);
    EXPECT_NE(typed, nullptr) << key << " is of another kind";
    return typed == nullptr ? T{} : *typed;
  }
  std::string text(std::string_view key) const { return std::string(get<std::string_view>(key)); }

 private:
  PackedRecord bytes_;
  NoNames namer_;
  Record record_;
};

TEST(Decode, WritesFlagsByTheirNames) {
  const Decoded record(
      R"({"event_type":1,"timestamp_ns":1,"pid":2,"flags":"O_WRONLY|O_CREAT|O_CLOEXEC","mode":"0640"})");
  EXPECT_EQ(record.text("flags"), "O_WRONLY|O_CREAT|O_CLOEXEC");
  EXPECT_EQ(record.text("mode"), "0640");
}

TEST(Decode, KeepsFlagsItHasNoNameFor) {
  const Decoded record(R"({"event_type":1,"timestamp_ns":1,"pid":2,"flags":"0x8000000000"})");
  EXPECT_EQ(record.text("flags"), "O_RDONLY|0x8000000000");
}

TEST(Decode, LeavesOutWhatIsNotKnown) {
  const Decoded record(R"({"event_type":1,"timestamp_ns":1,"pid":2,"ret":-2,"path":""})");
  EXPECT_FALSE(record.has("resolved"));
  EXPECT_FALSE(record.has("mode"));
  EXPECT_FALSE(record.has("uid"));
  EXPECT_FALSE(record.has("ppid"));
  EXPECT_EQ(record.get<Bytes>("path").value, "");
  EXPECT_EQ(record.get<std::int64_t>("ret"), -2);
}

TEST(Decode, NamesNoProcessWhenNoneIsToBlame) {
  const Decoded record(
      R"({"event_type":3,"timestamp_ns":1,"family":"inet","new_state":"CLOSE","old_state":"TIME_WAIT"})");
  EXPECT_FALSE(record.has("pid"));
  EXPECT_FALSE(record.has("comm"));
  EXPECT_EQ(record.text("new_state"), "CLOSE");
}

TEST(Decode, WritesAddressesInTheFormOfTheirFamily) {
  const Decoded v4(
      R"({"event_type":3,"timestamp_ns":1,"pid":2,"family":"inet","local_address":"192.0.2.1","remote_address":"0.0.0.0"})");
  EXPECT_EQ(v4.text("local_address"), "192.0.2.1");
  const Decoded v6(
      R"({"event_type":3,"timestamp_ns":1,"pid":2,"family":"inet6","local_address":"2001:db8:0:0:0:0:0:1"})");
  EXPECT_EQ(v6.text("local_address"), "2001:db8::1");
  EXPECT_EQ(v6.text("remote_address"), "::");
}

TEST(Decode, GivesUnixSocketsNoPorts) {
  const Decoded record(
      R"({"event_type":4,"timestamp_ns":1,"pid":2,"family":"unix","op":"connect","path":"/run/x"})");
  EXPECT_FALSE(record.has("local_port"));
  EXPECT_FALSE(record.has("remote_address"));
}

TEST(Decode, TellsASignalOrACodeButNotBoth) {
  const Decoded killed(R"({"event_type":8,"timestamp_ns":1,"pid":2,"signal":"SIGKILL"})");
  EXPECT_EQ(killed.text("signal"), "SIGKILL");
  EXPECT_FALSE(killed.has("exit_code"));
  const Decoded ended(R"({"event_type":8,"timestamp_ns":1,"pid":2,"exit_code":0})");
  EXPECT_EQ(ended.get<std::uint64_t>("exit_code"), 0U);
  EXPECT_FALSE(ended.has("signal"));
}

TEST(Decode, WritesAnUnnamedNumberAsItself) {
  const Decoded record(R"({"event_type":4,"timestamp_ns":1,"pid":2,"family":"0x2a"})");
  EXPECT_EQ(record.text("family"), "42");
}

TEST(Decode, GivesAnUnnamedFunctionItsAddress) {
  const Decoded record(R"({"event_type":6,"timestamp_ns":1,"pid":2,"address":"0x1234"})");
  EXPECT_EQ(record.get<Word>("address").value, 0x1234U);
  EXPECT_FALSE(record.has("module"));
}

}  // namespace
}  // namespace tc::event
