// open(2) and its kin, of files and of names under /proc: the test opens files of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "determinism/calls.h"
#include "determinism/lookup.h"
#include "determinism/proc_files.h"
#include "support/own_tracee.h"
#include "support/scratch_directory.h"

namespace tc::determinism {
namespace {

using test::address_of;
using test::OwnTracee;

class OpenTest : public testing::Test {
 protected:
  OpenTest() {
    add_open_calls(handlers_, world_);
    EXPECT_TRUE(base::open_file(file_, O_CREAT | O_WRONLY).ok());
    world_.clock.advance(kSecondNs);
  }

  std::int64_t open(const std::string& path, int flags, mode_t mode = 0600) {
    sys::call::openat call{};
    call.dfd.value = AT_FDCWD;
    call.filename.address = address_of(path.c_str());
    call.flags.value = static_cast<std::uint32_t>(flags);
    call.mode.value = mode;
    const std::int64_t fd = guest_.run(handlers_, call);
    opened_ = UniqueFd(fd < 0 ? -1 : static_cast<int>(fd));
    return fd;
  }
  // The virtual mtime; the epoch of what was not touched.
  std::int64_t modified(const std::string& path) {
    const Lookup lookup = look_up(guest_, {.text = path}, LastLink::kKeep);
    return world_.inodes
        .times(lookup.found->status, lookup.found->id(), world_.settings,
               world_.host_started_ns + 3600 * kSecondNs, 0)
        .modified;
  }

