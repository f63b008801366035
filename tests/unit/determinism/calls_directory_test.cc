// getdents(2): the test reads directories of its own.
#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "determinism/calls.h"
#include "support/own_tracee.h"
#include "support/scratch_directory.h"

namespace tc::determinism {
namespace {

using test::address_of;
using test::OwnTracee;
using testing::ElementsAre;

struct Entry {
  std::string name;
  std::uint64_t number;
  std::int64_t next;
  unsigned type;
};

class DirectoryTest : public testing::Test {
 protected:
  DirectoryTest() {
    add_directory_calls(handlers_, world_);
    for (const char* const name : {"c", "a", "b"}) make(name);
    directory_ = UniqueFd(::open(scratch_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  void make(const std::string& name) {
    EXPECT_TRUE(base::open_file(scratch_ / name, O_CREAT | O_WRONLY).ok());
  }
  std::int64_t read(std::uint32_t size, int fd) {
    sys::call::getdents64 call{};
    call.fd.value = fd;
    call.dirent.address = address_of(buffer_);
    call.count.value = size;
    return guest_.run(handlers_, call);
  }
  // What one call of this size tells.
  std::vector<Entry> entries(std::uint32_t size = sizeof(buffer_)) {
    const std::int64_t length = read(size, directory_.get());
    EXPECT_GE(length, 0);
    std::vector<Entry> entries;
    for (std::int64_t at = 0; at < length;) {
      const auto* const record = reinterpret_cast<const dirent64*>(buffer_ + at);
      entries.push_back({record->d_name, record->d_ino, record->d_off, record->d_type});
      EXPECT_EQ(record->d_reclen % 8, 0);
      at += record->d_reclen;
    }
    return entries;
  }
  std::vector<std::string> names(std::uint32_t size = sizeof(buffer_)) {
    std::vector<std::string> names;
    for (const Entry& entry : entries(size)) names.push_back(entry.name);
    return names;
  }

  World world_{Settings{}};
  guest::Handlers handlers_;
  OwnTracee guest_{1};
  test::ScratchDirectory scratch_;
  UniqueFd directory_;
  alignas(8) char buffer_[4096];
};

TEST_F(DirectoryTest, TellsEntriesInOrderOnce) {
  const std::vector<Entry> all = entries();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_EQ(all[0].name, ".");
  EXPECT_EQ(all[0].type, DT_DIR);
  EXPECT_EQ(all[2].name, "a");
  EXPECT_EQ(all[2].type, DT_REG);
  EXPECT_EQ(all[2].number, 3U);
  EXPECT_EQ(all[4].name, "c");
  EXPECT_EQ(all[4].next, 5);
  EXPECT_EQ(guest_.injected(), 0);
  EXPECT_THAT(names(), ElementsAre());
}

TEST_F(DirectoryTest, GoesOnWhereItWas) {
  EXPECT_THAT(names(48), ElementsAre(".", ".."));
  EXPECT_THAT(names(24), ElementsAre("a"));
  EXPECT_THAT(names(), ElementsAre("b", "c"));
}

TEST_F(DirectoryTest, GoesOnInTheCopyOfADescriptor) {
  EXPECT_THAT(names(48), ElementsAre(".", ".."));
  directory_ = UniqueFd(::dup(directory_.get()));
  EXPECT_THAT(names(), ElementsAre("a", "b", "c"));
}

TEST_F(DirectoryTest, GoesToAPlaceThatItTold) {
  const std::vector<Entry> all = entries();
  ASSERT_EQ(::lseek(directory_.get(), all[2].next, SEEK_SET), all[2].next);
  EXPECT_THAT(names(), ElementsAre("b", "c"));
}

TEST_F(DirectoryTest, TellsWhatWasThereWhenReadingBegan) {
  EXPECT_THAT(names(48), ElementsAre(".", ".."));
  make("aa");
  ASSERT_EQ(::unlink((scratch_ / "b").c_str()), 0);
  EXPECT_THAT(names(), ElementsAre("a", "b", "c"));
  ASSERT_EQ(::lseek(directory_.get(), 0, SEEK_SET), 0);
  EXPECT_THAT(names(), ElementsAre(".", "..", "a", "aa", "c"));
}

TEST_F(DirectoryTest, KnowsTheOldLayout) {
  sys::call::getdents call{};
  call.fd.value = directory_.get();
  call.dirent.address = address_of(buffer_);
  call.count.value = sizeof(buffer_);
  ASSERT_EQ(guest_.run(handlers_, call), 5 * 24);
  std::uint16_t length = 0;
  std::memcpy(&length, buffer_ + 2 * 24 + 16, sizeof(length));
  EXPECT_EQ(length, 24);
  EXPECT_STREQ(buffer_ + 2 * 24 + 18, "a");
  EXPECT_EQ(buffer_[2 * 24 + 23], DT_REG);
}

TEST_F(DirectoryTest, FailsAsTheKernelDoes) {
  EXPECT_EQ(read(16, directory_.get()), -EINVAL);
  EXPECT_EQ(read(100, 12345), -EBADF);
  const auto file = base::open_file(scratch_ / "a", O_RDONLY);
  EXPECT_EQ(read(100, file->get()), -ENOTDIR);
  const auto path = base::open_file(scratch_.path(), O_PATH);
  EXPECT_EQ(read(100, path->get()), -EBADF);
  sys::call::getdents64 call{};
  call.fd.value = directory_.get();
  call.dirent.address = 16;
  call.count.value = 100;
  EXPECT_EQ(guest_.run(handlers_, call), -EFAULT);
  ASSERT_EQ(::mkdir((scratch_ / "gone").c_str(), 0700), 0);
  const auto gone = base::open_file(scratch_ / "gone", O_RDONLY);
  ASSERT_EQ(::rmdir((scratch_ / "gone").c_str()), 0);
  EXPECT_EQ(read(100, gone->get()), -ENOENT);
}

}  // namespace
}  // namespace tc::determinism
