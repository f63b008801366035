// An argv, which is a run of strings each ended by NUL, cut into its elements.
#pragma once

#include <string_view>
#include <vector>

#include "event/record.h"

namespace tc::output {

// Every element, empty ones included: "a\0\0" is two. A last one without NUL counts too.
inline std::vector<std::string_view> split_byte_list(event::ByteList list) {
  std::vector<std::string_view> elements;
  std::string_view rest = list.joined;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\0');
    elements.push_back(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return elements;
}

}  // namespace tc::output
