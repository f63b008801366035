#include "output/formats.h"

#include <gtest/gtest.h>

#include <set>

namespace tc::output {
namespace {

std::string formatted(std::string_view format, const event::Record& record, bool colour = false) {
  std::string out;
  find_format(format)->make({.colour = colour})->append(record, out);
  return out;
}

void fill_open(event::Record& record, std::string_view path) {
  record.start("file_access");
  record.add("time_ns", std::uint64_t{1'234'567'890});
  record.add("comm", event::Bytes{"cat"});
  record.add("pid", std::uint64_t{42});
  record.add("ret", std::int64_t{-2});
  record.add("path", event::Bytes{path});
  record.add("op", std::string_view("openat"));
}

TEST(Formats, HaveDistinctNamesAndHelp) {
  std::set<std::string_view> names;
  for (const FormatRow& row : formats()) {
    EXPECT_TRUE(names.insert(row.name).second);
    EXPECT_FALSE(row.help.empty());
    EXPECT_EQ(find_format(row.name), &row);
    EXPECT_NE(row.make({}), nullptr);
  }
  EXPECT_EQ(find_format("nothing"), nullptr);
}

TEST(Formats, EndEachRecordInOneLineFeed) {
  event::Record record;
  fill_open(record, "/a\nb");
  for (const FormatRow& row : formats()) {
    const std::string line = formatted(row.name, record);
    EXPECT_EQ(line.find('\n'), line.size() - 1) << row.name;
  }
}

TEST(Ndjson, SortsKeysAndNestsFrames) {
  event::Record record;
  record.start("symbol_call");
  record.add("symbol", event::Bytes{"f"});
  record.add("argv", event::ByteList{std::string_view("a\0\0b\0", 5)});
  record.add("caller", event::Frame{.address = 1,
                                    .in_module = true,
                                    .offset = 0x10,
                                    .module = "/m",
                                    .build_id = "ab",
                                    .symbol = "g"});
  record.add("address", event::Word{0});
  EXPECT_EQ(formatted("ndjson", record),
            R"({"address":"0x0","argv":["a","","b"],"caller":{"build_id":"ab","module":"/m",)"
            R"("offset":"0x10","symbol":"g"},"event":"symbol_call","symbol":"f"})"
            "\n");
}

TEST(Text, PutsWhatMattersFirst) {
  event::Record record;
  fill_open(record, "/etc/passwd");
  EXPECT_EQ(formatted("text", record), "1.234567 cat[42] file_access openat /etc/passwd = -2\n");
}

TEST(Text, TellsAResolvedPathOnlyWhenItIsAnother) {
  event::Record record;
  fill_open(record, "/a");
  record.add("resolved", event::Bytes{"/a"});
  EXPECT_EQ(formatted("text", record).find("resolved"), std::string::npos);
  fill_open(record, "/a");
  record.add("resolved", event::Bytes{"/b"});
  EXPECT_NE(formatted("text", record).find("resolved=/b"), std::string::npos);
}

TEST(Text, LetsNoControlCharacterThrough) {
  // Escape, DEL, CSI of the second control set, a line separator, a direction mark.
  for (const char* hostile : {"/x\x1b[2J", "/x\x7f", "/x\u009b2J", "/x\u2028y", "/x\u202ey"}) {
    event::Record record;
    fill_open(record, hostile);
    const std::string line = formatted("text", record);
    EXPECT_EQ(line.find(hostile + 2), std::string::npos) << line;
    EXPECT_NE(line.find("\"/x\\u{"), std::string::npos) << line;
  }
  event::Record record;
  fill_open(record, "/caf\u00e9 au lait");
  EXPECT_NE(formatted("text", record).find("\"/caf\u00e9 au lait\""), std::string::npos);
}

TEST(Text, ColoursOnlyWhenAsked) {
  event::Record record;
  fill_open(record, "/x");
  EXPECT_EQ(formatted("text", record, false).find('\x1b'), std::string::npos);
  EXPECT_NE(formatted("text", record, true).find('\x1b'), std::string::npos);
}

// A syscall record with a value of every kind that only calls have.
void fill_call(event::Record& record) {
  record.start("syscall");
  record.add("thread", std::string_view("p1.2"));
  record.add("call", std::string_view("openat"));
  const event::Field head[] = {{"head", event::Bytes{"ab"}}, {"length", std::uint64_t{9}}};
  const event::Field inner[] = {{"b", std::int64_t{-1}}, {"a", std::string_view("NULL")}};
  const event::Item items[] = {{std::uint64_t{1}},
                               {event::Bytes{"x y"}},
                               {record.keep_object(inner)},
                               {record.keep_list({})}};
  const event::Field arguments[] = {{"filename", event::Bytes{"/a\n"}},
                                    {"data", record.keep_object(head)},
                                    {"list", record.keep_list(items)},
                                    {"flags", std::string_view("O_RDONLY|O_CLOEXEC")}};
  record.add("args", record.keep_object(arguments));
}

TEST(Ndjson, NestsObjectsAndLists) {
  event::Record record;
  fill_call(record);
  record.add("error", std::string_view("ENOENT"));
  EXPECT_EQ(formatted("ndjson", record),
            R"({"args":{"data":{"head":"ab","length":9},"filename":"/a\n",)"
            R"("flags":"O_RDONLY|O_CLOEXEC","list":[1,"x y",{"a":"NULL","b":-1},[]]},)"
            R"("call":"openat","error":"ENOENT","event":"syscall","thread":"p1.2"})"
            "\n");
}

TEST(Text, WritesCallsAsPeopleKnowThem) {
  event::Record record;
  fill_call(record);
  record.add("error", std::string_view("ENOENT"));
  EXPECT_EQ(formatted("text", record),
            "p1.2   openat(\"/a\\n\", \"ab\"…, [1, \"x y\", {b=-1, a=NULL}, []], "
            "O_RDONLY|O_CLOEXEC) = -1 ENOENT\n");
}

TEST(Text, TellsKilledCallsSignalsAndEnds) {
  event::Record record;
  record.start("syscall");
  record.add("thread", std::string_view("p1"));
  record.add("call", std::string_view("pause"));
  record.add("state", std::string_view("killed"));
  EXPECT_EQ(formatted("text", record), "p1     pause() = ? <killed>\n");
  record.start("signal");
  record.add("thread", std::string_view("p1"));
  record.add("signal", std::string_view("SIGCHLD"));
  record.add("code", std::string_view("CLD_EXITED"));
  record.add("sender", std::string_view("p1.1"));
  EXPECT_EQ(formatted("text", record), "p1     --- SIGCHLD {code=CLD_EXITED, sender=p1.1} ---\n");
  record.start("process_exit");
  record.add("thread", std::string_view("p1"));
  record.add("exit_code", std::int64_t{3});
  EXPECT_EQ(formatted("text", record), "p1     +++ exited with 3 +++\n");
  record.start("process_exec");
  record.add("thread", std::string_view("p1"));
  record.add("call", std::string_view("execve"));
  record.add("path", event::Bytes{"/bin/ls"});
  record.add("argv", event::ByteList{std::string_view("ls\0\xff\0", 5)});
  EXPECT_EQ(formatted("text", record), "p1     execve(\"/bin/ls\", [\"ls\", \"\\xff\"]) = 0\n");
}

}  // namespace
}  // namespace tc::output
