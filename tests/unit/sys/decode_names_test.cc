#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>

#include "sys/constants.h"
#include "sys/decode.h"

namespace tc::sys {
namespace {

TEST(ErrnoName, HasANameForEveryNumber) {
  EXPECT_EQ(errno_name(ENOENT), "ENOENT");
  EXPECT_EQ(errno_name(EHWPOISON), "EHWPOISON");
  EXPECT_EQ(errno_name(512), "ERESTARTSYS");
  EXPECT_EQ(errno_name(41), "E41");
  EXPECT_EQ(errno_name(600), "E600");
  EXPECT_EQ(errno_name(4095), "E4095");
}

TEST(SignalName, CountsRealTimeSignalsAsTheKernelDoes) {
  EXPECT_EQ(signal_name(SIGINT), "SIGINT");
  EXPECT_EQ(signal_name(SIGSYS), "SIGSYS");
  EXPECT_EQ(signal_name(32), "SIGRT_0");
  EXPECT_EQ(signal_name(64), "SIGRT_32");
  EXPECT_EQ(signal_name(0), "");
  EXPECT_EQ(signal_name(65), "");
  EXPECT_EQ(signal_name(UINT64_MAX), "");
}

TEST(FlagsText, PutsWiderMasksBeforeTheBitsTheyContain) {
  EXPECT_EQ(flags_text(open_flags::kNames, 04010000), "O_RDONLY|O_SYNC");
  EXPECT_EQ(flags_text(open_flags::kNames, 010000), "O_RDONLY|O_DSYNC");
}

TEST(FlagsText, TellsWhatHasNoName) {
  static constexpr NamedNumber kValues[] = {{1, "ONE"}, {4, "FOUR"}};
  constexpr Names kBits = {"bits", kValues, true, 0};
  EXPECT_EQ(flags_text(kBits, 0), "0");
  EXPECT_EQ(flags_text(kBits, 5), "ONE|FOUR");
  EXPECT_EQ(flags_text(kBits, 0x85), "ONE|FOUR|0x80");
  EXPECT_EQ(flags_text(kBits, 0x80), "0x80");
  constexpr Names kMixed = {"mixed", kValues, true, 3};
  EXPECT_EQ(flags_text(kMixed, 6), "FOUR|0x2");
  EXPECT_EQ(flags_text(open_flags::kNames, 3), "0x3");
  constexpr Names kOne = {"one", kValues, false, 0};
  EXPECT_EQ(flags_text(kOne, 4), "FOUR");
  EXPECT_EQ(flags_text(kOne, 7), "7");
  EXPECT_EQ(flags_text(kOne, UINT64_MAX), "-1");
  EXPECT_EQ(flags_text(kOne, 0x5413), "0x5413");
}

}  // namespace
}  // namespace tc::sys
