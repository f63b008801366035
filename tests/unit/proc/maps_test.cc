#include "proc/maps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace tc::proc {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

Mapping parse_one(std::string_view line) {
  const auto mappings = parse_maps(line, "maps");
  EXPECT_TRUE(mappings.ok()) << (mappings ? "" : mappings.error().text());
  return mappings && mappings->size() == 1 ? mappings->front() : Mapping{};
}

std::string fault_of(std::string_view text) {
  const auto mappings = parse_maps(text, "7-maps.txt");
  return mappings ? "no error" : mappings.error().text();
}

TEST(Maps, ReadsEveryFieldOfALine) {
  const Mapping mapping =
      parse_one("7f0000000000-7f0000001000 r-xs 0002a000 fd:1f 12345678 /lib/libc.so.6\n");
  EXPECT_EQ(mapping.start, 0x7f0000000000U);
  EXPECT_EQ(mapping.end, 0x7f0000001000U);
  EXPECT_TRUE(mapping.readable && !mapping.writable && mapping.executable && mapping.shared);
  EXPECT_EQ(mapping.offset, 0x2a000U);
  EXPECT_EQ(mapping.device_major, 0xfdU);
  EXPECT_EQ(mapping.device_minor, 0x1fU);
  EXPECT_EQ(mapping.inode, 12345678U);
  EXPECT_EQ(mapping.path, "/lib/libc.so.6");
  EXPECT_FALSE(mapping.deleted);
  EXPECT_TRUE(mapping.is_file_backed());
}

TEST(Maps, AcceptsALineWithoutPathAndWithoutNewline) {
  EXPECT_EQ(parse_one("1000-2000 rw-p 00000000 00:00 0").kind(), MappingKind::kAnonymous);
  EXPECT_EQ(parse_one("1000-2000 rw-p 00000000 00:00 0 ").path, "");
}

TEST(Maps, KeepsBlanksWithinPaths) {
  EXPECT_EQ(parse_one("1000-2000 r--p 0 00:01 5          /my file  x\n").path, "/my file  x");
}

TEST(Maps, UnescapesNewlinesInPaths) {
  EXPECT_EQ(parse_one("1000-2000 r--p 0 00:01 5 /a\\012b\\012\n").path, "/a\nb\n");
  EXPECT_EQ(parse_one("1000-2000 r--p 0 00:01 5 /a\\01\\0122\n").path, "/a\\01\n2");
}

TEST(Maps, TellsDeletedFilesApart) {
  const Mapping file = parse_one("1000-2000 r-xp 0 fe:00 5 /usr/lib/libx.so (deleted)\n");
  EXPECT_EQ(file.path, "/usr/lib/libx.so");
  EXPECT_TRUE(file.deleted);
  EXPECT_EQ(file.kind(), MappingKind::kFile);
}

TEST(Maps, KnowsTheKindOfEachPseudoPath) {
  const auto kind = [](const std::string& inode_and_path) {
    return parse_one("1000-2000 r--p 0 00:01 " + inode_and_path).kind();
  };
  EXPECT_EQ(kind("0 [heap]"), MappingKind::kAnonymous);
  EXPECT_EQ(kind("0 [stack]"), MappingKind::kAnonymous);
  EXPECT_EQ(kind("0 [anon:glibc: malloc]"), MappingKind::kAnonymous);
  EXPECT_EQ(kind("0 //anon"), MappingKind::kAnonymous);
  EXPECT_EQ(kind("0 [vdso]"), MappingKind::kVdso);
  EXPECT_EQ(kind("0 [vvar]"), MappingKind::kPseudo);
  EXPECT_EQ(kind("9 anon_inode:[perf_event]"), MappingKind::kPseudo);
  EXPECT_EQ(kind("9 /memfd:jit (deleted)"), MappingKind::kMemfd);
  EXPECT_EQ(kind("9 /SYSV00000000 (deleted)"), MappingKind::kSharedMemory);
  EXPECT_EQ(kind("9 /dev/zero (deleted)"), MappingKind::kSharedMemory);
  EXPECT_EQ(kind("9 /SYSVstuff"), MappingKind::kFile);
  EXPECT_EQ(kind("0 /lib/without-inode.so"), MappingKind::kFile);
}

TEST(Maps, SortsMappingsByAddress) {
  const auto mappings = parse_maps(
      "3000-4000 r--p 0 00:00 0\n1000-2000 r--p 0 00:00 0\n\n2000-3000 r--p 0 00:00 0\n", "maps");
  ASSERT_TRUE(mappings.ok());
  EXPECT_THAT(*mappings,
              ElementsAre(Field(&Mapping::start, 0x1000U), Field(&Mapping::start, 0x2000U),
                          Field(&Mapping::start, 0x3000U)));
}

TEST(Maps, NamesPlaceAndFaultOfMalformedLines) {
  EXPECT_EQ(fault_of("1000-2000 r--p 0 00:00 0\n10g0-2000 r--p 0 00:00 0\n"),
            "7-maps.txt:2:1: error: [maps] start address is not a hex number");
  EXPECT_EQ(fault_of("2000-1000 r--p 0 00:00 0\n"),
            "7-maps.txt:1:6: error: [maps] the end address is not above the start address");
  EXPECT_EQ(fault_of("1000-2000 r-wp 0 00:00 0\n"),
            "7-maps.txt:1:13: error: [maps] expected 'x' or '-'");
  EXPECT_EQ(fault_of("1000-2000 r--\n"),
            "7-maps.txt:1:11: error: [maps] expected four permissions");
  EXPECT_EQ(fault_of("1000-2000 r--p 0 0000 0\n"),
            "7-maps.txt:1:18: error: [maps] expected device major and ':'");
  EXPECT_EQ(fault_of("1000-2000 r--p 0 100000000:0 0\n"),
            "7-maps.txt:1:18: error: [maps] device major exceeds 32 bits");
  EXPECT_EQ(fault_of("1000-2000 r--p 0 00:00 x /a\n"),
            "7-maps.txt:1:24: error: [maps] inode is not a decimal number");
  EXPECT_EQ(fault_of("1000"), "7-maps.txt:1:1: error: [maps] expected start address and '-'");
}

TEST(Maps, NamesBothRangesOfAnOverlap) {
  EXPECT_EQ(fault_of("2000-4000 r--p 0 00:00 0\n1000-3000 r--p 0 00:00 0\n"),
            "7-maps.txt:2:1: error: [maps] 1000-3000 overlaps 2000-4000 of line 1");
}

TEST(Maps, ReadsTheKernelsOwn) {
  const auto text = base::read_file("/proc/self/maps");
  ASSERT_TRUE(text.ok());
  const auto mappings = parse_maps(*text, "/proc/self/maps");
  ASSERT_TRUE(mappings.ok()) << mappings.error().text();
  EXPECT_GT(mappings->size(), 10U);
}

}  // namespace
}  // namespace tc::proc
