// The page of supported calls against golden/sys/syscalls.md: a change of the table shows in a
// review as a change of what is promised.
//
// environment: TC_UPDATE_GOLDEN=1  rewrites the page; refused when CI is set
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "base/input.h"
#include "sys/page.h"
#include "sys/table.h"

namespace tc::test {
namespace {

const std::string kPage = TC_SOURCE_DIR "/golden/sys/syscalls.md";

// Empty counts as not set, as shells have it.
bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

// The first line that differs, as it is now.
std::string_view first_difference(std::string_view now, std::string_view golden) {
  const auto at = std::mismatch(now.begin(), now.end(), golden.begin(), golden.end()).first;
  const auto position = static_cast<std::size_t>(at - now.begin());
  const std::size_t begin = now.substr(0, position).rfind('\n') + 1;
  return now.substr(begin, now.find('\n', position) - begin);
}

TEST(SyscallsPage, IsReproduced) {
  const std::string now = sys::calls_page();
  if (is_set("TC_UPDATE_GOLDEN") && std::string_view(std::getenv("TC_UPDATE_GOLDEN")) == "1") {
    ASSERT_FALSE(is_set("CI")) << "TC_UPDATE_GOLDEN is refused because CI is set: a golden says "
                                  "what somebody has read and found right";
    std::ofstream file(kPage, std::ios::binary);
    ASSERT_TRUE((file << now).flush()) << "cannot write " << kPage;
    return;
  }
  const Result<std::string> golden = base::read_input(kPage);
  ASSERT_TRUE(golden.ok()) << golden.error().text();
  EXPECT_TRUE(*golden == now)
      << kPage << " is not what userspace/sys/syscalls.def gives; the first line that differs:\n  "
      << first_difference(now, *golden)
      << "\nread it; if it is right, accept it with\n"
         "  TC_UPDATE_GOLDEN=1 golden_test --gtest_filter='SyscallsPage.*' && git diff golden/sys";
}

TEST(SyscallsPage, HasALineForEachCall) {
  const std::string page = sys::calls_page();
  for (const sys::Row& row : sys::rows()) {
    const std::string line =
        "\n| " + std::to_string(row.number) + " | `" + std::string(row.name) + "` |";
    EXPECT_NE(page.find(line), std::string::npos) << row.name;
  }
}

}  // namespace
}  // namespace tc::test
