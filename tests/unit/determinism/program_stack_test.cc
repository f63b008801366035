#include "determinism/program_stack.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <vector>

#include "support/fake_tracee.h"

namespace tc::determinism {
namespace {

constexpr std::uint64_t kTop = 0x20000;
constexpr std::uint64_t kRandomBytes = 0x30000;

class ProgramStackTest : public testing::Test {
 protected:
  // Puts the words so that they end at the top of the stack.
  std::uint64_t push(const std::vector<std::uint64_t>& words) {
    const std::uint64_t size = words.size() * 8;
    guest.map(kTop - size, size);
    for (std::size_t i = 0; i < words.size(); ++i) guest.poke(kTop - size + i * 8, words[i]);
    return kTop - size;
  }
  // The vector of two arguments and this many variables.
  static std::vector<std::uint64_t> vectors(std::size_t variables) {
    std::vector<std::uint64_t> words = {2, 0x1111, 0x2222, 0};
    words.insert(words.end(), variables, 0x3333);
    words.push_back(0);
    return words;
  }

  test::FakeTracee guest{1};
  CpuModel model;
};

TEST_F(ProgramStackTest, TellsTheProgramOfTheModel) {
  guest.map(kRandomBytes, 16);
  guest.process().random = Random(1, 2);
  std::vector<std::uint64_t> words = vectors(3);
  const std::size_t auxiliary = words.size();
  for (const std::uint64_t word : std::initializer_list<std::uint64_t>{
           AT_SYSINFO_EHDR, 0x7ffff7fc1000, AT_HWCAP, 0xffffffff, AT_PAGESZ, 4096, AT_RANDOM,
           kRandomBytes, AT_HWCAP2, 3, 27, 28, 28, 32, AT_MINSIGSTKSZ, 2000, AT_NULL, 0})
    words.push_back(word);
  const std::uint64_t stack = push(words);

  const auto result = rewrite_program_stack(guest, stack, model);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->vdso, 0x7ffff7fc1000U);
  const auto word = [&](std::size_t i) {
    return guest.peek<std::uint64_t>(stack + (auxiliary + i) * 8);
  };
  EXPECT_EQ(word(0), std::uint64_t{AT_IGNORE});
  EXPECT_EQ(word(1), 0U);
  EXPECT_EQ(word(3), model.hwcap());
  EXPECT_EQ(word(4), std::uint64_t{AT_PAGESZ});
  EXPECT_EQ(word(5), 4096U);
  EXPECT_EQ(word(7), kRandomBytes);
  EXPECT_EQ(word(9), CpuModel::kHwcap2);
  EXPECT_EQ(word(10), std::uint64_t{AT_IGNORE});
  EXPECT_EQ(word(12), std::uint64_t{AT_IGNORE});
  EXPECT_EQ(word(15), CpuModel::kSignalStackBytes);
  EXPECT_EQ(guest.peek<std::uint64_t>(kRandomBytes), Random(1, 2).next());
}

TEST_F(ProgramStackTest, FindsTheVectorBehindALongEnvironment) {
  std::vector<std::uint64_t> words = vectors(5'000);
  words.insert(words.end(), {AT_HWCAP, 1, AT_NULL, 0});
  const std::uint64_t stack = push(words);
  ASSERT_TRUE(rewrite_program_stack(guest, stack, model).ok());
  EXPECT_EQ(guest.peek<std::uint64_t>(kTop - 24), model.hwcap());
}

TEST_F(ProgramStackTest, TellsOfStacksThatAreNone) {
  EXPECT_FALSE(rewrite_program_stack(guest, 0x999000, model).ok());
  EXPECT_FALSE(rewrite_program_stack(guest, 0x999001, model).ok());
  EXPECT_FALSE(rewrite_program_stack(guest, push({~std::uint64_t{0}, 0, 0}), model).ok());
}

TEST_F(ProgramStackTest, TellsOfAVectorWithoutEnd) {
  std::vector<std::uint64_t> words = vectors(0);
  words.insert(words.end(), 2'000, AT_PAGESZ);
  EXPECT_FALSE(rewrite_program_stack(guest, push(words), model).ok());
}

}  // namespace
}  // namespace tc::determinism
