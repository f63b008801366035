// chmod(2), chown(2), setxattr(2) and their kin: that they change ctime, and nothing else. The test
// makes a file of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "determinism/calls.h"
#include "determinism/lookup.h"
#include "support/own_tracee.h"
#include "support/scratch_directory.h"

namespace tc::determinism {
namespace {

using test::address_of;
using test::OwnTracee;

class AttributeTest : public testing::Test {
 protected:
  AttributeTest() {
    add_attribute_calls(handlers_, world_);
    EXPECT_TRUE(base::open_file(file_, O_CREAT | O_WRONLY).ok());
    EXPECT_EQ(symlink(file_.c_str(), link_.c_str()), 0);
    world_.clock.advance(kSecondNs);
  }

  FileClock times(const std::string& path) {
    const Lookup lookup = look_up(guest_, {.text = path}, LastLink::kKeep);
    return world_.inodes.times(lookup.found->status, lookup.found->id(), world_.settings,
                               world_.host_started_ns + 3600 * kSecondNs, 0);
  }
  bool has_changed(const std::string& path) {
    const FileClock told = times(path);
    EXPECT_EQ(told.modified, world_.clock.epoch_ns());
    return told.changed == world_.clock.wall_ns();
  }

  World world_{Settings{}};
  guest::Handlers handlers_;
  OwnTracee guest_{1};
  const test::ScratchDirectory scratch_;
  const std::string file_ = scratch_ / "file";
  const std::string link_ = scratch_ / "link";
};

TEST_F(AttributeTest, AModeIsPartOfTheInode) {
  sys::call::chmod call{};
  call.filename.address = address_of(link_.c_str());
  call.mode.value = 0600;
  EXPECT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_TRUE(has_changed(file_));
  EXPECT_FALSE(has_changed(link_));
  struct stat status {};
  EXPECT_EQ(stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(AttributeTest, ALinkHasAnOwnerOfItsOwn) {
  sys::call::lchown call{};
  call.filename.address = address_of(link_.c_str());
  call.user.value = getuid();
  call.group.value = getgid();
  EXPECT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_TRUE(has_changed(link_));
  EXPECT_FALSE(has_changed(file_));
}

TEST_F(AttributeTest, AnOpenFileIsChangedByItsDescriptor) {
  const auto file = base::open_file(file_, O_RDONLY);
  sys::call::fchmod call{};
  call.fd.value = file->get();
  call.mode.value = 0640;
  EXPECT_EQ(guest_.run(handlers_, call), 0);
  EXPECT_TRUE(has_changed(file_));
}

TEST_F(AttributeTest, WhatIsMissingIsTheKernelsToTell) {
  sys::call::chmod call{};
  const std::string missing = scratch_ / "missing";
  call.filename.address = address_of(missing.c_str());
  EXPECT_EQ(guest_.run(handlers_, call), -ENOENT);
  call.filename.address = 8;
  EXPECT_EQ(guest_.run(handlers_, call), -EFAULT);
}

}  // namespace
}  // namespace tc::determinism
