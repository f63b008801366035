#include "trace/descriptors.h"

#include <gtest/gtest.h>

namespace tc::trace {
namespace {

void open_file(DescriptorTable& table, int number, std::string_view path,
               bool close_on_exec = false) {
  table.set(number, table.file(path, path, {}), close_on_exec);
}

std::string token(const DescriptorTable& table, int number) {
  const Description* behind = table.find(number);
  return behind == nullptr ? "none" : behind->token;
}

TEST(Descriptors, TellsASecondOpenOfTheSameFileApart) {
  DescriptorTable table;
  open_file(table, 3, "/etc/passwd");
  open_file(table, 4, "/etc/passwd");
  open_file(table, 5, "/etc/group");
  EXPECT_EQ(token(table, 3), "/etc/passwd");
  EXPECT_EQ(token(table, 4), "/etc/passwd#2");
  EXPECT_EQ(token(table, 5), "/etc/group");
}

TEST(Descriptors, TellsAnOpenAfterACloseLikeTheFirst) {
  DescriptorTable table;
  for (int round = 0; round < 3; ++round) {
    open_file(table, 3, "/proc/self/stat");
    EXPECT_EQ(token(table, 3), "/proc/self/stat");
    table.close(3, 0);
  }
  EXPECT_EQ(token(table, 3), "none");
}

TEST(Descriptors, KeepsTheNumberWhileADuplicateIsOpen) {
  DescriptorTable table;
  open_file(table, 3, "/f");
  table.set(7, table.share(3), false);
  table.close(3, 0);
  EXPECT_EQ(token(table, 7), "/f");
  open_file(table, 3, "/f");
  EXPECT_EQ(token(table, 3), "/f#2");
  table.close(7, 0);
  open_file(table, 4, "/f");
  EXPECT_EQ(token(table, 4), "/f");
}

TEST(Descriptors, ClosesOnExecWhatIsMarked) {
  DescriptorTable table;
  open_file(table, 3, "/a", true);
  open_file(table, 4, "/b");
  open_file(table, 5, "/c");
  table.set_close_on_exec(5, true);
  open_file(table, 6, "/d", true);
  table.set_close_on_exec(6, false);
  table.exec();
  EXPECT_EQ(token(table, 3), "none");
  EXPECT_EQ(token(table, 4), "/b");
  EXPECT_EQ(token(table, 5), "none");
  EXPECT_EQ(token(table, 6), "/d");
}

TEST(Descriptors, ClosesAndMarksRanges) {
  DescriptorTable table;
  for (int number = 0; number < 8; ++number) open_file(table, number, "/" + std::to_string(number));
  table.close_range(6, UINT32_MAX);
  table.set_close_on_exec_range(3, 4);
  EXPECT_EQ(token(table, 5), "/5");
  EXPECT_EQ(token(table, 6), "none");
  table.exec();
  EXPECT_EQ(token(table, 2), "/2");
  EXPECT_EQ(token(table, 3), "none");
  EXPECT_EQ(token(table, 4), "none");
  EXPECT_EQ(token(table, 5), "/5");
}

TEST(Descriptors, AwaitsACloseThatHasTakenEffectButIsToldLater) {
  DescriptorTable table;
  const auto open = [&](std::string_view path, std::uint32_t thread) {
    table.open(3, table.file(path, path, {}), false, thread);
  };
  open("/a", 0);
  open("/b", 1);  // so thread 0 has closed 3
  EXPECT_EQ(token(table, 3), "/b");
  EXPECT_EQ(table.closing(3, 0)->token, "/a");
  EXPECT_EQ(table.closing(3, 1)->token, "/b");
  table.close(3, 0);
  EXPECT_EQ(token(table, 3), "/b");
  EXPECT_EQ(table.closing(3, 0)->token, "/b");
  table.close(3, 1);
  EXPECT_EQ(token(table, 3), "none");
}

TEST(Descriptors, ACopyIsIndependent) {
  DescriptorTable parent;
  open_file(parent, 3, "/f");
  DescriptorTable child = parent;
  child.close(3, 0);
  EXPECT_EQ(token(parent, 3), "/f");
  EXPECT_EQ(token(child, 3), "none");
}

TEST(Descriptors, NumbersPairsTogether) {
  DescriptorTable table;
  const SharedDescription reader = table.other("pipe", ":r", {});
  table.set(3, reader, false);
  table.set(4, table.other("pipe", ":w", {}, reader.get()), false);
  EXPECT_EQ(token(table, 3), "pipe#1:r");
  EXPECT_EQ(token(table, 4), "pipe#1:w");
  table.close(3, 0);
  // The other end still has the number.
  EXPECT_EQ(table.other("pipe", ":r", {})->token, "pipe#2:r");
  table.close(4, 0);
  EXPECT_EQ(table.other("pipe", ":r", {})->token, "pipe#1:r");
}

TEST(Descriptors, NamesWhatIsInheritedByNumber) {
  DescriptorTable table;
  open_file(table, 1, "/dev/null");
  open_file(table, 3, "/var/log/x");
  table.mark_inherited();
  EXPECT_EQ(token(table, 1), "/dev/null");
  EXPECT_EQ(token(table, 3), "inherited:3");
  EXPECT_EQ(table.find(3)->path, "/var/log/x");
}

TEST(Descriptors, IgnoresNumbersThatAreNone) {
  DescriptorTable table;
  open_file(table, -1, "/a");
  open_file(table, INT32_MAX, "/b");
  table.close(-100, 0);
  table.close(1000, 0);
  table.set_close_on_exec(77, true);
  EXPECT_EQ(table.find(-1), nullptr);
  EXPECT_EQ(table.find(INT32_MAX), nullptr);
}

TEST(Descriptors, KnowsFilesWhoseContentIsTheStateOfTheHost) {
  EXPECT_EQ(behind_path("/proc/meminfo"), Behind::kState);
  EXPECT_EQ(behind_path("/sys/devices"), Behind::kState);
  EXPECT_EQ(behind_path("/dev/urandom"), Behind::kRandom);
  EXPECT_EQ(behind_path("/process"), Behind::kFile);
}

}  // namespace
}  // namespace tc::trace
