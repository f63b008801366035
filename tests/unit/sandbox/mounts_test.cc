#include "sandbox/mounts.h"

#include <gtest/gtest.h>

#include "sandbox/overlay.h"

namespace tc::sandbox {
namespace {

TEST(MountPoints, AreReadWithEscapesAndOptionalFields) {
  const auto points = parse_mount_points(
      "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
      "27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard\n"
      "28 27 0:25 / /mnt/a\\040b\\134c ro,nosuid - tmpfs none rw,size=4k\n"
      "29 27 7:0 / /snap/x rw - squashfs /dev/loop0 ro\n");
  ASSERT_EQ(points.size(), 4U);
  EXPECT_EQ(points[0].path, "/proc");
  EXPECT_EQ(points[0].type, "proc");
  EXPECT_FALSE(points[0].read_only);
  EXPECT_EQ(points[1].type, "ext4");
  EXPECT_EQ(points[2].path, "/mnt/a b\\c");
  EXPECT_TRUE(points[2].read_only);
  EXPECT_TRUE(points[3].read_only);
}

TEST(MountPoints, AreTheLastOfThoseAtOnePath) {
  const auto points = parse_mount_points(
      "1 0 0:1 / /a rw - ext4 x rw\n"
      "2 0 0:2 / /b rw - ext4 x rw\n"
      "3 1 0:3 / /a rw - tmpfs x rw\n");
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[0].path, "/a");
  EXPECT_EQ(points[0].type, "tmpfs");
}

TEST(Path, LiesInADirectoryByWholeNames) {
  EXPECT_TRUE(lies_in("/tmp", "/tmp"));
  EXPECT_TRUE(lies_in("/tmp/a", "/tmp"));
  EXPECT_TRUE(lies_in("/tmp", "/"));
  EXPECT_FALSE(lies_in("/tmpa", "/tmp"));
  EXPECT_FALSE(lies_in("/", "/tmp"));
}

}  // namespace
}  // namespace tc::sandbox
