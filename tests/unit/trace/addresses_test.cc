#include "trace/addresses.h"

#include <gtest/gtest.h>

namespace tc::trace {
namespace {

constexpr std::uint64_t kMegabyte = 1U << 20U;

std::string described(const AddressSpace& memory, std::uint64_t address) {
  std::string out;
  return memory.describe(address, out) ? out : "unknown";
}

AddressSpace started() {
  AddressSpace memory;
  memory.add_file(0x555500000000, 0x555500002000, "/bin/prog", "/bin/prog");
  memory.add_file(0x555500002000, 0x555500005000, "/bin/prog", "/bin/prog");
  memory.add_file(0x7f0000000000, 0x7f0000020000, "/lib/ld.so", "/lib/ld.so");
  memory.set_program("/bin/prog", 0x555501000000, 0x7ffc00001000);
  return memory;
}

TEST(Addresses, TellsFilesByNameAndOffsetFromTheirLowestMapping) {
  const AddressSpace memory = started();
  EXPECT_EQ(described(memory, 0x555500000010), "prog+0x10");
  EXPECT_EQ(described(memory, 0x555500002004), "prog+0x2004");
  EXPECT_EQ(described(memory, 0x7f0000000000), "ld.so+0x0");
  EXPECT_EQ(described(memory, 0x7f0000020000), "unknown");
}

TEST(Addresses, TellsTheHeapAsFarAsItReaches) {
  AddressSpace memory = started();
  EXPECT_EQ(described(memory, 0x555501000000), "heap+0x0");
  EXPECT_EQ(described(memory, 0x555501000100), "unknown");
  memory.set_break(0x555501021000);
  EXPECT_EQ(described(memory, 0x555501000100), "heap+0x100");
  EXPECT_EQ(described(memory, 0x555501021000), "heap+0x21000");
  memory.set_break(0x555501001000);
  EXPECT_EQ(described(memory, 0x555501021000), "unknown");
}

TEST(Addresses, LearnsTheHeapFromTheFirstBreakWhenItIsNotKnown) {
  AddressSpace memory;
  memory.set_break(0x1000000);
  memory.set_break(0x1002000);
  EXPECT_EQ(described(memory, 0x1000010), "heap+0x10");
}

TEST(Addresses, TellsTheProgramsBssAndTheStackWithoutOffset) {
  const AddressSpace memory = started();
  EXPECT_EQ(described(memory, 0x555500005123), "prog+0x5123");
  EXPECT_EQ(described(memory, 0x7ffc00000ff8), "stack");
  EXPECT_EQ(described(memory, 0x7ffc00001ff8), "stack");
  EXPECT_EQ(described(memory, 0x7ffbff000000), "stack");
}

TEST(Addresses, NumbersAnonymousMemoryInOrderOfCreation) {
  AddressSpace memory = started();
  memory.map(0x7e0000010000, 0x3000, {}, {}, false, {});
  memory.map(0x7e0000000000, 100, {}, {}, false, {});
  EXPECT_EQ(described(memory, 0x7e0000010020), "anon#1+0x20");
  EXPECT_EQ(described(memory, 0x7e0000000fff), "anon#2+0xfff");
  memory.unmap(0x7e0000010000, 0x3000);
  EXPECT_EQ(described(memory, 0x7e0000010020), "unknown");
  memory.map(0x7e0000010000, 0x1000, {}, {}, false, "2");
  EXPECT_EQ(described(memory, 0x7e0000010000), "anon#2.1+0x0");
}

TEST(Addresses, ALoopThatMapsAndUnmapsIsToldTheSameEachTime) {
  AddressSpace memory;
  for (std::uint64_t at = 1; at < 4; ++at) {
    memory.map(at << 32U, 0x1000, {}, {}, false, {});
    EXPECT_EQ(described(memory, at << 32U), "anon#1+0x0");
    memory.unmap(at << 32U, 0x1000);
  }
}

TEST(Addresses, ALibraryIsOneModuleFromItsReservationToItsBss) {
  AddressSpace memory;
  constexpr std::uint64_t kBase = 0x7f1000000000;
  memory.map(kBase, 0x1e0000, "/lib/libc.so.6", "/lib/libc.so.6", false, {});
  memory.map(kBase + 0x26000, 0x155000, "/lib/libc.so.6", "/lib/libc.so.6", true, {});
  memory.map(kBase + 0x1d4000, 0xc000, {}, {}, true, {});
  EXPECT_EQ(described(memory, kBase + 0x2a1f0), "libc.so.6+0x2a1f0");
  EXPECT_EQ(described(memory, kBase + 0x1d5000), "libc.so.6+0x1d5000");
}

TEST(Addresses, ALibraryMappedIntoAReservationIsOneModuleToo) {
  AddressSpace memory;
  constexpr std::uint64_t kBase = 0x7f1000200000;
  memory.map(kBase - 0x200000, 0x800000, {}, {}, false, {});
  memory.map(kBase, 0x1000, "/x.so", "/x.so", true, {});
  memory.map(kBase + 0x1000, 0x2000, "/x.so", "/x.so", true, {});
  EXPECT_EQ(described(memory, kBase + 0x1010), "x.so+0x1010");
  EXPECT_EQ(described(memory, kBase + 0x3000), "anon#1+0x203000");
}

TEST(Addresses, TellsASecondMappingOfAFileApart) {
  AddressSpace memory;
  memory.map(0x7f1000000000, 0x1000, "/data", "/data", false, {});
  memory.map(0x7f2000000000, 0x1000, "/data", "/data", false, {});
  EXPECT_EQ(described(memory, 0x7f1000000000), "data+0x0");
  EXPECT_EQ(described(memory, 0x7f2000000008), "data#2+0x8");
}

TEST(Addresses, UnmappingTheMiddleLeavesBothEnds) {
  AddressSpace memory;
  memory.map(0x7f1000000000, 0x5000, {}, {}, false, {});
  memory.unmap(0x7f1000001000, 0x2000);
  EXPECT_EQ(described(memory, 0x7f1000000010), "anon#1+0x10");
  EXPECT_EQ(described(memory, 0x7f1000001000), "unknown");
  EXPECT_EQ(described(memory, 0x7f1000003000), "anon#1+0x3000");
  memory.unmap(0x7f1000000000, 0x1000);
  // One of the ends still has the number.
  memory.map(0x7f2000000000, 0x1000, {}, {}, false, {});
  EXPECT_EQ(described(memory, 0x7f2000000000), "anon#2+0x0");
}

TEST(Addresses, MemoryKeepsItsNameWhenItMoves) {
  AddressSpace memory;
  memory.map(0x7f1000000000, 0x2000, {}, {}, false, {});
  memory.remap(0x7f1000000000, 0x2000, 0x7f3000000000, 0x8000);
  EXPECT_EQ(described(memory, 0x7f1000000000), "unknown");
  EXPECT_EQ(described(memory, 0x7f3000007000), "anon#1+0x7000");
  memory.remap(0x7f3000000000, 0x8000, 0x7f3000000000, 0x1000);
  EXPECT_EQ(described(memory, 0x7f3000001000), "unknown");
}

TEST(Addresses, WhatAnAllocatorTrimsToAlignIsRecognised) {
  AddressSpace memory;
  // glibc: 128 MiB for an arena of 64 aligned to 64, wherever the kernel puts them.
  const std::uint64_t start = 0x7f1002345000;
  const std::uint64_t aligned = 0x7f1004000000;
  memory.map(start, 128 * kMegabyte, {}, {}, false, {});
  EXPECT_TRUE(memory.is_alignment_trim(start, aligned - start));
  memory.unmap(start, aligned - start);
  EXPECT_EQ(described(memory, aligned + 0x20), "anon#1+0x20");
  const std::uint64_t end = aligned + 64 * kMegabyte;
  const std::uint64_t rest = start + 128 * kMegabyte - end;
  EXPECT_TRUE(memory.is_alignment_trim(end, rest));
  memory.unmap(end, rest);
  EXPECT_EQ(described(memory, end), "unknown");
  EXPECT_EQ(described(memory, end - 8), "anon#1+0x3fffff8");
}

TEST(Addresses, AnOrdinaryUnmapIsNoTrim) {
  AddressSpace memory;
  memory.map(0x7f1002345000, 0x10000, {}, {}, false, {});
  EXPECT_FALSE(memory.is_alignment_trim(0x7f1002345000, 0x10000));
  EXPECT_FALSE(memory.is_alignment_trim(0x7f1002345000, 0x1000));
  EXPECT_FALSE(memory.is_alignment_trim(0x7f1002350000, 0x5000));
  EXPECT_FALSE(memory.is_alignment_trim(0x1000, 0x5000));
}

TEST(Addresses, ACopyIsIndependent) {
  AddressSpace parent;
  parent.map(0x7f1000000000, 0x1000, {}, {}, false, {});
  AddressSpace child = parent;
  child.unmap(0x7f1000000000, 0x1000);
  child.map(0x7f2000000000, 0x1000, {}, {}, false, {});
  EXPECT_EQ(described(parent, 0x7f1000000000), "anon#1+0x0");
  EXPECT_EQ(described(parent, 0x7f2000000000), "unknown");
  EXPECT_EQ(described(child, 0x7f2000000000), "anon#1+0x0");
}

TEST(Addresses, NumbersSharedSegments) {
  AddressSpace memory;
  memory.attach(0x7f1000000000, {});
  EXPECT_EQ(described(memory, 0x7f1000000004), "shm#1+0x4");
}

TEST(Addresses, SurvivesRangesThatMakeNoSense) {
  AddressSpace memory = started();
  memory.map(UINT64_MAX - 10, UINT64_MAX, {}, {}, false, {});
  memory.unmap(0, UINT64_MAX);
  memory.unmap(UINT64_MAX, 1);
  memory.remap(5, 0, UINT64_MAX, UINT64_MAX);
  memory.map(0, 0, "/f", "/f", true, {});
  EXPECT_EQ(described(memory, 1), "unknown");
}

}  // namespace
}  // namespace tc::trace
