#include "determinism/cpu_model.h"

#include <cpuid.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace tc::determinism {
namespace {

std::optional<Trapped> decode(const std::vector<std::uint8_t>& bytes) {
  return decode_trapped(bytes);
}

TEST(CpuModel, AdvertisesNothingThatTheHostLacks) {
  const CpuModel model;
  for (const std::uint32_t leaf : {1U, 7U, 0x80000001U}) {
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    __get_cpuid_count(leaf, 0, &eax, &ebx, &ecx, &edx);
    const CpuidResult told = model.cpuid(leaf, 0);
    EXPECT_EQ(told.ecx & ~ecx, 0U) << leaf;
    EXPECT_EQ(told.edx & ~edx, 0U) << leaf;
    if (leaf == 7) {
      EXPECT_EQ(told.ebx & ~ebx, 0U);
    }
  }
}

TEST(CpuModel, NeverAdvertisesWhatCannotBeTrapped) {
  const CpuModel model;
  const CpuidResult basic = model.cpuid(1, 0);
  constexpr std::uint32_t kRdrand = 1U << 30U;
  constexpr std::uint32_t kHypervisor = 1U << 31U;
  constexpr std::uint32_t kHyperThreading = 1U << 28U;
  EXPECT_EQ(basic.ecx & (kRdrand | kHypervisor), 0U);
  EXPECT_EQ(basic.edx & kHyperThreading, 0U);
  const CpuidResult structured = model.cpuid(7, 0);
  constexpr std::uint32_t kHle = 1U << 4U;
  constexpr std::uint32_t kRtm = 1U << 11U;
  constexpr std::uint32_t kAvx512f = 1U << 16U;
  constexpr std::uint32_t kRdseed = 1U << 18U;
  EXPECT_EQ(structured.ebx & (kHle | kRtm | kAvx512f | kRdseed), 0U);
  EXPECT_EQ(structured.ecx, 0U);  // PKU, WAITPKG, RDPID
  EXPECT_EQ(structured.edx, 0U);
  EXPECT_EQ(model.cpuid(0xd, 1).eax, 0U);  // XSAVEOPT, XSAVEC, XGETBV with ECX = 1
  EXPECT_EQ(model.cpuid(0x80000007, 0).edx, 0U);
}

TEST(CpuModel, TellsAnAreaForSavedStateInWhichTheHostsFits) {
  const CpuModel model;
  if (model.level() == CpuModel::Level::kV2) GTEST_SKIP() << "the host has no AVX2";
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  __cpuid_count(0xd, 0, eax, ebx, ecx, edx);
  EXPECT_GE(model.cpuid(0xd, 0).ebx, ebx);
  EXPECT_EQ(model.cpuid(0xd, 2).eax, 256U);
  EXPECT_EQ(model.cpuid(0xd, 2).ebx, 576U);
}

TEST(CpuModel, EndsItsLists) {
  const CpuModel model;
  EXPECT_EQ(model.cpuid(4, 3).eax >> 5U & 7U, 3U);  // a cache of level 3
  EXPECT_EQ(model.cpuid(4, 4).eax & 31U, 0U);
  EXPECT_EQ(model.cpuid(0xb, 2).ebx, 0U);
  EXPECT_EQ(model.cpuid(7, 1).eax, 0U);
  EXPECT_EQ(model.cpuid(0x15, 0).eax, 0U);
  EXPECT_EQ(model.cpuid(0x40000000, 0).ebx, 0U);
}

TEST(CpuModel, DescribesCachesInLeaf2Alone) {
  const CpuidResult told = CpuModel().cpuid(2, 0);
  EXPECT_EQ(told.eax & 0xffU, 1U);
  for (const std::uint32_t word : {told.eax >> 8U, told.ebx, told.ecx, told.edx})
    for (int i = 0; i < 4; ++i) EXPECT_NE(word >> (8 * i) & 0xffU, 0xffU);
}

TEST(CpuModel, HasNames) {
  const CpuModel model;
  const CpuidResult vendor = model.cpuid(0, 0);
  char text[13] = {};
  std::memcpy(text, &vendor.ebx, 4);
  std::memcpy(text + 4, &vendor.edx, 4);
  std::memcpy(text + 8, &vendor.ecx, 4);
  EXPECT_STREQ(text, CpuModel::kVendor);
  std::string brand;
  for (std::uint32_t leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
    const CpuidResult third = model.cpuid(leaf, 0);
    brand.append(reinterpret_cast<const char*>(&third), sizeof(third));
  }
  EXPECT_STREQ(brand.c_str(), CpuModel::kBrand);
  EXPECT_NE(model.feature_names().find("sse4_2"), std::string::npos);
  EXPECT_EQ(model.feature_names().find("rdrand"), std::string::npos);
}

TEST(Trapped, AreKnownByTheirBytes) {
  EXPECT_EQ(decode({0x0f, 0xa2})->instruction, TrappedInstruction::kCpuid);
  EXPECT_EQ(decode({0x0f, 0x31, 0x90})->instruction, TrappedInstruction::kRdtsc);
  EXPECT_EQ(decode({0x0f, 0x01, 0xf9})->instruction, TrappedInstruction::kRdtscp);
  EXPECT_EQ(decode({0x0f, 0x01, 0xf9})->length, 3);
}

TEST(Trapped, CountTheirPrefixes) {
  EXPECT_EQ(decode({0x66, 0x0f, 0x31})->length, 3);
  EXPECT_EQ(decode({0xf3, 0x48, 0x0f, 0xa2})->length, 4);
  EXPECT_EQ(decode({0x2e, 0x64, 0x0f, 0xa2})->length, 4);
}

TEST(Trapped, AreNothingElse) {
  EXPECT_FALSE(decode({}));
  EXPECT_FALSE(decode({0x0f}));
  EXPECT_FALSE(decode({0x0f, 0x01}));
  EXPECT_FALSE(decode({0x0f, 0x0b}));
  EXPECT_FALSE(decode({0xf0, 0x0f, 0xa2}));        // LOCK is illegal here
  EXPECT_FALSE(decode({0x48, 0x66, 0x0f, 0xa2}));  // REX is the last prefix, or none
  // Longer than an instruction can be.
  std::vector<std::uint8_t> bytes(14, 0x66);
  bytes.insert(bytes.end(), {0x0f, 0xa2});
  EXPECT_FALSE(decode(bytes));
}

}  // namespace
}  // namespace tc::determinism
