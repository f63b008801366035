// Bad fixtures: tc says what is wrong and where, in words that the troubleshooting section of
// fixtures/ebpf/README.md relies on, and exits with 2.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/evidence.h"
#include "support/process.h"
#include "support/scratch_directory.h"

namespace tc::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A directory of fixtures that a test fills.
class BadFixture : public testing::Test {
 protected:
  BadFixture() {
    for (const char* kind : {"events", "proc", "elf"})
      std::filesystem::create_directory(directory_ / kind);
    add("events/good.json", "[]");
  }

  void add(const std::string& file, const std::string& text) const {
    std::ofstream(directory_ / file, std::ios::binary) << text;
  }

  // Runs in the directory, so that messages name files as short as the tests write them.
  Ended replay(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {TC_PROGRAM, "replay"});
    return run(Command{.argv = std::move(arguments), .directory = directory_.path()});
  }
  Ended replay_events(const std::string& text) const {
    add("events/bad.json", text);
    return replay({"events/bad.json", "--proc", "proc", "--elf", "elf"});
  }

  // One call from 0x400100 in process 5, whose maps are `text`.
  Ended replay_maps(const std::string& text) const {
    add("proc/5-maps.txt", text);
    return replay_events(
        R"([{"event_type": 6, "timestamp_ns": 1, "pid": 5, "caller": "0x400100"}])");
  }
  Ended replay_symbols(const std::string& text) const {
    add("elf/app-symbols.json", text);
    return replay({"events/good.json", "--elf", "elf"});
  }

  const ScratchDirectory directory_;
};

// Refused before anything is written, with this message.
void expect_refusal(const Ended& ended, const std::string& message) {
  EXPECT_EQ(ended.status, 2);
  EXPECT_EQ(ended.output, "");
  EXPECT_THAT(ended.error, HasSubstr(message));
  EXPECT_THAT(ended.error, StartsWith("tc: "));
}

TEST_F(BadFixture, TellsLineAndColumnOfMalformedJson) {
  expect_refusal(replay_events("[\n  { \"event_type\": 1,\n    \"pid\" 3 }\n]\n"),
                 "events/bad.json:3:11: error: [syntax]");
  expect_refusal(replay_events("[{\"event_type\": 1}"), "events/bad.json:1:19: error: [syntax]");
  expect_refusal(replay_events(""), "events/bad.json:1:1: error: [syntax]");
  expect_refusal(replay_events("[{\"event_type\": 1, \"path\": \"caf\xe9\"}]"),
                 "ill-formed UTF-8 byte");
}

TEST_F(BadFixture, RefusesAByteOrderMark) {
  expect_refusal(replay_events("\xef\xbb\xbf[]"),
                 "events/bad.json:1:1: error: [syntax] the file starts with a byte order mark: "
                 "save it without");
}

TEST_F(BadFixture, RefusesAKeyThatIsThereTwice) {
  expect_refusal(replay_events(R"([{"event_type":8,"pid":1,"pid":2}])"),
                 "events/bad.json:1:26: error: [syntax] the key \"pid\" is in this object twice");
}

TEST_F(BadFixture, NamesAFileThatCannotBeRead) {
  expect_refusal(replay({"events/none.json"}), "open events/none.json: No such file or directory");
  expect_refusal(replay({"events"}), "read events: Is a directory");
  expect_refusal(replay({"events/good.json", "--proc", "nowhere"}),
                 "open directory nowhere: No such file or directory");
  expect_refusal(replay({"events/good.json", "--proc", "events/good.json"}),
                 "events/good.json: not a directory");
  expect_refusal(replay({"events/good.json", "--elf", "nowhere"}),
                 "open directory nowhere: No such file or directory");
}

