#include "sys/table.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "sys/abi.h"
#include "sys/constants.h"
#include "tc/map.h"

namespace tc::sys {
namespace {

#define TC_ARGUMENT_ROW(type, name) Argument{#name, type::kType},
#define SYSCALL(NUMBER, NAME, GROUPS, POLICY, RESULT, ...) \
  __VA_OPT__(constexpr Argument NAME##_columns[] = {TC_MAP(TC_ARGUMENT_ROW, __VA_ARGS__)};)
#include "sys/syscalls.def"
#undef SYSCALL
#undef TC_ARGUMENT_ROW

#define SYSCALL(NUMBER, NAME, GROUPS, POLICY, RESULT, ...) \
  Row{NUMBER,         #NAME,         GROUPS,               \
      Policy::POLICY, RESULT::kType, std::span<const Argument>{__VA_OPT__(NAME##_columns)}},
constexpr Row kRows[] = {
#include "sys/syscalls.def"
};
#undef SYSCALL

constexpr std::uint16_t kNoRow = UINT16_MAX;

constexpr std::array<std::uint16_t, TC_CALLS_MAX> index_by_number() {
  std::array<std::uint16_t, TC_CALLS_MAX> index{};
  index.fill(kNoRow);
  std::uint16_t position = 0;
  for (const Row& row : kRows) index[row.number] = position++;
  return index;
}
constexpr std::array<std::uint16_t, TC_CALLS_MAX> kByNumber = index_by_number();

static_assert(std::ranges::is_sorted(kRows, {}, &Row::number), "syscalls.def: not by number");
static_assert(std::ranges::all_of(kRows, [](const Row& row) { return row.arguments.size() <= 6; }),
              "syscalls.def: more arguments than registers");

// The numbers of i386, a table of its own: 11 is execve there and munmap here.
constexpr std::size_t kI386Max = 512;
constexpr std::array<std::string_view, kI386Max> i386_names() {
  std::array<std::string_view, kI386Max> names{};
#define SYSCALL_I386(NUMBER, NAME) names[NUMBER] = #NAME;
#include "sys/i386.def"
#undef SYSCALL_I386
  return names;
}
constexpr std::array<std::string_view, kI386Max> kI386Names = i386_names();

using Positions = std::array<std::uint16_t, std::size(kRows)>;

Positions positions_by_name() {
  Positions positions{};
  std::iota(positions.begin(), positions.end(), std::uint16_t{0});
  std::ranges::sort(positions, {}, [](std::uint16_t position) { return kRows[position].name; });
  return positions;
}

// Calls of i386 that share a name with one of x86-64 but not the meaning of the registers: the
// arguments lie in a struct (mmap, select), in another order (clone), or a 64-bit one takes two
// registers.
constexpr std::string_view kOtherRegisters[] = {
    "clone",          "fadvise64", "fallocate", "fanotify_mark",
    "lookup_dcookie", "mmap",      "pread64",   "process_madvise",
    "pwrite64",       "readahead", "select",    "sync_file_range"};

// Strings, bytes and socket addresses lie in memory as x86-64 has them; structs and arrays may not.
bool same_in_memory(const Row& row) {
  return std::ranges::all_of(row.arguments, [](const Argument& argument) {
    switch (argument.type.shape) {
      case Shape::kScalar:
      case Shape::kString:
      case Shape::kData:
      case Shape::kSockaddr:
        return true;
      default:
        return false;
    }
  });
}

}  // namespace

std::span<const Row> rows() { return kRows; }

const Row* find_row(std::uint64_t number) {
  if (number >= kByNumber.size() || kByNumber[number] == kNoRow) return nullptr;
  return &kRows[kByNumber[number]];
}

const Row* find_row(std::string_view name) {
  static const Positions kByName = positions_by_name();
  const auto found = std::ranges::lower_bound(
      kByName, name, {}, [](std::uint16_t position) { return kRows[position].name; });
  if (found == kByName.end() || kRows[*found].name != name) return nullptr;
  return &kRows[*found];
}

std::optional<std::string_view> call_name(Abi abi, std::uint64_t number) {
  if (abi == Abi::kI386) {
    if (number >= kI386Names.size() || kI386Names[number].empty()) return std::nullopt;
    return kI386Names[number];
  }
  const Row* row = find_row(abi == Abi::kX32 ? number & ~std::uint64_t{kX32Bit} : number);
  if (row == nullptr) return std::nullopt;
  return row->name;
}

const Row* row_of(Abi abi, std::uint64_t number) {
  if (abi == Abi::kX86_64) return find_row(number);
  const std::optional<std::string_view> name = call_name(abi, number);
  const Row* row = name ? find_row(*name) : nullptr;
  if (row == nullptr || !same_in_memory(*row)) return nullptr;
  if (abi == Abi::kI386 &&
      std::ranges::find(kOtherRegisters, row->name) != std::end(kOtherRegisters))
    return nullptr;
  return row;
}

std::span<const NamedNumber> group_names() {
  static constexpr NamedNumber kGroups[] = {
      {File, "file"},     {Desc, "desc"},      {Network, "network"}, {Process, "process"},
      {Memory, "memory"}, {Signal_, "signal"}, {Ipc, "ipc"},         {Time, "time"}};
  return kGroups;
}

}  // namespace tc::sys
