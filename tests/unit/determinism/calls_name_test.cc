// mkdir(2), link(2), rename(2), unlink(2), utimensat(2), truncate(2) and their kin: what they tell
// the book of inodes. The test makes files of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#include <cerrno>

#include "determinism/calls.h"
#include "determinism/lookup.h"
#include "support/own_tracee.h"
#include "support/scratch_directory.h"

namespace tc::determinism {
namespace {

using test::address_of;
using test::OwnTracee;

class NameTest : public testing::Test {
 protected:
  NameTest() {
    add_name_calls(handlers_, world_);
    add_file_time_calls(handlers_, world_);
    EXPECT_TRUE(base::open_file(file_, O_CREAT | O_WRONLY).ok());
    EXPECT_EQ(mkdir(directory_.c_str(), 0700), 0);
    EXPECT_EQ(mkdir(other_.c_str(), 0700), 0);
    world_.clock.advance(kSecondNs);
  }

  FileClock times(const std::string& path) {
    const Lookup lookup = look_up(guest_, {.text = path}, LastLink::kKeep);
    return world_.inodes.times(lookup.found->status, lookup.found->id(), world_.settings,
                               world_.host_started_ns + 3600 * kSecondNs, 0);
  }
  bool is_untouched(const std::string& path) {
    return times(path).changed == world_.clock.epoch_ns();
  }
  std::int64_t now() const { return world_.clock.wall_ns(); }

  template <class T>
  std::int64_t make(T call, const std::string& path) {
    call.pathname.address = address_of(path.c_str());
    return guest_.run(handlers_, call);
  }
  std::int64_t rename(const std::string& from, const std::string& to) {
    sys::call::rename call{};
    call.oldname.address = address_of(from.c_str());
    call.newname.address = address_of(to.c_str());
    return guest_.run(handlers_, call);
  }
  std::int64_t set_times(const char* path, const timespec* times, int dirfd = AT_FDCWD) {
    sys::call::utimensat call{};
    call.dfd.value = dirfd;
    call.filename.address = address_of(path);
    call.utimes.address = address_of(times);
    return guest_.run(handlers_, call);
  }

  World world_{Settings{}};
  guest::Handlers handlers_;
  OwnTracee guest_{1};
  test::ScratchDirectory scratch_;
  std::string file_ = scratch_ / "file";
  std::string directory_ = scratch_ / "directory";
  std::string other_ = scratch_ / "other";
};

TEST_F(NameTest, NewDirectoriesAreNew) {
  EXPECT_EQ(make(sys::call::mkdir{.pathname = {}, .mode = {0700}}, directory_ + "/new/"), 0);
  EXPECT_EQ(times(directory_ + "/new").born, now());
  EXPECT_EQ(times(directory_).modified, now());
  EXPECT_TRUE(is_untouched(scratch_.path()));
}

TEST_F(NameTest, AFailureTellsNothing) {
  EXPECT_EQ(make(sys::call::mkdir{.pathname = {}, .mode = {0700}}, directory_), -EEXIST);
  EXPECT_EQ(make(sys::call::rmdir{}, scratch_.path()), -ENOTEMPTY);
  EXPECT_EQ(make(sys::call::unlink{}, scratch_ / "none"), -ENOENT);
  EXPECT_EQ(make(sys::call::unlink{}, directory_), -EISDIR);
  EXPECT_EQ(rename(scratch_ / "none", file_), -ENOENT);
  EXPECT_EQ(make(sys::call::mkdir{.pathname = {}, .mode = {0700}}, std::string(5000, 'x')),
            -ENAMETOOLONG);
  for (const std::string& path : {scratch_.path(), directory_, file_})
    EXPECT_TRUE(is_untouched(path)) << path;
}

TEST_F(NameTest, NewNodesAndLinksAreNew) {
  sys::call::mknodat node{};
  const auto open = base::open_file(directory_, O_PATH);
  node.dfd.value = open->get();
  node.filename.address = address_of("fifo");
  node.mode.value = S_IFIFO | 0600;
  EXPECT_EQ(guest_.run(handlers_, node), 0);
  EXPECT_EQ(times(directory_ + "/fifo").born, now());
  EXPECT_EQ(times(directory_).modified, now());

  const std::string link = scratch_ / "link";
  sys::call::symlink symlink{};
  symlink.oldname.address = address_of("nowhere");
  symlink.newname.address = address_of(link.c_str());
  EXPECT_EQ(guest_.run(handlers_, symlink), 0);
  EXPECT_EQ(times(link).born, now());
}

TEST_F(NameTest, ASecondNameChangesTheInode) {
  const std::string second = directory_ + "/second";
  sys::call::linkat call{};
  call.olddfd.value = AT_FDCWD;
  call.oldname.address = address_of(file_.c_str());
  call.newdfd.value = AT_FDCWD;
  call.newname.address = address_of(second.c_str());
  EXPECT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_EQ(times(file_).changed, now());
  EXPECT_EQ(times(file_).modified, world_.clock.epoch_ns());
  EXPECT_EQ(times(directory_).modified, now());
}

TEST_F(NameTest, RenamingChangesBothDirectories) {
  ASSERT_TRUE(base::open_file(directory_ + "/a", O_CREAT).ok());
  EXPECT_EQ(rename(directory_ + "/a", other_ + "/b"), 0);
  EXPECT_EQ(times(directory_).modified, now());
  EXPECT_EQ(times(other_).modified, now());
  EXPECT_EQ(times(other_ + "/b").changed, now());
  EXPECT_EQ(times(other_ + "/b").modified, world_.clock.epoch_ns());
  EXPECT_TRUE(is_untouched(scratch_.path()));
}

TEST_F(NameTest, RemovingChangesTheDirectory) {
  EXPECT_EQ(make(sys::call::unlink{}, file_), 0);
  EXPECT_TRUE(guest_.has_passed());
  EXPECT_EQ(times(scratch_.path()).modified, now());
  world_.clock.advance(kSecondNs);
  sys::call::unlinkat call{};
  call.dfd.value = AT_FDCWD;
  call.pathname.address = address_of(directory_.c_str());
  call.flag.value = AT_REMOVEDIR;
  EXPECT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_EQ(times(scratch_.path()).modified, now());
}

TEST_F(NameTest, TellsOfFilesWhereOnlyTheGuestCanLook) {
  guest_.process().has_own_root = true;
  EXPECT_EQ(make(sys::call::mkdir{.pathname = {}, .mode = {0700}}, scratch_ / "new"), 0);
  const timespec chosen[2] = {{.tv_sec = 8, .tv_nsec = 1}, {.tv_sec = 9, .tv_nsec = 2}};
  EXPECT_EQ(set_times(file_.c_str(), chosen), 0);
  guest_.process().has_own_root = false;
  EXPECT_EQ(times(scratch_ / "new").born, now());
  EXPECT_EQ(times(file_).modified, 9 * kSecondNs + 2);
}

TEST_F(NameTest, NowIsTheVirtualNow) {
  EXPECT_EQ(set_times(file_.c_str(), nullptr), 0);
  EXPECT_EQ(times(file_).accessed, now());
  EXPECT_EQ(times(file_).modified, now());
  EXPECT_EQ(times(file_).born, world_.clock.epoch_ns());
}

TEST_F(NameTest, ChosenTimesAreKept) {
  const timespec chosen[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = -2, .tv_nsec = 5}};
  EXPECT_EQ(set_times(file_.c_str(), chosen), 0);
  EXPECT_EQ(times(file_).accessed, world_.clock.epoch_ns());
  EXPECT_EQ(times(file_).modified, -2 * kSecondNs + 5);
  EXPECT_EQ(times(file_).changed, now());
  struct stat status {};
  ASSERT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mtim.tv_sec, -2);