TEST_F(BadFixture, NamesAFileThatPermissionsForbid) {
  const Command command{.argv = {TC_PROGRAM, "replay", "events/good.json"},
                        .directory = directory_.path(),
                        .user = geteuid() == 0 ? 65534 : geteuid()};
  std::filesystem::permissions(directory_ / "events/good.json", std::filesystem::perms::none);
  expect_refusal(run(command), "open events/good.json: Permission denied");
}

TEST_F(BadFixture, WantsAnArrayOfObjects) {
  expect_refusal(replay_events(R"({"event_type": 1})"),
                 "events/bad.json: expected an array of events");
  expect_refusal(replay_events("[1]"),
                 "events/bad.json: event 1: expected an object, found number");
}

TEST_F(BadFixture, NamesEventAndMemberOfTheWrongType) {
  struct Wrong {
    const char* members;
    const char* message;
  };
  const Wrong wrongs[] = {
      {R"("event_type":1,"pid":"one")",
       "(file_access): member \"pid\": expected an unsigned number that fits the field, "
       "found \"one\""},
      {R"("event_type":1,"pid":4294967296)", "fits the field, found 4294967296"},
      {R"("event_type":1,"timestamp_ns":1.5)", "fits the field, found 1.5"},
      {R"("event_type":1,"timestamp_ns":-1)", "fits the field, found -1"},
      {R"("event_type":1,"path":null)",
       "member \"path\": expected a string or {\"hex\":\"…\"}, found null"},
      {R"("event_type":1,"path":{"hex":"abc"})", "found {\"hex\":\"abc\"}"},
      {R"("event_type":1,"comm":"sixteen-bytes-xx")",
       "member \"comm\": expected a string of at most 15 bytes"},
      {R"("event_type":1,"flags":"O_FOO")",
       "member \"flags\": expected a number or names like \"O_RDONLY|O_CLOEXEC\", found \"O_FOO\""},
      {R"("event_type":1,"mode":"0999")", "member \"mode\": expected an octal mode"},
      {R"("event_type":1,"ret":9223372036854775808)",
       "member \"ret\": expected a signed 64-bit integer, found 9223372036854775808"},
      {R"("event_type":2,"argv":["a\u0000b"])",
       "(process_exec): member \"argv\": expected an array of strings without NUL"},
      {R"("event_type":3,"old_state":"SLEEPING")",
       "(tcp_state): member \"old_state\": expected one of ESTABLISHED, SYN_SENT"},
      {R"("event_type":3,"local_address":"300.1.1.1")", "expected an IPv4 or IPv6 address"},
      {R"("event_type":8,"signal":"SIGFOO")", "expected a signal like \"SIGTERM\""},
      {R"("event_type":8,"signal":4294967305)", "expected a signal like \"SIGTERM\""},
      {R"("event_type":8,"exit_code":4294967295)",
       "member \"exit_code\": expected an exit code from 0 on, found 4294967295"},
  };
  for (const Wrong& wrong : wrongs) {
    const Ended ended = replay_events("[{\"event_type\":8,\"timestamp_ns\":1}, {" +
                                      std::string(wrong.members) + "}]");
    expect_refusal(ended, wrong.message);
    EXPECT_THAT(ended.error, StartsWith("tc: events/bad.json: event 2 ("));
  }
}

TEST_F(BadFixture, ListsTheMembersWhenOneIsUnknown) {
  expect_refusal(replay_events(R"([{"event_type":8,"colour":"red"}])"),
                 "events/bad.json: event 1 (process_exit): unknown member \"colour\"; this event "
                 "has comm, cpu, event_type, exit_code, pid,");
}

TEST_F(BadFixture, RefusesAnUnknownEventType) {
  expect_refusal(replay_events(R"([{"event_type":42}])"),
                 "events/bad.json: event 1: event_type 42 is none of those in "
                 "include/tc/events.def");
  expect_refusal(replay_events(R"([{"event_type":"nope"}])"), "event_type \"nope\" is none of");
  expect_refusal(replay_events(R"([{"timestamp_ns":1}])"),
                 "event 1: member \"event_type\" is missing");
}

