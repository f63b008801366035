#include "symbol/probe_site.h"

#include <gtest/gtest.h>

#include <vector>

namespace tc::symbol {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(ProbeSite, SkipsEndbr64BeforeAPush) {
  EXPECT_EQ(probe_offset(Bytes{0xf3, 0x0f, 0x1e, 0xfa, 0x55}), 4U);
  EXPECT_EQ(probe_offset(Bytes{0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0x57, 0x41, 0x56}), 4U);
}

TEST(ProbeSite, StaysAtTheEntryOtherwise) {
  EXPECT_EQ(probe_offset(Bytes{0x55, 0x48, 0x89, 0xe5}), 0U);
  EXPECT_EQ(probe_offset(Bytes{0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x83}), 0U);
  EXPECT_EQ(probe_offset(Bytes{0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0x89}), 0U);
  EXPECT_EQ(probe_offset(Bytes{0xf3, 0x0f, 0x1e, 0xfa, 0x41}), 0U);
}

TEST(ProbeSite, StaysAtTheEntryWhenBytesAreMissing) {
  EXPECT_EQ(probe_offset(Bytes{}), 0U);
  EXPECT_EQ(probe_offset(Bytes{0xf3, 0x0f, 0x1e, 0xfa}), 0U);
}

}  // namespace
}  // namespace tc::symbol
