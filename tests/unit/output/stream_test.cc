#include "output/stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "base/input.h"
#include "json/validator.h"
#include "output/formats.h"

namespace tc::output {
namespace {

class TempFile {
 public:
  explicit TempFile(const std::string& ending) {
    std::string name = "/tmp/tc-stream-XXXXXX" + ending;
    const int fd = mkstemps(name.data(), static_cast<int>(ending.size()));
    ::close(fd);
    path_ = name;
  }
  ~TempFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A file size limit fails writes in the middle, as a full disk does, with EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

EvidenceStream open_stream(const std::string& path) {
  return {Destination::open(path).value(), find_format("ndjson")->make({})};
}

void fill(event::Record& record, std::uint64_t number) {
  record.start("file_access");
  record.add("time_ns", number);
  record.add("path", event::Bytes{"/some/file/with/a/name/of/ordinary/length"});
}

json::Summary validate(const std::string& path, std::string& findings) {
  json::StreamValidator validator([&](const json::Finding& finding) {
    findings += std::to_string(finding.line) + " " + finding.id + " " + finding.text + "\n";
  });
  const auto read =
      base::for_each_piece(path, [&](std::string_view piece) { validator.feed(piece); });
  if (!read) findings += read.error().text();
  return validator.finish();
}

class StreamTo : public testing::TestWithParam<const char*> {};

TEST_P(StreamTo, IsCanonicalAndComplete) {
  const TempFile file(GetParam());
  {
    EvidenceStream stream = open_stream(file.path());
    event::Record record;
    record.start("stream_start");
    ASSERT_TRUE(stream.start(record).ok());
    for (std::uint64_t i = 0; i < 5000; ++i) {
      fill(record, i);
      ASSERT_TRUE(stream.write(record).ok());
    }
    ASSERT_TRUE(stream.finish().ok());
  }
  std::string findings;
  const json::Summary summary = validate(file.path(), findings);
  EXPECT_EQ(findings, "");
  EXPECT_EQ(summary.records, 5000U);
  EXPECT_TRUE(summary.complete);
}

// Every limit cuts the file at another place: within a record, between two, within the ending.
TEST_P(StreamTo, StaysValidWhenTheDiskFillsAnywhere) {
  for (rlim_t limit = 1200; limit < 400'000; limit += limit / 7 + 13) {
    const TempFile file(GetParam());
    std::uint64_t written = 0;
    bool failed = false;
    {
      EvidenceStream stream = open_stream(file.path());
      const FileSizeLimit full(limit);
      event::Record record;
      record.start("stream_start");
      ASSERT_TRUE(stream.start(record).ok());
      for (; written < 8000 && !failed; ++written) {
        fill(record, written * 2654435761U);
        failed = !stream.write(record).ok();
      }
      failed = failed || !stream.finish().ok();
    }
    std::string findings;
    const json::Summary summary = validate(file.path(), findings);
    EXPECT_EQ(findings, "") << "limit " << limit;
    EXPECT_TRUE(summary.complete) << "limit " << limit;
    if (!failed) continue;
    EXPECT_EQ(summary.records - 1 + summary.lost, written) << "limit " << limit;
  }
}

INSTANTIATE_TEST_SUITE_P(Plain, StreamTo, testing::Values(".ndjson"));
INSTANTIATE_TEST_SUITE_P(Compressed, StreamTo, testing::Values(".ndjson.zst"));

TEST(Stream, SaysWhatDidNotFit) {
  const TempFile file(".ndjson");
  EvidenceStream stream = open_stream(file.path());
  const FileSizeLimit full(2000);
  event::Record record;
  record.start("stream_start");
  ASSERT_TRUE(stream.start(record).ok());
  for (std::uint64_t i = 0; i < 100; ++i) {
    fill(record, i);
    ASSERT_TRUE(stream.write(record).ok());
  }
  const auto finished = stream.finish();
  ASSERT_FALSE(finished.ok());
  EXPECT_NE(finished.error().text().find(file.path()), std::string::npos);
  EXPECT_NE(finished.error().text().find("is valid"), std::string::npos) << finished.error().text();
}

TEST(Destination, NamesAFileItCannotOpen) {
  const auto destination = Destination::open("/nonexistent/evidence.ndjson");
  ASSERT_FALSE(destination.ok());
  EXPECT_NE(destination.error().text().find("/nonexistent/evidence.ndjson"), std::string::npos);
}

}  // namespace
}  // namespace tc::output
