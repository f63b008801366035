// stat(2) and its kin, statfs(2), readlink(2): the test looks at files of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "determinism/calls.h"
#include "determinism/lookup.h"
#include "support/own_tracee.h"
#include "support/scratch_directory.h"

namespace tc::determinism {
namespace {

using test::address_of;
using test::OwnTracee;

class StatusTest : public testing::Test {
 protected:
  StatusTest() {
    add_status_calls(handlers_, world_);
    add_space_calls(handlers_, world_);
    add_link_text_calls(handlers_, world_);
    EXPECT_TRUE(base::open_file(file_, O_CREAT | O_WRONLY).ok());
    EXPECT_EQ(::truncate(file_.c_str(), 1000), 0);
  }

  std::int64_t stat_at(int dirfd, const char* path, std::uint32_t flags) {
    sys::call::newfstatat call{};
    call.dfd.value = dirfd;
    call.filename.address = address_of(path);
    call.statbuf.address = address_of(&status_);
    call.flag.value = flags;
    return guest_.run(handlers_, call);
  }
  std::int64_t statx_of(const char* path, std::uint32_t flags, std::uint32_t mask) {
    sys::call::statx call{};
    call.dfd.value = AT_FDCWD;
    call.filename.address = address_of(path);
    call.flags.value = flags;
    call.mask.value = mask;
    call.buffer.address = address_of(&statx_);
    return guest_.run(handlers_, call);
  }
  std::string link_text(const std::string& path, int size = 100) {
    std::string text(100, '\0');
    sys::call::readlink call{};
    call.path.address = address_of(path.c_str());
    call.buf.address = address_of(text.data());
    call.bufsiz.value = size;
    const std::int64_t length = guest_.run(handlers_, call);
    if (length < 0) return std::strerror(static_cast<int>(-length));
    return text.substr(0, static_cast<std::size_t>(length));
  }
  FileId id(const std::string& path) {
    return look_up(guest_, {.text = path}, LastLink::kKeep).found->id();
  }

