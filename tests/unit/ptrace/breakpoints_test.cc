#include "ptrace/breakpoints.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "support/own_pages.h"

namespace tc::ptrace {
namespace {

using test::OwnPages;

constexpr char kInt3 = static_cast<char>(0xcc);

class BreakpointsTest : public testing::Test {
 protected:
  BreakpointsTest() { pages_.put(0x10, "abc"); }
  void set(Breakpoints& breakpoints) {
    pages_.protect(PROT_READ | PROT_EXEC);
    breakpoints.set(memory_, mappings_, places_);
  }

  const OwnPages pages_{1};
  const Memory memory_{getpid()};
  const std::vector<proc::Mapping> mappings_ = {{.start = pages_.address(),
                                                 .end = pages_.end(),
                                                 .executable = true,
                                                 .offset = 0x3000,
                                                 .path = "/bin/guest"}};
  const std::vector<Place> places_ = {{"/bin/other", 0x3010},
                                      {"/bin/guest", 0x3010},
                                      {"/bin/guest", 0x2fff},
                                      {"/bin/guest", 0x4000}};
};

TEST_F(BreakpointsTest, AreSetWhereTheFileIsMapped) {
  Breakpoints breakpoints;
  set(breakpoints);
  EXPECT_EQ(pages_.data()[0x10], kInt3);
  EXPECT_EQ(pages_.data()[0x11], 'b');
}

TEST_F(BreakpointsTest, AreGoodForOneHit) {
  Breakpoints breakpoints;
  set(breakpoints);
  const auto hit = breakpoints.hit(memory_, pages_.address(0x11));
  ASSERT_TRUE(hit.has_value());
  EXPECT_EQ(hit->place, 1U);
  EXPECT_EQ(pages_.data()[0x10], 'a');
  // Another thread was there at the same moment: it too has to go back, but tells nothing.
  const auto late = breakpoints.hit(memory_, pages_.address(0x11));
  ASSERT_TRUE(late.has_value());
  EXPECT_FALSE(late->place.has_value());
  breakpoints.set(memory_, mappings_, places_);
  EXPECT_EQ(pages_.data()[0x10], 'a');
}

TEST_F(BreakpointsTest, LeaveOtherTrapsAlone) {
  Breakpoints breakpoints;
  set(breakpoints);
  EXPECT_FALSE(breakpoints.hit(memory_, pages_.address(0x10)).has_value());
}

TEST_F(BreakpointsTest, LeaveNothingBehind) {
  Breakpoints breakpoints;
  set(breakpoints);
  breakpoints.clear(memory_);
  EXPECT_EQ(pages_.data()[0x10], 'a');
}

}  // namespace
}  // namespace tc::ptrace
