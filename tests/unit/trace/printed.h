// Records as short text, for tests to compare: keys and values in their order, text unquoted.
#pragma once

#include <fmt/format.h>

#include <string>
#include <type_traits>

#include "event/record.h"

namespace tc::trace {

inline std::string printed(const event::Value& value) {
  return std::visit(
      [](const auto& held) -> std::string {
        using Held = std::decay_t<decltype(held)>;
        std::string out;
        if constexpr (std::is_same_v<Held, event::Word>) {
          return fmt::format("0x{:x}", held.value);
        } else if constexpr (std::is_same_v<Held, event::Bytes>) {
          return std::string(held.value);
        } else if constexpr (std::is_same_v<Held, event::ByteList>) {
          for (const char c : held.joined) out += c == '\0' ? '|' : c;
          return out;
        } else if constexpr (std::is_same_v<Held, event::Object>) {
          for (std::size_t i = 0; i < held.count; ++i)
            out += fmt::format("{}{}={}", i == 0 ? "" : " ", held.fields[i].key,
                               printed(held.fields[i].value));
          return "{" + out + "}";
        } else if constexpr (std::is_same_v<Held, event::List>) {
          for (std::size_t i = 0; i < held.count; ++i)
            out += (i == 0 ? "" : " ") + printed(held.items[i].value);
          return "[" + out + "]";
        } else if constexpr (std::is_same_v<Held, event::Frame> ||
                             std::is_same_v<Held, std::span<const event::Frame>>) {
          return "frames";
        } else {
          return fmt::format("{}", held);
        }
      },
      value);
}

inline std::string printed(const event::Record& record) {
  std::string out(record.event());
  for (const event::Field& field : record.fields())
    out += fmt::format(" {}={}", field.key, printed(field.value));
  return out;
}

}  // namespace tc::trace
