#include "symbol/glob.h"

#include <cstddef>

namespace tc::symbol {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

// Where the set that opens at `open` closes; a `]` right after the opening is a member.
std::size_t set_end(std::string_view glob, std::size_t open) {
  std::size_t first = open + 1;
  if (first < glob.size() && (glob[first] == '!' || glob[first] == '^')) ++first;
  return glob.find(']', first + 1);
}

bool set_contains(std::string_view set, char byte) {
  const bool negated = set.front() == '!' || set.front() == '^';
  if (negated) set.remove_prefix(1);
  const auto value = static_cast<unsigned char>(byte);
  bool found = false;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const auto low = static_cast<unsigned char>(set[i]);
    auto high = low;
    if (i + 2 < set.size() && set[i + 1] == '-') {
      high = static_cast<unsigned char>(set[i + 2]);
      i += 2;
    }
    found = found || (low <= value && value <= high);
  }
  return found != negated;
}

// The length of the pattern's element at `at` when it matches `byte`, else 0.
std::size_t match_one(std::string_view glob, std::size_t at, char byte) {
  const char element = glob[at];
  if (element == '?') return 1;
  if (element == '\\' && at + 1 < glob.size()) return glob[at + 1] == byte ? 2 : 0;
  if (element == '[') {
    const std::size_t end = set_end(glob, at);
    if (end != kNone) {
      return set_contains(glob.substr(at + 1, end - at - 1), byte) ? end - at + 1 : 0;
    }
  }
  return element == byte ? 1 : 0;
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0;
  std::size_t t = 0;
  // Only the last star ever needs another try: an earlier one that took more would leave less
  // for the same rest.
  std::size_t after_star = kNone;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      after_star = ++g;
      star_text = t;
      continue;
    }
    const std::size_t length = g < glob.size() ? match_one(glob, g, text[t]) : 0;
    if (length > 0) {
      g += length;
      ++t;
    } else if (after_star != kNone) {
      g = after_star;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

}  // namespace tc::symbol
