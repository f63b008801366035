#include "trace/chronicle.h"

#include <cstdint>

namespace tc::trace {
namespace {

// One step of a creation path: how the thread came to be, and which of its creator's it was.
struct Step {
  int rank = 0;  // 0: the path is at its end; then a root or thread, then a child
  std::uint64_t number = 0;
};

Step next_step(std::string_view& path) {
  if (path.empty()) return {};
  Step step = {.rank = path.front() == '.' ? 2 : 1, .number = 0};
  path.remove_prefix(1);
  while (!path.empty() && path.front() >= '0' && path.front() <= '9') {
    step.number = step.number * 10 + static_cast<std::uint64_t>(path.front() - '0');
    path.remove_prefix(1);
  }
  return step;
}

}  // namespace

bool tree_order(std::string_view left, std::string_view right) {
  while (!left.empty() || !right.empty()) {
    const Step a = next_step(left);
    const Step b = next_step(right);
    if (a.rank != b.rank) return a.rank < b.rank;
    if (a.number != b.number) return a.number < b.number;
  }
  return false;
}

}  // namespace tc::trace
