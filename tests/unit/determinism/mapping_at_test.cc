#include "determinism/mapping_at.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace tc::determinism {
namespace {

const std::string kOwn = "/proc/self/maps";

TEST(MappingAt, TellsTheObjectAndThePlaceInIt) {
  const int fd = memfd_create("shared", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(fd, 3 * 4096), 0);
  struct stat status {};
  ASSERT_EQ(fstat(fd, &status), 0);
  void* const shared = mmap(nullptr, 8192, PROT_READ, MAP_SHARED, fd, 4096);
  ASSERT_NE(shared, MAP_FAILED);
  const std::uint64_t address = reinterpret_cast<std::uint64_t>(shared) + 4100;
  for (const auto& object : {mapping_at(kOwn, address), mapping_in_text(kOwn, address)}) {
    ASSERT_TRUE(object.has_value());
    EXPECT_TRUE(object->is_shared);
    EXPECT_EQ(object->inode, status.st_ino);
    EXPECT_EQ(object->offset, 8196U);
  }
  munmap(shared, 8192);
  close(fd);
  EXPECT_FALSE(mapping_at(kOwn, address).has_value());
  EXPECT_FALSE(mapping_in_text(kOwn, address).has_value());
}

TEST(MappingAt, KnowsPrivateMemory) {
  const int here = 0;
  const auto object = mapping_at(kOwn, reinterpret_cast<std::uint64_t>(&here));
  ASSERT_TRUE(object.has_value());
  EXPECT_FALSE(object->is_shared);
  EXPECT_FALSE(mapping_at("/nowhere", 0).has_value());
}

}  // namespace
}  // namespace tc::determinism