  World world_{Settings{}};
  guest::Handlers handlers_;
  OwnTracee guest_{1};
  test::ScratchDirectory scratch_;
  std::string file_ = scratch_ / "file";
  struct stat status_ {};
  struct statx statx_ {};
};

TEST_F(StatusTest, TellsOfAFileWithoutAskingTheGuest) {
  world_.inodes.created(id(file_), 5 * kSecondNs + 7);
  sys::call::stat call{};
  call.filename.address = address_of(file_.c_str());
  call.statbuf.address = address_of(&status_);
  ASSERT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_EQ(guest_.injected(), 0);
  EXPECT_EQ(status_.st_ino, 1U);
  EXPECT_EQ(status_.st_dev, 1U);
  EXPECT_EQ(status_.st_mode, S_IFREG | 0644U);
  EXPECT_EQ(status_.st_size, 1000);
  EXPECT_EQ(status_.st_blocks, 2);
  EXPECT_EQ(status_.st_blksize, 4096);
  EXPECT_EQ(status_.st_uid, getuid());
  EXPECT_EQ(status_.st_mtim.tv_sec, 5);
  EXPECT_EQ(status_.st_ctim.tv_nsec, 7);
}

TEST_F(StatusTest, TellsTheSameOfADescriptor) {
  ASSERT_EQ(stat_at(AT_FDCWD, file_.c_str(), 0), 0);
  const struct stat by_path = status_;
  const auto open = base::open_file(file_, O_RDONLY);
  status_ = {};
  sys::call::fstat call{};
  call.fd.value = open->get();
  call.statbuf.address = address_of(&status_);
  ASSERT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_EQ(std::memcmp(&by_path, &status_, sizeof(status_)), 0);
  status_ = {};
  ASSERT_EQ(stat_at(open->get(), "", AT_EMPTY_PATH), 0);
  EXPECT_EQ(std::memcmp(&by_path, &status_, sizeof(status_)), 0);
  EXPECT_EQ(guest_.injected(), 0);
  call.fd.value = 12345;
  EXPECT_EQ(guest_.run(handlers_, call), -EBADF);
}

TEST_F(StatusTest, TellsOfLinksThemselves) {
  ASSERT_EQ(symlink("file", (scratch_ / "link").c_str()), 0);
  sys::call::lstat call{};
  const std::string link = scratch_ / "link";
  call.filename.address = address_of(link.c_str());
  call.statbuf.address = address_of(&status_);
  ASSERT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_TRUE(S_ISLNK(status_.st_mode));
  EXPECT_EQ(status_.st_size, 4);
  EXPECT_EQ(status_.st_blocks, 0);
  ASSERT_EQ(stat_at(AT_FDCWD, link.c_str(), 0), 0);
  EXPECT_TRUE(S_ISREG(status_.st_mode));
}

TEST_F(StatusTest, TellsOneSizeOfAllDirectories) {
  ASSERT_EQ(stat_at(AT_FDCWD, scratch_.path().c_str(), 0), 0);
  EXPECT_EQ(status_.st_size, 4096);
  EXPECT_EQ(status_.st_nlink, 1U);
  EXPECT_EQ(status_.st_blocks, 8);
}

TEST_F(StatusTest, FailsAsTheKernelDoes) {
  EXPECT_EQ(stat_at(AT_FDCWD, "/none/such", 0), -ENOENT);
  EXPECT_EQ(stat_at(AT_FDCWD, "", 0), -ENOENT);
  EXPECT_EQ(stat_at(AT_FDCWD, (file_ + "/x").c_str(), 0), -ENOTDIR);
  EXPECT_EQ(stat_at(12345, "x", 0), -EBADF);
  EXPECT_EQ(stat_at(AT_FDCWD, file_.c_str(), 0x10000), -EINVAL);
  EXPECT_EQ(stat_at(AT_FDCWD, reinterpret_cast<const char*>(16), 0), -EFAULT);
  sys::call::stat call{};
  call.filename.address = address_of(file_.c_str());
  call.statbuf.address = 16;
  EXPECT_EQ(guest_.run(handlers_, call), -EFAULT);
  EXPECT_EQ(statx_of(file_.c_str(), AT_STATX_SYNC_TYPE, STATX_ALL), -EINVAL);
  EXPECT_EQ(statx_of(file_.c_str(), 0, 0x80000000U), -EINVAL);
}

TEST_F(StatusTest, LetsTheGuestLookAtItsOwnProc) {
  ASSERT_EQ(stat_at(AT_FDCWD, "/proc/self/status", 0), 0);
  EXPECT_EQ(guest_.injected(), 1);
  EXPECT_EQ(status_.st_mode, S_IFREG | 0444U);
  EXPECT_EQ(status_.st_mtim.tv_sec, world_.settings.epoch_ns / kSecondNs);
  EXPECT_LT(status_.st_ino, 10U);
  ASSERT_EQ(statx_of("/proc/self/status", 0, STATX_SIZE), 0);
  EXPECT_EQ(statx_.stx_ino, status_.st_ino);
  EXPECT_EQ(statx_.stx_mtime.tv_sec, status_.st_mtim.tv_sec);
}

TEST_F(StatusTest, TellsOfAFileBehindProcAsOfTheFile) {
  const auto open = base::open_file(file_, O_RDONLY);
  world_.inodes.created(id(file_), 5 * kSecondNs);
  ASSERT_EQ(stat_at(AT_FDCWD, ("/proc/self/fd/" + std::to_string(open->get())).c_str(), 0), 0);
  EXPECT_EQ(status_.st_ino, world_.inodes.number(id(file_)));
  EXPECT_EQ(status_.st_mtim.tv_sec, 5);
}

TEST_F(StatusTest, LetsAGuestWithItsOwnRootLook) {
  guest_.process().has_own_root = true;
  ASSERT_EQ(stat_at(AT_FDCWD, file_.c_str(), 0), 0);
  EXPECT_EQ(guest_.injected(), 1);
  EXPECT_EQ(status_.st_ino, 1U);
  EXPECT_EQ(status_.st_blocks, 2);
  EXPECT_EQ(stat_at(AT_FDCWD, "/none/such", 0), -ENOENT);
}

TEST_F(StatusTest, TellsTheTimeOfBirthOnlyIfAsked) {
  world_.inodes.created(id(file_), 5 * kSecondNs + 7);
  std::memset(&statx_, 0xff, sizeof(statx_));
  ASSERT_EQ(statx_of(file_.c_str(), 0, STATX_BTIME), 0);
  EXPECT_EQ(statx_.stx_mask, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID);
  EXPECT_EQ(statx_.stx_btime.tv_sec, 5);
  EXPECT_EQ(statx_.stx_btime.tv_nsec, 7U);
  EXPECT_EQ(statx_.stx_size, 1000U);
  EXPECT_EQ(statx_.stx_attributes, 0U);
  EXPECT_EQ(statx_.stx_attributes_mask, 0U);
  EXPECT_EQ(statx_.stx_mnt_id, 1U);
  EXPECT_EQ(statx_.stx_dev_minor, 1U);
  ASSERT_EQ(statx_of(file_.c_str(), 0, STATX_BASIC_STATS), 0);
  EXPECT_EQ(statx_.stx_btime.tv_sec, 0);
}

TEST_F(StatusTest, TellsTimesBefore1970) {
  world_.inodes.set_times(id(file_), -1, -kSecondNs - 1, 0);
  ASSERT_EQ(stat_at(AT_FDCWD, file_.c_str(), 0), 0);
  EXPECT_EQ(status_.st_atim.tv_sec, -1);
  EXPECT_EQ(status_.st_atim.tv_nsec, 999'999'999);
  EXPECT_EQ(status_.st_mtim.tv_sec, -2);
}

TEST_F(StatusTest, TellsOfASubstituteAsOfWhatItStandsFor) {
  world_.substitutes.insert(id(file_));
  ASSERT_EQ(stat_at(AT_FDCWD, file_.c_str(), 0), 0);
  EXPECT_EQ(status_.st_mode, S_IFREG | 0444U);
  EXPECT_EQ(status_.st_size, 0);
  EXPECT_EQ(status_.st_mtim.tv_sec, world_.settings.epoch_ns / kSecondNs);
}

TEST_F(StatusTest, TellsAFileSystemOfFixedSize) {
  struct statfs space {};
  sys::call::statfs call{};
  call.pathname.address = address_of(file_.c_str());
  call.buf.address = address_of(&space);
  ASSERT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_EQ(guest_.injected(), 0);
  EXPECT_EQ(space.f_blocks, 16U << 20U);
  EXPECT_EQ(space.f_bsize, 4096);
  EXPECT_EQ(space.f_namelen, 255);
  EXPECT_EQ(space.f_fsid.__val[0], 0);
  call.pathname.address = address_of("/proc/self");
  ASSERT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_EQ(space.f_type, PROC_SUPER_MAGIC);
  EXPECT_EQ(space.f_blocks, 0U);
  call.pathname.address = address_of("/none/such");
  EXPECT_EQ(guest_.run(handlers_, call), -ENOENT);
  sys::call::fstatfs descriptor{};
  descriptor.fd.value = 12345;
  EXPECT_EQ(guest_.run(handlers_, descriptor), -EBADF);
}

TEST_F(StatusTest, FindsFileSystemsByTheDeviceThatItTold) {
  struct {
    std::uint32_t free_blocks;
    std::uint64_t free_files;
    char names[12];
  } space{};
  sys::call::ustat call{};
  call.dev.value = 1;
  call.ubuf.address = address_of(&space);
  EXPECT_EQ(guest_.run(handlers_, call), -EINVAL);
  ASSERT_EQ(stat_at(AT_FDCWD, file_.c_str(), 0), 0);
  call.dev.value = static_cast<std::uint32_t>(status_.st_dev);
  ASSERT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_EQ(space.free_files, 2U << 20U);
}

TEST_F(StatusTest, LeavesLinksOfFilesToTheKernel) {
  ASSERT_EQ(symlink("pipe:[77]", (scratch_ / "link").c_str()), 0);
  EXPECT_EQ(link_text(scratch_ / "link"), "pipe:[77]");
  EXPECT_TRUE(guest_.has_passed());
  EXPECT_EQ(link_text(scratch_ / "none"), std::strerror(ENOENT));
}

TEST_F(StatusTest, NumbersPipesAndSocketsInLinksOfProc) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM, 0));
  const auto name = [](const UniqueFd& file) {
    return "/proc/self/fd/" + std::to_string(file.get());
  };
  EXPECT_EQ(link_text(name(reader)), "pipe:[1]");
  EXPECT_EQ(link_text(name(writer)), "pipe:[1]");
  EXPECT_EQ(link_text(name(socket)), "socket:[2]");
  EXPECT_EQ(link_text("/dev/fd/" + std::to_string(reader.get())), "pipe:[1]");
  EXPECT_EQ(link_text(name(reader), 6), "pipe:[");
  EXPECT_EQ(link_text(name(reader), 0), std::strerror(EINVAL));
  sys::call::fstat call{};
  call.fd.value = reader.get();
  call.statbuf.address = address_of(&status_);
  ASSERT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_EQ(status_.st_ino, 1U);
}

TEST_F(StatusTest, TellsOtherLinksOfProcAsTheyAre) {
  const auto open = base::open_file(file_, O_RDONLY);
  EXPECT_EQ(link_text("/proc/self/fd/" + std::to_string(open->get())), file_);
  EXPECT_EQ(link_text("/proc/self/ns/uts"), "uts:[1]");
}

}  // namespace
}  // namespace tc::determinism
