#include "trace/spool.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace tc::trace {
namespace {

struct Drained {
  std::string text;
  std::uint64_t records = 0;
  std::uint64_t lost = 0;
};

Drained drain(Spool& spool, std::vector<std::uint32_t> threads) {
  Drained all;
  const auto result = spool.drain(threads, [&](const Spool::Lines& lines) -> Result<void> {
    all.text += lines.text;
    all.records += lines.records;
    all.lost += lines.lost;
    return {};
  });
  EXPECT_TRUE(result.ok());
  return all;
}

TEST(Spool, TellsThreadByThreadInTheOrderAsked) {
  Spool spool("/tmp", 1 << 20);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(spool.append(1, "b" + std::to_string(i) + "\n").ok());
    ASSERT_TRUE(spool.append(0, "a" + std::to_string(i) + "\n", 5).ok());
  }
  const Drained all = drain(spool, {1, 0, 7});
  EXPECT_EQ(all.text, "b0\nb1\nb2\na0\na1\na2\n");
  EXPECT_EQ(all.records, 6U);
  EXPECT_EQ(all.lost, 15U);
}

// One busy thread, and a thousand with little each: both go to the file, nothing changes place.
TEST(Spool, KeepsEverythingWhenMemoryIsShort) {
  for (const std::uint32_t threads : {1U, 1000U}) {
    Spool spool("/tmp", 100'000);
    std::vector<std::string> expected(threads);
    std::vector<std::uint32_t> order;
    for (std::uint32_t thread = 0; thread < threads; ++thread) order.push_back(thread);
    for (std::uint32_t i = 0; i < 20'000; ++i) {
      const std::string line = "line " + std::to_string(i) + " of some length\n";
      expected[i % threads] += line;
      ASSERT_TRUE(spool.append(i % threads, line).ok());
    }
    std::string whole;
    for (const std::string& text : expected) whole += text;
    const Drained all = drain(spool, order);
    EXPECT_EQ(all.text, whole) << threads << " threads";
    EXPECT_EQ(all.records, 20'000U);
  }
}

TEST(Spool, NamesTheDirectoryItCannotWriteTo) {
  Spool spool("/nowhere", 10);
  Result<void> kept;
  for (int i = 0; i < 100'000 && kept.ok(); ++i) kept = spool.append(0, "a line\n");
  ASSERT_FALSE(kept.ok());
  EXPECT_NE(kept.error().text().find("/nowhere"), std::string::npos);
}

}  // namespace
}  // namespace tc::trace
