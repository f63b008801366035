#include "trace/line.h"

#include <gtest/gtest.h>

namespace tc::trace {
namespace {

TEST(Line, NumbersValuesByFirstAppearance) {
  Line line;
  EXPECT_EQ(line.name(Appearance::kInode, 4711), "inode#1");
  EXPECT_EQ(line.name(Appearance::kInode, 12), "inode#2");
  EXPECT_EQ(line.name(Appearance::kDevice, 4711), "dev#1");
  EXPECT_EQ(line.name(Appearance::kInode, 4711), "inode#1");
}

TEST(Line, AChildGoesOnWithACopyOfItsParents) {
  Line parent;
  parent.name(Appearance::kInode, 7);
  Line child = parent;
  EXPECT_EQ(child.name(Appearance::kInode, 7), "inode#1");
  EXPECT_EQ(child.name(Appearance::kInode, 8), "inode#2");
  // What the child met is nothing to the parent.
  EXPECT_EQ(parent.name(Appearance::kInode, 9), "inode#2");
}

TEST(Line, AThreadNumbersWhatIsNewByItself) {
  Line first;
  first.name(Appearance::kInode, 7);
  Line second = first.of_thread(2);
  EXPECT_EQ(second.name(Appearance::kInode, 7), "inode#1");
  EXPECT_EQ(second.name(Appearance::kInode, 8), "inode#2.1");
  EXPECT_EQ(second.of_thread(1).name(Appearance::kAddress, 8), "addr#2.1.1");
  EXPECT_EQ(first.name(Appearance::kInode, 9), "inode#2");
}

TEST(Line, ForgetsAKindAndCountsAgain) {
  Line line;
  line.name(Appearance::kAddress, 1);
  line.name(Appearance::kInode, 1);
  line.forget(Appearance::kAddress);
  EXPECT_EQ(line.name(Appearance::kAddress, 2), "addr#1");
  EXPECT_EQ(line.name(Appearance::kInode, 2), "inode#2");
}

}  // namespace
}  // namespace tc::trace
