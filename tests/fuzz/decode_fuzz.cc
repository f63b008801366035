// Any system call with any captured memory: decoding it ends, reads nothing but the pieces, and
// what it tells is well formed.
//
// Input: number (2 bytes), abi, returned (0: never), result (8), six arguments (8 each), then the
// pieces: argument, part, flags (1: fault, 2: truncated), length, bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/decode.h"

namespace {

using tc::sys::CallReturn;
using tc::sys::Leaf;
using tc::sys::Member;
using tc::sys::Piece;
using tc::sys::Value;

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : left_(data), size_(size) {}

  template <class T>
  T take() {
    T value{};
    const std::size_t taken = std::min(sizeof(T), size_);
    std::memcpy(&value, left_, taken);
    skip(taken);
    return value;
  }
  // Memory of its own: the sanitizer sees a read beyond it.
  std::unique_ptr<char[]> take_bytes(std::size_t& length) {
    length = std::min(length, size_);
    auto bytes = std::make_unique<char[]>(length);
    std::memcpy(bytes.get(), left_, length);
    skip(length);
    return bytes;
  }
  bool empty() const { return size_ == 0; }

 private:
  void skip(std::size_t count) {
    left_ += count;
    size_ -= count;
  }

  const std::uint8_t* left_;
  std::size_t size_;
};

// Reads every byte, so that a view that leads nowhere is found.
std::uint64_t weigh(const Value& value) {
  std::uint64_t sum = value.number ^ value.length;
  for (const char c : value.text) sum = sum * 31 + static_cast<unsigned char>(c);
  TC_ASSERT(value.leaf == Leaf::kObject || value.members.empty());
  TC_ASSERT(value.leaf == Leaf::kList || value.items.empty());
  TC_ASSERT(value.leaf != Leaf::kSymbolic || value.unreadable || !value.text.empty());
  TC_ASSERT(!value.unreadable || value.text.empty());
  for (const Member& member : value.members) {
    TC_ASSERT(!member.name.empty());
    sum = sum * 31 + weigh(member.value);
  }
  for (const Value& item : value.items) sum = sum * 31 + weigh(item);
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Input input(data, size);
  CallReturn call;
  call.number = input.take<std::uint16_t>() % 600U;
  call.abi = static_cast<tc::sys::Abi>(input.take<std::uint8_t>() % 3U);
  const bool returned = input.take<std::uint8_t>() != 0;
  const auto result = input.take<std::int64_t>();
  if (returned) call.result = result;
  for (std::uint64_t& argument : call.arguments) argument = input.take<std::uint64_t>();

  std::vector<std::unique_ptr<char[]>> memory;
  std::vector<Piece> pieces;
  while (!input.empty() && pieces.size() < 16) {
    Piece piece{};
    piece.argument = input.take<std::uint8_t>();
    piece.part = input.take<std::uint8_t>();
    const auto flags = input.take<std::uint8_t>();
    piece.fault = (flags & 1U) != 0;
    piece.truncated = (flags & 2U) != 0;
    std::size_t length = input.take<std::uint8_t>();
    memory.push_back(input.take_bytes(length));
    if (!piece.fault) piece.bytes = {memory.back().get(), length};
    pieces.push_back(piece);
  }
  call.pieces = pieces;

  tc::sys::Decoder decoder;
  const tc::sys::DecodedCall& first = decoder.decode(call);
  TC_ASSERT(!first.name.empty());
  TC_ASSERT(first.error.empty() != call.failed());
  std::uint64_t sum = weigh(first.result);
  for (const Member& member : first.arguments) sum += weigh(member.value);
  // The arena is used again: nothing of the first time may be left in the second.
  const tc::sys::DecodedCall& again = decoder.decode(call);
  std::uint64_t sum_again = weigh(again.result);
  for (const Member& member : again.arguments) sum_again += weigh(member.value);
  TC_ASSERT(sum == sum_again);
  return 0;
}
