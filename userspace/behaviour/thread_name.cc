#include "behaviour/thread_name.h"

#include <algorithm>

namespace tc::behaviour {
namespace {

bool is_decimal(char byte) { return byte >= '0' && byte <= '9'; }

std::string_view take_number(std::string_view& rest) {
  const auto* end = std::find_if_not(rest.begin(), rest.end(), is_decimal);
  const std::string_view number = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  rest.remove_prefix(number.size());
  return number;
}

}  // namespace

bool before_in_tree(std::string_view left, std::string_view right) {
  const auto* from_left = left.begin();
  const auto* from_right = right.begin();
  while (from_left != left.end() && from_right != right.end() && *from_left == *from_right)
    ++from_left, ++from_right;
  std::size_t common = static_cast<std::size_t>(from_left - left.begin());
  // Back to the start of the number within which they part.
  while (common > 0 && is_decimal(left[common - 1])) --common;
  left.remove_prefix(common);
  right.remove_prefix(common);
  const std::string_view left_number = take_number(left);
  const std::string_view right_number = take_number(right);
  if (left_number.size() != right_number.size()) return left_number.size() < right_number.size();
  if (left_number != right_number) return left_number < right_number;
  if (left.empty() || right.empty()) return left.empty() && !right.empty();
  const auto rank = [](char mark) { return mark == '/' ? 0 : mark == '.' ? 1 : 2; };
  return rank(left[0]) < rank(right[0]);
}

std::string_view creator_of(std::string_view thread) {
  const std::size_t mark = thread.find_last_of("./");
  return mark == std::string_view::npos ? std::string_view() : thread.substr(0, mark);
}

std::string_view process_of(std::string_view thread) {
  for (;;) {
    const std::size_t mark = thread.find_last_of("./");
    if (mark == std::string_view::npos || thread[mark] == '.') return thread;
    thread = thread.substr(0, mark);
  }
}

bool is_thread_name(std::string_view text) {
  if (!text.starts_with('p')) return false;
  text.remove_prefix(1);
  for (;;) {
    if (take_number(text).empty()) return false;
    if (text.empty()) return true;
    if (text[0] != '.' && text[0] != '/') return false;
    text.remove_prefix(1);
  }
}

}  // namespace tc::behaviour
