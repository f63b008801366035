#include "determinism/listings.h"

#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "support/scratch_directory.h"

namespace tc::determinism {
namespace {

std::vector<std::string> names(const std::vector<DirectoryEntry>& entries) {
  std::vector<std::string> names;
  for (const DirectoryEntry& entry : entries) names.push_back(entry.name);
  return names;
}

TEST(ReadDirectory, SortsByBytes) {
  const test::ScratchDirectory scratch;
  for (const char* const name : {"b", "a", "B", "10", "9", "\xc3\xa4", "-", "...", "a.b"})
    ASSERT_TRUE(base::open_file(scratch / name, O_CREAT | O_WRONLY).ok());
  ASSERT_EQ(mkdir((scratch / "d").c_str(), 0700), 0);
  const auto entries = read_directory(scratch.path());
  ASSERT_TRUE(entries.ok());
  EXPECT_THAT(names(*entries), testing::ElementsAre(".", "..", "-", "...", "10", "9", "B", "a",
                                                    "a.b", "b", "d", "\xc3\xa4"));
  EXPECT_EQ(entries->at(10).type, DT_DIR);
  struct stat status {};
  ASSERT_EQ(stat((scratch / "a").c_str(), &status), 0);
  EXPECT_EQ(entries->at(7).inode, status.st_ino);
}

TEST(ReadDirectory, ReadsMoreThanFitsAtOnce) {
  const test::ScratchDirectory scratch;
  constexpr int kMany = 3000;
  for (int number = 0; number < kMany; ++number)
    ASSERT_TRUE(
        base::open_file(scratch / ("a name of some length " + std::to_string(number)), O_CREAT)
            .ok());
  const auto entries = read_directory(scratch.path());
  ASSERT_TRUE(entries.ok());
  EXPECT_EQ(entries->size(), kMany + 2U);
  EXPECT_TRUE(std::is_sorted(entries->begin(), entries->end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
}

TEST(ReadDirectory, HasNumbersOfProcInTheirOrderAndLast) {
  std::vector<UniqueFd> open;
  for (int count = 0; count < 120; ++count) open.emplace_back(::open("/", O_PATH | O_CLOEXEC));
  const auto entries = read_directory("/proc/self/fd");
  ASSERT_TRUE(entries.ok());
  int last = -1;
  for (std::size_t at = 2; at < entries->size(); ++at) {
    const int number = std::stoi(entries->at(at).name);
    EXPECT_LT(last, number);
    last = number;
  }
  EXPECT_GT(last, 100);
  const auto proc = read_directory("/proc");
  ASSERT_TRUE(proc.ok());
  EXPECT_TRUE(std::isdigit(proc->back().name[0]));
  EXPECT_FALSE(std::isdigit(proc->at(2).name[0]));
}

TEST(ReadDirectory, TellsTheErrno) {
  const test::ScratchDirectory scratch;
  EXPECT_EQ(read_directory(scratch / "none").error().code(), ENOENT);
  ASSERT_TRUE(base::open_file(scratch / "file", O_CREAT).ok());
  EXPECT_EQ(read_directory(scratch / "file").error().code(), ENOTDIR);
}

TEST(Listings, KeepsOneOfEachReaderAndDirectory) {
  Listings listings;
  const FileId here{.device = 1, .inode = 1};
  const FileId there{.device = 1, .inode = 2};
  listings.begin({.directory = here, .reader = 1, .entries = {{.name = "old"}}});
  listings.begin({.directory = here, .reader = 2, .entries = {{.name = "other"}}});
  listings.begin({.directory = there, .reader = 1, .entries = {{.name = "there"}}});
  listings.begin({.directory = here, .reader = 1, .entries = {{.name = "new"}}});
  EXPECT_EQ(listings.find(here, 1)->entries[0].name, "new");
  EXPECT_EQ(listings.find(here, 2)->entries[0].name, "other");
  EXPECT_EQ(listings.find(there, 1)->entries[0].name, "there");
  EXPECT_EQ(listings.find(there, 2), nullptr);
}

TEST(Listings, ForgetsTheOneNotUsedForLongest) {
  Listings listings;
  const FileId here{.device = 1, .inode = 1};
  listings.begin({.directory = here, .reader = 0, .entries = {}});
  for (std::uint64_t reader = 1; reader < 64; ++reader)
    listings.begin({.directory = here, .reader = reader, .entries = {}});
  ASSERT_NE(listings.find(here, 0), nullptr);  // used: 1 is the oldest now
  listings.begin({.directory = here, .reader = 64, .entries = {}});
  EXPECT_NE(listings.find(here, 0), nullptr);
  EXPECT_EQ(listings.find(here, 1), nullptr);
  EXPECT_NE(listings.find(here, 2), nullptr);
}

}  // namespace
}  // namespace tc::determinism
