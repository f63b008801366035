// Ordinals: which of the numbers 1, 2, 3… of each kind are in use, so that what is gone leaves its
// number to the next: a loop that opens and closes is told the same each time round.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tc::trace {

class Ordinals {
 public:
  // What is numbered apart: a name, and the line (line.h) that made it.
  static std::uint64_t kind(std::string_view name, std::string_view label) {
    const std::hash<std::string_view> hash;
    return hash(name) * 31 + hash(label);
  }

  std::uint32_t lowest_free(std::uint64_t kind) const {
    const auto found = taken_.find(kind);
    if (found == taken_.end()) return 1;
    const auto free = std::find(found->second.begin(), found->second.end(), 0U);
    return static_cast<std::uint32_t>(free - found->second.begin()) + 1;
  }
  // A number may be taken by several; 0 is none.
  void take(std::uint64_t kind, std::uint32_t ordinal) {
    if (ordinal == 0) return;
    std::vector<std::uint32_t>& counts = taken_[kind];
    if (counts.size() < ordinal) counts.resize(ordinal);
    ++counts[ordinal - 1];
  }
  void release(std::uint64_t kind, std::uint32_t ordinal) {
    if (ordinal == 0) return;
    const auto found = taken_.find(kind);
    std::vector<std::uint32_t>& counts = found->second;
    --counts[ordinal - 1];
    while (!counts.empty() && counts.back() == 0) counts.pop_back();
    if (counts.empty()) taken_.erase(found);
  }

 private:
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> taken_;
};

}  // namespace tc::trace
