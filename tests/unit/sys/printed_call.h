// For tests of the decoder: a call made by hand, and what is decoded of it as one line of text.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "sys/decode.h"

namespace tc::sys {

inline std::string text_of(const Value& value);

inline std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c >= ' ' && c <= '~')
      out += c;
    else
      out += fmt::format("\\{:02x}", static_cast<unsigned char>(c));
  }
  return out + '"';
}

inline std::string text_of(const Value& value) {
  if (value.unreadable) return fmt::format("unreadable({:#x})", value.number);
  const std::string more = value.truncated ? fmt::format("…{}", value.length) : "";
  switch (value.leaf) {
    case Leaf::kObject: {
      std::string text = "{";
      for (const Member& member : value.members)
        text +=
            fmt::format("{}{}:{}", text.size() > 1 ? " " : "", member.name, text_of(member.value));
      return text + (value.truncated ? "…}" : "}");
    }
    case Leaf::kList: {
      std::string text = "[";
      for (const Value& item : value.items) text += (text.size() > 1 ? " " : "") + text_of(item);
      return text + "]" + more;
    }
    case Leaf::kPath:
    case Leaf::kText:
    case Leaf::kData:
    case Leaf::kRandom:
      return quoted(value.text) + more;
    case Leaf::kSymbolic:
    case Leaf::kSignal:
      return std::string(value.text);
    case Leaf::kAddress:
      return value.is_null() ? "NULL" : fmt::format("&{:x}", value.number);
    case Leaf::kWord:
      return fmt::format("{:#x}", value.number);
    case Leaf::kMode:
      return fmt::format("0{:o}", value.number);
    default:
      return fmt::format("{}", value.signed_number());
  }
}

class Call {
 public:
  explicit Call(std::string_view name, std::vector<std::uint64_t> arguments = {}) {
    const Row* row = find_row(name);
    EXPECT_NE(row, nullptr) << name;
    if (row != nullptr) call_.number = row->number;
    set(arguments);
  }
  explicit Call(Abi abi, std::uint64_t number, std::vector<std::uint64_t> arguments = {}) {
    call_.abi = abi;
    call_.number = number;
    set(arguments);
  }
  Call& piece(std::uint8_t argument, std::string_view bytes, std::uint8_t part = 0) {
    pieces_.push_back({argument, part, false, false, bytes});
    return *this;
  }
  Call& cut(std::uint8_t argument, std::string_view bytes, std::uint8_t part = 0) {
    pieces_.push_back({argument, part, false, true, bytes});
    return *this;
  }
  Call& fault(std::uint8_t argument, std::uint8_t part = 0) {
    pieces_.push_back({argument, part, true, false, {}});
    return *this;
  }
  // "name(argument=value …) = result", without a result when it never returned.
  std::string returning(std::int64_t result) {
    call_.result = result;
    return decoded();
  }
  std::string never_returning() { return decoded(); }

 private:
  void set(const std::vector<std::uint64_t>& arguments) {
    std::copy(arguments.begin(), arguments.end(), call_.arguments.begin());
  }
  std::string decoded() {
    call_.pieces = pieces_;
    Decoder decoder;
    const DecodedCall& call = decoder.decode(call_);
    std::string text = std::string(call.name) + "(";
    for (const Member& member : call.arguments)
      text +=
          fmt::format("{}{}={}", text.back() == '(' ? "" : " ", member.name, text_of(member.value));
    text += ")";
    if (!call_.result) return text;
    return text + " = " + (call.error.empty() ? text_of(call.result) : std::string(call.error));
  }

  CallReturn call_;
  std::vector<Piece> pieces_;
};

// The memory of a number or a struct.
template <class T>
std::string memory(const T& value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}
template <class... T>
std::string memories(const T&... values) {
  return (memory(values) + ...);
}
inline std::string zeroes(std::size_t count) { return std::string(count, '\0'); }

}  // namespace tc::sys
