// The table of system calls at run time: what syscalls.def says of a number or a name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sys/argument.h"
#include "tc/capture.h"

namespace tc::sys {

// The enumerators are the words of syscalls.def, and the architecture's own name.
// NOLINTBEGIN(readability-identifier-naming)

// Through which table the kernel looked the number up. Values are TC_ABI_… of tc/capture.h.
enum class Abi : std::uint32_t { kX86_64 = TC_ABI_X86_64, kI386 = TC_ABI_I386, kX32 = TC_ABI_X32 };

// Set in the numbers of x32 calls; behind it stands a number of x86-64's table.
inline constexpr std::uint32_t kX32Bit = 0x40000000;

enum class Policy : std::uint8_t { Pass, Determinise, Refuse };

enum Group : std::uint32_t {
  None = 0,
  File = 1U << 0U,
  Desc = 1U << 1U,
  Network = 1U << 2U,
  Process = 1U << 3U,
  Memory = 1U << 4U,
  Signal_ = 1U << 5U,
  Ipc = 1U << 6U,
  Time = 1U << 7U,
};
// NOLINTEND(readability-identifier-naming)

struct Argument {
  std::string_view name;
  ArgumentType type;
};

struct Row {
  std::uint32_t number;
  std::string_view name;
  std::uint32_t groups;
  Policy policy;
  ArgumentType result;
  std::span<const Argument> arguments;
};

// All rows, by number, ascending.
std::span<const Row> rows();
// The row of an x86-64 call, or null.
const Row* find_row(std::uint64_t number);
const Row* find_row(std::string_view name);

// The name of a call in the table of its abi ("mmap2" for i386 192; x32 by the x86-64 table behind
// the bit 0x40000000), or nothing.
std::optional<std::string_view> call_name(Abi abi, std::uint64_t number);
// The row by which the arguments of the call can be told: of an i386 or x32 call that of the x86-64
// call of its name, when its registers mean the same and what they point to is strings, bytes and
// socket addresses only; or null. Structs of 32-bit calls are laid out otherwise.
const Row* row_of(Abi abi, std::uint64_t number);

// The groups by name: "file", "network", …
std::span<const NamedNumber> group_names();

}  // namespace tc::sys
