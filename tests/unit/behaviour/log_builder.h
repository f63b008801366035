// Logs for tests: records in, a whole canonical log out, or what is read back from it.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "behaviour/behaviour.h"
#include "json/digest.h"

namespace tc::test {

struct LogText {
  std::vector<std::string> records;
  std::string profile = "addresses=module";
  std::string calls = "all";
  std::string order = "tree";
  std::string source = "trace";
  unsigned schema = 1;
  unsigned lost = 0;

  std::string text() const {
    std::string all = fmt::format(
        R"({{"calls":"{}","command":["sh","x.sh"],"event":"stream_start","order":"{}","profile":"{}","schema":{},"source":"{}"}})"
        "\n",
        calls, order, profile, schema, source);
    for (const std::string& record : records) all += record + "\n";
    json::Sha256 digest;
    digest.update(all);
    return all + fmt::format(R"({{"event":"stream_end","lost":{},"records":{},"sha256":"{}"}})"
                             "\n",
                             lost, records.size(), digest.hex());
  }
};

// A file that goes with the test.
class TextFile {
 public:
  explicit TextFile(const std::string& text) {
    char name[] = "/tmp/tc-behaviour-XXXXXX";
    const int fd = mkstemp(name);
    if (fd < 0) throw std::runtime_error("make a file");
    path_ = name;
    close(fd);
    std::ofstream(path_, std::ios::binary) << text;
  }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  ~TextFile() { std::remove(path_.c_str()); }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline behaviour::Behaviour behaviour_of(const LogText& log,
                                         behaviour::Loss loss = behaviour::Loss::kRefuse) {
  const TextFile file(log.text());
  Result<behaviour::Behaviour> result = behaviour::read_behaviour(file.path(), loss);
  if (!result) throw std::runtime_error(result.error().text());
  result->name = "log";
  return std::move(result).value();
}
inline behaviour::Behaviour behaviour_of(std::vector<std::string> records) {
  return behaviour_of(LogText{.records = std::move(records)});
}

// "connect inet … by sh", background ones in brackets; in the order of the set.
inline std::vector<std::string> fact_texts(const behaviour::FactSet& facts) {
  std::vector<std::string> texts;
  for (const behaviour::Fact& fact : facts) {
    const std::string text = fact.text() + " by " + fact.subject;
    texts.push_back(fact.background ? "(" + text + ")" : text);
  }
  return texts;
}

// --- records of a thread -------------------------------------------------------------------------
inline std::string exec_record(std::string_view thread, std::string_view path) {
  return fmt::format(
      R"({{"argv":["x"],"call":"execve","event":"process_exec","file":"{}","path":"{}","thread":"{}"}})",
      path, path, thread);
}
inline std::string fork_record(std::string_view thread, std::string_view child) {
  return fmt::format(R"({{"child":"{}","event":"process_fork","thread":"{}"}})", child, thread);
}
inline std::string exit_record(std::string_view thread, int code) {
  return fmt::format(R"({{"event":"process_exit","exit_code":{},"thread":"{}"}})", code, thread);
}
inline std::string open_record(std::string_view thread, std::string_view path,
                               std::string_view flags = "O_RDONLY") {
  return fmt::format(
      R"({{"args":{{"dfd":"AT_FDCWD","filename":"x","flags":"{}"}},"call":"openat","event":"syscall","file":"{}","ret":"{}","thread":"{}"}})",
      flags, path, path, thread);
}
inline std::string failed_open(std::string_view thread, std::string_view path,
                               std::string_view error) {
  return fmt::format(
      R"({{"args":{{"dfd":"AT_FDCWD","filename":"x","flags":"O_RDONLY"}},"call":"openat","error":"{}","event":"syscall","file":"{}","thread":"{}"}})",
      error, path, thread);
}
// `extra` are further keys between "event" and "thread", with a comma at their end.
inline std::string call_record(std::string_view thread, std::string_view call,
                               std::string_view args, std::string_view extra = "") {
  return fmt::format(R"({{"args":{{{}}},"call":"{}","event":"syscall",{}"thread":"{}"}})", args,
                     call, extra, thread);
}
inline std::string connect_record(std::string_view thread, std::string_view address, int port,
                                  std::string_view type = "stream") {
  return call_record(
      thread, "connect",
      fmt::format(
          R"j("fd":"socket#1(inet,{})","uservaddr":{{"sa_family":"AF_INET","sin_addr":"{}","sin_port":{}}})j",
          type, address, port));
}

}  // namespace tc::test
