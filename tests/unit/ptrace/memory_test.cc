#include "ptrace/memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "support/own_pages.h"

namespace tc::ptrace {
namespace {

using namespace std::literals;
using test::OwnPages;

TEST(Memory, ReadsAllOrSaysNo) {
  const OwnPages pages(1);
  const Memory memory(getpid());
  const std::uint64_t at = pages.put_last("abc");
  std::array<char, 3> three{};
  EXPECT_TRUE(memory.read(at, three));
  EXPECT_EQ(std::string_view(three.data(), 3), "abc");
  std::array<char, 4> four{};
  EXPECT_FALSE(memory.read(at, four));
  EXPECT_FALSE(memory.read(0, four));
  EXPECT_FALSE(memory.read(~std::uint64_t{0}, four));
  EXPECT_TRUE(memory.read(0, {}));
}

TEST(Memory, PassesOverBadAddressesInABatch) {
  const OwnPages pages(1);
  const Memory memory(getpid());
  std::string bytes(40, '\0');
  std::vector<Memory::Request> requests;
  for (std::size_t i = 0; i < 40; ++i) {
    const std::uint64_t address =
        i % 3 == 1 ? pages.end() : pages.put(i, std::string(1, 'a' + static_cast<char>(i % 26)));
    requests.push_back({.address = address, .to = std::span(bytes).subspan(i, 1)});
  }
  memory.read(requests);
  for (std::size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(requests[i].done, i % 3 != 1) << i;
    if (i % 3 != 1) {
      EXPECT_EQ(bytes[i], 'a' + static_cast<char>(i % 26));
    }
  }
}

TEST(Memory, ReadsStringsAcrossPages) {
  const OwnPages pages(2);
  const Memory memory(getpid());
  std::string to(100, '\0');
  EXPECT_EQ(memory.read_string(pages.put(OwnPages::kPage - 3, "abcdef\0x"sv), to), 6U);
  EXPECT_TRUE(to.starts_with("abcdef"));
}

TEST(Memory, CutsStringsAtTheRoomThereIs) {
  const OwnPages pages(1);
  std::string to(4, '\0');
  EXPECT_EQ(Memory(getpid()).read_string(pages.put(0, "abcdef"), to), 4U);
  EXPECT_EQ(to, "abcd");
}

TEST(Memory, HasNoStringWhereMemoryEndsBeforeIt) {
  const OwnPages pages(1);
  std::string to(100, '\0');
  EXPECT_FALSE(Memory(getpid()).read_string(pages.put_last("abc"), to).has_value());
  EXPECT_EQ(Memory(getpid()).read_string(pages.put_last("abc\0"sv), to), 3U);
}

TEST(Memory, WritesOnlyWhereTheProcessMayAndPokesAnywhere) {
  const OwnPages pages(1);
  const Memory memory(getpid());
  EXPECT_TRUE(memory.write(pages.address(), "ab"sv));
  pages.protect(PROT_READ);
  EXPECT_FALSE(memory.write(pages.address(), "cd"sv));
  EXPECT_EQ(pages.data()[0], 'a');
  EXPECT_TRUE(memory.poke(pages.address(), "cd"sv));
  EXPECT_EQ(pages.data()[0], 'c');
  EXPECT_FALSE(memory.poke(pages.end(), "cd"sv));
}

}  // namespace
}  // namespace tc::ptrace
