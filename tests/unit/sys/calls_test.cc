// Typed calls: from registers to a struct and back, for every row.
#include "sys/calls.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sys/table.h"

namespace tc::sys {
namespace {

// Registers as a program leaves them: every bit counts, and none may be lost but those that the
// type of an argument does not have.
constexpr Registers kWords = {0x8111111191111111, 0xa222222222222222, 0x3333333333333333,
                              0xc4444444a4444444, 0x5555555555555555, 0xe6666666f6666666};

std::uint64_t cut(const ArgumentType& type, std::uint64_t word) {
  if (type.shape != Shape::kScalar || type.size == 8) return word;
  if (type.size == 4 && type.is_signed)
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(word)));
  EXPECT_EQ(type.size, 4);
  return static_cast<std::uint32_t>(word);
}

template <TypedCall T>
void expect_round_trip() {
  const Row* row = find_row(Call<T>::kNumber);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->name, Call<T>::kName);
  const Registers back = to_registers(from_registers<T>(kWords));
  for (std::size_t i = 0; i < back.size(); ++i) {
    const bool is_argument = i < row->arguments.size();
    const std::uint64_t expected = is_argument ? cut(row->arguments[i].type, kWords[i]) : 0;
    EXPECT_EQ(back[i], expected) << row->name << " " << i;
  }
  std::vector<std::string_view> names;
  T call{};
  Call<T>::visit(call, [&](const char* name, const auto&) { names.emplace_back(name); });
  ASSERT_EQ(names.size(), row->arguments.size()) << row->name;
  for (std::size_t i = 0; i < names.size(); ++i)
    EXPECT_EQ(names[i], row->arguments[i].name) << row->name;
}

TEST(TypedCalls, SurviveTheWayThroughRegisters) {
  std::size_t count = 0;
#define SYSCALL(NUMBER, NAME, ...) \
  expect_round_trip<call::NAME>(); \
  ++count;
#include "sys/syscalls.def"
#undef SYSCALL
  EXPECT_EQ(count, rows().size());
}

TEST(TypedCalls, HaveTypedFields) {
  const auto open = from_registers<call::openat>(
      {static_cast<std::uint32_t>(-100), 0x7fff1000, 0x80241, 0644, 5, 6});
  EXPECT_EQ(open.dfd.value, -100);
  EXPECT_EQ(open.filename.address, 0x7fff1000U);
  EXPECT_EQ(open.flags.value, 0x80241U);
  EXPECT_EQ(open.mode.value, 0644U);
}

TEST(TypedCalls, SignExtendWhatTheKernelTakesAsAnInt) {
  const Registers registers = to_registers(call::kill{.pid = {-1}, .sig = {9}});
  EXPECT_EQ(registers, (Registers{UINT64_MAX, 9}));
}

TEST(TypedCalls, KnowTheTypeOfTheirResult) {
  static_assert(std::is_same_v<Call<call::openat>::Result, Fd>);
  static_assert(std::is_same_v<Call<call::fork>::Result, Pid>);
  static_assert(std::is_same_v<Call<call::mmap>::Result, Address>);
  static_assert(std::is_same_v<Call<call::chdir>::Result, Status>);
  static_assert(std::is_same_v<Call<call::read>::Result, I64>);
}

}  // namespace
}  // namespace tc::sys
