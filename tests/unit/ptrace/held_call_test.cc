#include "ptrace/held_call.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <string>

#include "tc/capture.h"

namespace tc::ptrace {
namespace {

CallEntry call(std::uint64_t number) {
  return {.abi = TC_ABI_X86_64, .number = number, .arguments = {}};
}

TEST(HeldCall, IsOneThatTheKernelMayMakeAgain) {
  EXPECT_TRUE(is_to_be_restarted(-512));
  EXPECT_TRUE(is_to_be_restarted(-516));
  EXPECT_FALSE(is_to_be_restarted(-515));  // ENOIOCTLCMD
  EXPECT_FALSE(is_to_be_restarted(-EINTR));
  EXPECT_FALSE(is_to_be_restarted(0));
}

TEST(HeldCall, IsForgottenOnlyWhenAnIgnoredSignalMadeIt) {
  HeldCall held({}, call(SYS_read));
  EXPECT_FALSE(held.is_remade_by(call(SYS_read)));
  held.note_ignored_signal();
  EXPECT_TRUE(held.is_remade_by(call(SYS_read)));
  EXPECT_TRUE(held.is_remade_by(call(SYS_restart_syscall)));
  EXPECT_FALSE(held.is_remade_by(call(SYS_write)));
}

TEST(HeldCall, KeepsTheBytesOfItsPieces) {
  std::string bytes = "path";
  const std::array<sys::Piece, 1> pieces = {sys::Piece{.argument = 1, .part = 0, .bytes = bytes}};
  guest::Called event;
  event.call.pieces = pieces;
  const HeldCall held(event, call(SYS_openat));
  bytes = "gone";
  ASSERT_EQ(held.event().call.pieces.size(), 1U);
  EXPECT_EQ(held.event().call.pieces[0].bytes, "path");
}

}  // namespace
}  // namespace tc::ptrace