  World world_{Settings{}};
  guest::Handlers handlers_;
  OwnTracee guest_{1};
  test::ScratchDirectory scratch_;
  std::string file_ = scratch_ / "file";
  UniqueFd opened_;
};

TEST_F(OpenTest, PassesWhatIsOnlyOpened) {
  ASSERT_GE(open(file_, O_RDONLY), 0);
  EXPECT_TRUE(guest_.has_passed());
  ASSERT_GE(open(file_, O_RDWR | O_CREAT), 0);
  EXPECT_TRUE(guest_.has_passed());
  ASSERT_GE(open(scratch_.path(), O_RDONLY | O_DIRECTORY), 0);
  EXPECT_TRUE(guest_.has_passed());
  EXPECT_EQ(open(scratch_ / "none", O_RDONLY), -ENOENT);
  EXPECT_EQ(open(file_, O_RDWR | O_CREAT | O_EXCL), -EEXIST);
  EXPECT_EQ(open("", O_RDONLY), -ENOENT);
  EXPECT_EQ(modified(file_), world_.clock.epoch_ns());
}

TEST_F(OpenTest, TellsOfANewFileAndItsDirectory) {
  const std::string path = scratch_ / "new";
  ASSERT_GE(open(path, O_RDWR | O_CREAT, 0640), 0);
  EXPECT_EQ(guest_.injected(), 1);
  EXPECT_EQ(modified(path), world_.clock.wall_ns());
  EXPECT_EQ(modified(scratch_.path()), world_.clock.wall_ns());
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
}

TEST_F(OpenTest, TellsOfANewFileByCreat) {
  const std::string path = scratch_ / "new";
  sys::call::creat call{};
  call.pathname.address = address_of(path.c_str());
  call.mode.value = 0600;
  opened_ = UniqueFd(static_cast<int>(guest_.run(handlers_, call)));
  ASSERT_TRUE(opened_);
  EXPECT_EQ(modified(path), world_.clock.wall_ns());
}

TEST_F(OpenTest, TellsOfAnEmptiedFile) {
  ASSERT_GE(open(file_, O_WRONLY | O_TRUNC), 0);
  EXPECT_EQ(modified(file_), world_.clock.wall_ns());
  EXPECT_EQ(modified(scratch_.path()), world_.clock.epoch_ns());
}

TEST_F(OpenTest, TellsOfAFileWithoutAName) {
  const std::int64_t fd = open(scratch_.path(), O_RDWR | O_TMPFILE);
  if (fd == -EOPNOTSUPP) GTEST_SKIP() << "no O_TMPFILE here";
  ASSERT_GE(fd, 0);
  const auto found = look_at(UniqueFd(dup(opened_.get())));
  EXPECT_EQ(world_.inodes.times(found->status, found->id(), world_.settings, 0, 0).born,
            world_.clock.wall_ns());
  EXPECT_EQ(modified(scratch_.path()), world_.clock.epoch_ns());
}

TEST_F(OpenTest, FindsOutWhatIsNewWhereItCannotLook) {
  guest_.process().has_own_root = true;
  const std::string path = scratch_ / "new";
  ASSERT_GE(open(path, O_RDWR | O_CREAT), 0);
  EXPECT_EQ(fcntl(opened_.get(), F_GETFL) & O_NONBLOCK, 0);
  ASSERT_GE(open(file_, O_RDWR | O_CREAT | O_NONBLOCK), 0);
  EXPECT_NE(fcntl(opened_.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(open(path, O_RDWR | O_CREAT | O_EXCL), -EEXIST);
  EXPECT_EQ(open(scratch_ / "none/new", O_RDWR | O_CREAT), -ENOENT);
  guest_.process().has_own_root = false;
  EXPECT_EQ(modified(path), world_.clock.wall_ns());
  EXPECT_EQ(modified(file_), world_.clock.epoch_ns());
}

TEST_F(OpenTest, OpensByOpenat2) {
  const std::string path = scratch_ / "new";
  struct {
    open_how how;
    std::uint64_t more;
  } how{};
  how.how.flags = O_RDWR | O_CREAT;
  how.how.mode = 0600;
  sys::call::openat2 call{};
  call.dfd.value = AT_FDCWD;
  call.filename.address = address_of(path.c_str());
  call.how.address = address_of(&how);
  call.usize.value = sizeof(how);
  how.more = 1;
  EXPECT_EQ(guest_.run(handlers_, call), -E2BIG);
  how.more = 0;
  opened_ = UniqueFd(static_cast<int>(guest_.run(handlers_, call)));
  ASSERT_TRUE(opened_);
  EXPECT_EQ(modified(path), world_.clock.wall_ns());
  call.usize.value = 8;
  EXPECT_EQ(guest_.run(handlers_, call), -EINVAL);
  call.usize.value = sizeof(open_how);
  how.how = {.flags = O_RDONLY, .mode = 0, .resolve = RESOLVE_NO_SYMLINKS};
  ASSERT_EQ(symlink("new", (scratch_ / "link").c_str()), 0);
  const std::string link = scratch_ / "link";
  call.filename.address = address_of(link.c_str());
  EXPECT_EQ(guest_.run(handlers_, call), -ELOOP);
}

TEST_F(OpenTest, OpensATextInThePlaceOfAKernelFile) {
  ASSERT_GE(open("/proc/uptime", O_RDONLY | O_CLOEXEC), 0);
  EXPECT_FALSE(guest_.has_passed());
  EXPECT_NE(fcntl(opened_.get(), F_GETFD) & FD_CLOEXEC, 0);
  const auto text = base::read_file("/proc/self/fd/" + std::to_string(opened_.get()));
  EXPECT_EQ(*text, proc_file(world_, guest_, "/proc/uptime").text);
  EXPECT_EQ(lseek(opened_.get(), 0, SEEK_CUR), 0);
  const auto found = look_at(UniqueFd(dup(opened_.get())));
  EXPECT_TRUE(world_.substitutes.contains(found->id()));
}

TEST_F(OpenTest, NamesATextAfterWhatItStandsFor) {
  add_link_text_calls(handlers_, world_);
  ASSERT_GE(open("/proc/../proc/uptime", O_RDONLY), 0);
  const std::string name = "/proc/self/fd/" + std::to_string(opened_.get());
  char text[100];
  sys::call::readlink call{};
  call.path.address = address_of(name.c_str());
  call.buf.address = address_of(text);
  call.bufsiz.value = sizeof(text);
  const std::int64_t length = guest_.run(handlers_, call);
  ASSERT_GT(length, 0);
  EXPECT_EQ(std::string(text, static_cast<std::size_t>(length)), "/proc/uptime");
}

TEST_F(OpenTest, LeavesKernelFilesAsTheyAreWhereThatIsWanted) {
  Settings settings;
  settings.real_proc = true;
  World world(settings);
  guest::Handlers handlers;
  add_open_calls(handlers, world);
  sys::call::open call{};
  call.filename.address = address_of("/proc/uptime");
  opened_ = UniqueFd(static_cast<int>(guest_.run(handlers, call)));
  EXPECT_TRUE(guest_.has_passed());
}

TEST_F(OpenTest, OpensWhatADescriptorHasOpen) {
  ASSERT_GE(open(file_, O_RDWR), 0);
  const UniqueFd first = std::move(opened_);
  ASSERT_GE(open("/dev/fd/" + std::to_string(first.get()), O_WRONLY | O_TRUNC), 0);
  EXPECT_EQ(modified(file_), world_.clock.wall_ns());
  EXPECT_EQ(fcntl(opened_.get(), F_GETFL) & O_NONBLOCK, 0);
}

}  // namespace
}  // namespace tc::determinism
