#include "probe/backlog.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace tc::probe {
namespace {

std::unique_ptr<const RecordBlock> block_of(std::size_t records) {
  auto block = std::make_unique<RecordBlock>();
  const std::array<std::byte, 64> record{};
  for (std::size_t i = 0; i < records; ++i) EXPECT_TRUE(block->append(record));
  return block;
}

TEST(Backlog, HandsOverInOrder) {
  Backlog backlog(RecordBlock::kCapacity * 4);
  EXPECT_TRUE(backlog.push({block_of(1), 10}));
  EXPECT_TRUE(backlog.push({block_of(2), 20}));
  EXPECT_EQ(backlog.pop().block->count(), 1U);
  EXPECT_EQ(backlog.pop().settled_ns, 20U);
  EXPECT_EQ(backlog.pop().block, nullptr);
}

TEST(Backlog, FoldsEmptyDeliveries) {
  Backlog backlog(RecordBlock::kCapacity);
  for (std::uint64_t settled = 1; settled <= 100; ++settled) backlog.push({nullptr, settled});
  EXPECT_EQ(backlog.pop().settled_ns, 100U);
  EXPECT_EQ(backlog.pop().settled_ns, 0U);
}

TEST(Backlog, MakesTheWriterWaitWhenFull) {
  Backlog backlog(0);  // one block
  ASSERT_TRUE(backlog.push({block_of(1), 1}));
  std::thread writer([&] { EXPECT_TRUE(backlog.push({block_of(1), 2})); });
  // The second can only be there once the first was taken.
  EXPECT_EQ(backlog.pop().settled_ns, 1U);
  writer.join();
  EXPECT_EQ(backlog.pop().settled_ns, 2U);
}

TEST(Backlog, TurnsTheWriterAwayWhenAbandoned) {
  Backlog backlog(0);
  ASSERT_TRUE(backlog.push({block_of(1), 1}));
  std::thread writer([&] { EXPECT_FALSE(backlog.push({block_of(1), 2})); });
  backlog.abandon();
  writer.join();
}

TEST(Backlog, IsFinishedOnlyWhenEmpty) {
  Backlog backlog(RecordBlock::kCapacity);
  backlog.push({block_of(1), 1});
  backlog.finish();
  EXPECT_FALSE(backlog.is_finished());
  backlog.pop();
  EXPECT_TRUE(backlog.is_finished());
}

}  // namespace
}  // namespace tc::probe
