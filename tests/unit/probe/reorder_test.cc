#include "probe/reorder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "support/wire_builder.h"

namespace tc::probe {
namespace {

event::PackedRecord record_at(std::uint64_t time, unsigned cpu, std::uint64_t seq) {
  return test::packed(
      fmt::format(R"({{"event_type":8,"timestamp_ns":{},"pid":1,"cpu":{},"seq":{},"exit_code":0}})",
                  time, cpu, seq));
}

std::vector<std::uint64_t> released(Reorder& reorder, std::uint64_t settled) {
  std::vector<std::uint64_t> times;
  reorder.release(settled, [&](std::span<const std::byte> bytes) {
    times.push_back(reinterpret_cast<const tc_header*>(bytes.data())->time_ns);
  });
  return times;
}

std::shared_ptr<RecordBlock> block_of(const std::vector<event::PackedRecord>& records) {
  auto block = std::make_shared<RecordBlock>();
  for (const event::PackedRecord& record : records) EXPECT_TRUE(block->append(record));
  return block;
}

TEST(Reorder, ReleasesByTimeWhateverTheArrival) {
  std::vector<event::PackedRecord> records;
  for (std::uint64_t time = 1; time <= 200; ++time) records.push_back(record_at(time, 0, time));
  std::mt19937 random(7);
  std::shuffle(records.begin(), records.end(), random);
  Reorder reorder;
  reorder.add(block_of(records), [](auto) { FAIL(); });
  const std::vector<std::uint64_t> times = released(reorder, ~0ULL);
  EXPECT_EQ(times.size(), 200U);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
}

TEST(Reorder, HoldsBackWhatIsNotSettled) {
  Reorder reorder;
  reorder.add(block_of({record_at(10, 0, 1), record_at(20, 0, 2)}), [](auto) {});
  EXPECT_EQ(released(reorder, 20), std::vector<std::uint64_t>{10});
  reorder.add(block_of({record_at(15, 1, 1)}), [](auto) {});
  EXPECT_EQ(released(reorder, 21), (std::vector<std::uint64_t>{15, 20}));
  EXPECT_EQ(reorder.size(), 0U);
}

TEST(Reorder, BreaksTiesByCpuThenSeq) {
  Reorder reorder;
  reorder.add(block_of({record_at(5, 1, 1), record_at(5, 0, 9), record_at(5, 0, 2)}), [](auto) {});
  std::vector<std::pair<unsigned, std::uint64_t>> order;
  reorder.release(~0ULL, [&](std::span<const std::byte> bytes) {
    const auto* header = reinterpret_cast<const tc_header*>(bytes.data());
    order.emplace_back(header->cpu, header->seq);
  });
  EXPECT_EQ(order, (std::vector<std::pair<unsigned, std::uint64_t>>{{0, 2}, {0, 9}, {1, 1}}));
}

TEST(Reorder, HandsBackWhatHasNoHeader) {
  auto block = std::make_shared<RecordBlock>();
  const std::array<std::byte, 8> stub{};
  ASSERT_TRUE(block->append(stub));
  int broken = 0;
  Reorder reorder;
  reorder.add(block, [&](auto) { ++broken; });
  EXPECT_EQ(broken, 1);
}

TEST(RecordBlock, IsFullBeforeItMovesItsMemory) {
  RecordBlock block;
  const event::PackedRecord record = record_at(1, 0, 1);
  std::size_t count = 0;
  while (block.append(record)) ++count;
  EXPECT_EQ(block.count(), count);
  EXPECT_LE(count * record.size(), RecordBlock::kCapacity);
  EXPECT_GT((count + 1) * record.size(), RecordBlock::kCapacity);
}

}  // namespace
}  // namespace tc::probe
