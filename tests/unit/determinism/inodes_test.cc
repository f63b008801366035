#include "determinism/inodes.h"

#include <gtest/gtest.h>

namespace tc::determinism {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStarted = 1'000 * kSecond;
constexpr FileId kFile{.device = 5, .inode = 70};

struct statx regular(std::int64_t seconds) {
  struct statx host {};
  host.stx_mode = S_IFREG | 0644;
  host.stx_mtime.tv_sec = seconds;
  host.stx_ctime.tv_sec = seconds;
  return host;
}

FileClock all(std::int64_t ns) {
  return {.accessed = ns, .modified = ns, .changed = ns, .born = ns};
}

TEST(Inodes, GivesNumbersInOrderOfFirstSight) {
  Inodes inodes;
  const std::uint64_t first = inodes.number(kFile);
  const std::uint64_t second = inodes.number({.device = 5, .inode = 3});
  EXPECT_EQ(second, first + 1);
  EXPECT_EQ(inodes.number(kFile), first);
  EXPECT_EQ(inodes.number({.device = 6, .inode = 70}), second + 1);
}

TEST(Inodes, GivesARecycledNumberAnew) {
  Inodes inodes;
  const std::uint64_t first = inodes.number(kFile);
  inodes.created(kFile, 7);
  EXPECT_EQ(inodes.number(kFile), first + 1);
  EXPECT_EQ(inodes.number(kFile), first + 1);
}

TEST(Inodes, NumbersDevices) {
  Inodes inodes;
  EXPECT_FALSE(inodes.has_given_device(0));
  EXPECT_FALSE(inodes.has_given_device(1));
  EXPECT_EQ(inodes.device(0xfe00), 1U);
  EXPECT_EQ(inodes.device(25), 2U);
  EXPECT_EQ(inodes.device(0xfe00), 1U);
  EXPECT_TRUE(inodes.has_given_device(2));
  EXPECT_FALSE(inodes.has_given_device(3));
}

TEST(Inodes, TellsOneTimeOfWhatTheRunHasNotTouched) {
  Inodes inodes;
  Settings settings;
  EXPECT_EQ(inodes.times(regular(17), kFile, settings, kStarted, 9), all(settings.epoch_ns));
  settings.file_times = FileTimes::kKeep;
  EXPECT_EQ(inodes.times(regular(17), kFile, settings, kStarted, 9), all(17 * kSecond));
}

TEST(Inodes, TellsTheTimeOfTheRunForWhatItHasChanged) {
  Inodes inodes;
  const Settings settings;
  const std::int64_t epoch = settings.epoch_ns;
  inodes.created(kFile, epoch + 5);
  EXPECT_EQ(inodes.times(regular(2'000), kFile, settings, kStarted, epoch + 50), all(epoch + 5));
  inodes.modified(kFile, epoch + 6);
  inodes.changed(kFile, epoch + 7);
  EXPECT_EQ(
      inodes.times(regular(2'000), kFile, settings, kStarted, epoch + 50),
      (FileClock{
          .accessed = epoch + 5, .modified = epoch + 6, .changed = epoch + 7, .born = epoch + 5}));
}

TEST(Inodes, KeepsTimesThatWereSet) {
  Inodes inodes;
  const Settings settings;
  inodes.set_times(kFile, std::nullopt, -3, 12);
  EXPECT_EQ(inodes.times(regular(1), kFile, settings, kStarted, 50),
            (FileClock{.accessed = settings.epoch_ns,
                       .modified = -3,
                       .changed = 12,
                       .born = settings.epoch_ns}));
  inodes.set_times(kFile, 4, std::nullopt, 13);
  const FileClock times = inodes.times(regular(1), kFile, settings, kStarted, 50);
  EXPECT_EQ(times.accessed, 4);
  EXPECT_EQ(times.modified, -3);
  EXPECT_EQ(times.changed, 13);
}

TEST(Inodes, NoticesOnceWhatChangedUntold) {
  for (const FileTimes kept : {FileTimes::kFixed, FileTimes::kKeep}) {
    Inodes inodes;
    Settings settings;
    settings.file_times = kept;
    const FileClock first = inodes.times(regular(1'001), kFile, settings, kStarted, 50);
    EXPECT_EQ(first.modified, 50);
    EXPECT_EQ(first.changed, 50);
    EXPECT_EQ(first.born, settings.epoch_ns);
    EXPECT_EQ(inodes.times(regular(1'002), kFile, settings, kStarted, 60), first);
  }
}

TEST(Inodes, TakesATimeOfTheFutureForNoChange) {
  Inodes inodes;
  const Settings settings;
  struct statx host = regular(17);
  host.stx_mtime.tv_sec = 5'000;  // set so before the run, as ctime tells
  EXPECT_EQ(inodes.times(host, kFile, settings, kStarted, 50), all(settings.epoch_ns));
}

TEST(Inodes, DoesNotTellWhenTheHostUsedADevice) {
  Inodes inodes;
  Settings settings;
  settings.file_times = FileTimes::kKeep;
  struct statx host = regular(5'000);
  host.stx_mode = S_IFCHR | 0620;
  EXPECT_EQ(inodes.times(host, kFile, settings, kStarted, 50), all(settings.epoch_ns));
}

TEST(Inodes, WaitsUntilStampsOfFilesAreNotBeforeTheStart) {
  const std::int64_t start = host_wall_ns();
  await_file_stamps(start);
  ::timespec coarse{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &coarse);
  EXPECT_GE(coarse.tv_sec * kSecond + coarse.tv_nsec, start);
}

}  // namespace
}  // namespace tc::determinism