  const auto open = base::open_file(file_, O_RDONLY);
  const timespec mixed[2] = {{.tv_sec = 3, .tv_nsec = 0}, {.tv_sec = 0, .tv_nsec = UTIME_NOW}};
  EXPECT_EQ(set_times(nullptr, mixed, open->get()), 0);
  EXPECT_EQ(times(file_).accessed, 3 * kSecondNs);
  EXPECT_EQ(times(file_).modified, now());
}

TEST_F(NameTest, NothingIsSetWhereTheKernelRefuses) {
  const timespec wrong[2] = {{.tv_sec = 0, .tv_nsec = 1'000'000'000}, {.tv_sec = 1, .tv_nsec = 0}};
  EXPECT_EQ(set_times(file_.c_str(), wrong), -EINVAL);
  const timespec nothing[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                               {.tv_sec = 0, .tv_nsec = UTIME_OMIT}};
  EXPECT_EQ(set_times(file_.c_str(), nothing), 0);
  EXPECT_EQ(set_times(file_.c_str(), reinterpret_cast<const timespec*>(16)), -EFAULT);
  EXPECT_EQ(set_times((scratch_ / "none").c_str(), nullptr), -ENOENT);
  EXPECT_TRUE(is_untouched(file_));
}

TEST_F(NameTest, ElderCallsSetTimesToo) {
  const timeval microseconds[2] = {{.tv_sec = 4, .tv_usec = 5}, {.tv_sec = 6, .tv_usec = 7}};
  sys::call::utimes utimes{};
  utimes.filename.address = address_of(file_.c_str());
  utimes.utimes.address = address_of(microseconds);
  EXPECT_EQ(guest_.run(handlers_, utimes), 0);
  EXPECT_EQ(times(file_).accessed, 4 * kSecondNs + 5'000);
  EXPECT_EQ(times(file_).modified, 6 * kSecondNs + 7'000);

  const utimbuf seconds{.actime = 11, .modtime = 12};
  sys::call::utime utime{};
  utime.filename.address = address_of(file_.c_str());
  utime.times.address = address_of(&seconds);
  EXPECT_EQ(guest_.run(handlers_, utime), 0);
  EXPECT_EQ(times(file_).accessed, 11 * kSecondNs);
  EXPECT_EQ(times(file_).modified, 12 * kSecondNs);

  sys::call::futimesat futimesat{};
  futimesat.dfd.value = AT_FDCWD;
  futimesat.filename.address = address_of(file_.c_str());
  EXPECT_EQ(guest_.run(handlers_, futimesat), 0);
  EXPECT_EQ(times(file_).modified, now());
}

TEST_F(NameTest, ANewSizeIsAChange) {
  sys::call::truncate call{};
  call.path.address = address_of(file_.c_str());
  EXPECT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_TRUE(is_untouched(file_));  // it was empty already
  call.length.value = 100;
  EXPECT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_EQ(times(file_).modified, now());
  world_.clock.advance(kSecondNs);
  const auto open = base::open_file(file_, O_RDWR);
  sys::call::ftruncate descriptor{};
  descriptor.fd.value = open->get();
  EXPECT_EQ(guest_.run(handlers_, descriptor), 0);
  EXPECT_EQ(times(file_).modified, now());
}

}  // namespace
}  // namespace tc::determinism
