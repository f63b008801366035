#include "kernel/trace_run.h"

#include <fstream>
#include <iterator>
#include <sstream>

namespace tc::test {

std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string first_difference(const std::string& left, const std::string& right) {
  std::istringstream a(left);
  std::istringstream b(right);
  std::string line_a;
  std::string line_b;
  for (int number = 1;; ++number) {
    const bool more_a = static_cast<bool>(std::getline(a, line_a));
    const bool more_b = static_cast<bool>(std::getline(b, line_b));
    if (!more_a && !more_b) return "no difference";
    if (more_a != more_b || line_a != line_b)
      return "line " + std::to_string(number) + "\n< " + (more_a ? line_a : "(end)") + "\n> " +
             (more_b ? line_b : "(end)");
  }
}

}  // namespace tc::test
