#include "proc/source.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "proc/maps.h"

namespace tc::proc {
namespace {

TEST(LiveProc, ReadsThisProcess) {
  const LiveProc proc;
  const auto pid = static_cast<std::uint32_t>(::getpid());
  const auto maps = proc.maps(pid);
  ASSERT_TRUE(maps.ok());
  EXPECT_TRUE(parse_maps(*maps, "maps").ok());
  EXPECT_TRUE(proc.cgroup(pid).ok());
  const auto exe = proc.exe(pid);
  ASSERT_TRUE(exe.ok());
  EXPECT_TRUE(std::filesystem::exists(proc.file_in_root(pid, *exe)));
}

TEST(LiveProc, TellsAProcessThatIsNotThere) {
  const LiveProc proc("/proc");
  EXPECT_EQ(proc.maps(0x7fffffff).error().code(), ENOENT);
}

TEST(LiveProc, NamesTheKernelsFiles) {
  const LiveProc proc("/p");
  EXPECT_EQ(proc.file_in_root(7, "/lib/x"), "/p/7/root/lib/x");
  EXPECT_EQ(proc.mapped_file(7, 0x1000, 0xff000), "/p/7/map_files/1000-ff000");
  EXPECT_EQ(proc.memory(7), "/p/7/mem");
}

TEST(FixtureProc, ReadsTheRecordedFiles) {
  const std::string directory = testing::TempDir() + "fixture_proc";
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/42-maps.txt") << "1000-2000 r--p 0 00:00 0\n";
  std::ofstream(directory + "/42-exe.txt") << "/usr/bin/app\n";
  const FixtureProc proc(directory);
  EXPECT_EQ(proc.maps(42).value(), "1000-2000 r--p 0 00:00 0\n");
  EXPECT_EQ(proc.exe(42).value(), "/usr/bin/app");
  EXPECT_EQ(proc.file_in_root(42, "/lib/x"), "/lib/x");
  EXPECT_EQ(proc.cgroup(42).error().code(), ENOENT);
  EXPECT_EQ(proc.maps(43).error().code(), ENOENT);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace tc::proc