// The evidence is whole without the symbols: it is written, and the exit status tells.
void expect_complaint(const Ended& ended, const std::string& message) {
  EXPECT_EQ(ended.status, 2);
  EXPECT_THAT(ended.error, HasSubstr(message));
  const Evidence evidence = parse_evidence(ended.output);
  EXPECT_EQ(evidence.only({{"event", "symbol_call"}})["pid"], 5);
}

TEST_F(BadFixture, TellsWhichMappingsOverlap) {
  expect_complaint(replay_maps("400000-402000 r-xp 00000000 fd:01 1 /a\n"
                               "401000-403000 r-xp 00000000 fd:01 2 /b\n"),
                   ":2:1: error: [maps] 401000-403000 overlaps 400000-402000 of line 1");
}

TEST_F(BadFixture, TellsWhereMapsAreGarbage) {
  expect_complaint(replay_maps("garbage\n"), ":1:1: error: [maps] expected start address and '-'");
  expect_complaint(replay_maps("\n400000-401000 r-xq 0 fd:01 1 /a\n"),
                   ":2:18: error: [maps] expected 's' or 'p'");
  expect_complaint(replay_maps("401000-400000 r-xp 0 fd:01 1 /a\n"),
                   "error: [maps] the end address is not above the start address");
}

TEST_F(BadFixture, TellsWhichSymbolIsWrong) {
  expect_refusal(replay_symbols(R"({"path":"/a","format":"ELF64","symbols":[
                   {"name":"f","address":"4096","size":1,"type":"FUNC"}]})"),
                 "elf/app-symbols.json: error: [symbols] /symbols/0/address: expected \"0x…\"");
  expect_refusal(replay_symbols(R"({"path":"/a","format":"ELF64","symbols":{}})"),
                 "elf/app-symbols.json: error: [symbols] /symbols: expected an array");
  expect_refusal(replay_symbols(R"({"path":"/a","format":"PE","symbols":[]})"),
                 "[symbols] /format: expected ELF64 or ELF32");
  expect_refusal(replay_symbols("{\"path\":\"/a\",\n\"format\" 1}"),
                 "elf/app-symbols.json:2:10: error: [syntax]");
}

TEST_F(BadFixture, RefusesTwoFilesWithTheSymbolsOfOnePath) {
  const std::string symbols = R"({"path":"/a","format":"ELF64","symbols":[]})";
  add("elf/a-symbols.json", symbols);
  add("elf/b-symbols.json", symbols);
  expect_refusal(replay({"events/good.json", "--elf", "elf"}),
                 "elf/b-symbols.json: error: [symbols] /path: another file has the symbols of /a");
}

TEST_F(BadFixture, NamesAnOutputThatCannotBeWritten) {
  const auto write_to = [&](const std::string& output) {
    return replay({"events/good.json", "--output", output});
  };
  expect_refusal(write_to("nowhere/evidence.ndjson"),
                 "open nowhere/evidence.ndjson: No such file or directory");
  expect_refusal(write_to("events"), "open events: Is a directory");
  expect_refusal(write_to("/dev/full"), "write /dev/full: No space left on device");
  Command command{.argv = {TC_PROGRAM, "replay", "events/good.json", "-o", "proc/evidence.ndjson"},
                  .directory = directory_.path(),
                  .user = geteuid() == 0 ? 65534 : geteuid()};
  std::filesystem::permissions(
      directory_ / "proc", std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  expect_refusal(run(command), "open proc/evidence.ndjson: Permission denied");
}

TEST_F(BadFixture, UsageErrorsPointToHelp) {
  const Ended ended = replay({});
  EXPECT_EQ(ended.status, 2);
  EXPECT_EQ(ended.error, "tc: EVENTS is required\ntc: see tc replay --help\n");
  EXPECT_THAT(replay({"events/good.json", "--format", "xml"}).error, HasSubstr("no format xml"));
}

}  // namespace
}  // namespace tc::test
