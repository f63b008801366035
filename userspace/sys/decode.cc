#include "sys/decode.h"

#include "sys/decode_parts.h"

namespace tc::sys {
namespace {

std::span<const Member> decode_arguments(const CallReturn& call, const Row& row, Arena& arena) {
  const Decoding decoding{call, row, arena, is_commanded(row)};
  Members members(arena, row.arguments.size());
  for (std::size_t i = 0; i < row.arguments.size(); ++i)
    if (!decoding.commanded || is_used(decoding, i))
      members.add(row.arguments[i].name, argument_value(decoding, i));
  return members.done();
}

std::span<const Member> decode_words(const CallReturn& call, Arena& arena) {
  static constexpr std::string_view kNames[] = {"a0", "a1", "a2", "a3", "a4", "a5"};
  Members members(arena, std::size(kNames));
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    members.add(kNames[i], number_value(Leaf::kWord, call.arguments[i], 8));
  return members.done();
}

std::string_view unnamed(std::uint64_t number, Arena& arena) {
  constexpr std::string_view kPrefix = "call_";
  const std::string_view digits = arena.decimal(static_cast<std::int64_t>(number));
  const std::span<char> text = arena.array<char>(kPrefix.size() + digits.size());
  kPrefix.copy(text.data(), kPrefix.size());
  digits.copy(&text[kPrefix.size()], digits.size());
  return {text.data(), text.size()};
}

}  // namespace

const DecodedCall& Decoder::decode(const CallReturn& call) {
  arena_.release();
  Arena arena(arena_);
  call_ = DecodedCall();
  call_.abi = call.abi;
  call_.row = row_of(call.abi, call.number);
  if (call_.row != nullptr) {
    call_.name = call_.row->name;
    call_.arguments = decode_arguments(call, *call_.row, arena);
  } else {
    const std::optional<std::string_view> name = call_name(call.abi, call.number);
    call_.name = name ? *name : unnamed(call.number, arena);
    call_.arguments = decode_words(call, arena);
  }
  if (!call.result) return call_;
  if (call.failed())
    call_.error = errno_name(static_cast<std::uint32_t>(-*call.result));
  else if (call_.row != nullptr)
    call_.result = result_value({.call = call, .row = *call_.row, .arena = arena});
  else
    call_.result = signed_value(Leaf::kSigned, *call.result, 8);
  return call_;
}

}  // namespace tc::sys
