// CallReturn: one system call as an engine saw it, before anything is made of it: numbers, and the
// pieces of memory that the capture plan asked for.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sys/table.h"

namespace tc::sys {

struct Piece {
  std::uint8_t argument;
  std::uint8_t part;       // see TC_CAPTURE_… of tc/capture.h
  bool fault = false;      // the memory could not be read
  bool truncated = false;  // there is more than was copied
  std::string_view bytes;
};

struct CallReturn {
  Abi abi = Abi::kX86_64;
  std::uint64_t number = 0;
  std::array<std::uint64_t, 6> arguments{};
  // What the call returned, an errno negated; nothing when it never returned (exit, a kill).
  std::optional<std::int64_t> result;
  std::span<const Piece> pieces;

  // Did it return an error? Then -*result is the errno.
  bool failed() const { return result && *result < 0 && *result >= -4095; }
};

}  // namespace tc::sys
