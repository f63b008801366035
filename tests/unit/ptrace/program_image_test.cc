#include "ptrace/program_image.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

namespace tc::ptrace {
namespace {

TEST(ImageAddresses, AreCountedFromBehindTheName) {
  std::string stat = "42 (a) b (c) S";
  for (int field = 4; field <= 52; ++field) stat += " " + std::to_string(field * 100);
  const ImageAddresses at = parse_image_addresses(stat + "\n");
  EXPECT_EQ(at.stack_start, 2800U);
  EXPECT_EQ(at.heap_start, 4700U);
  EXPECT_EQ(at.arguments_start, 4800U);
  EXPECT_EQ(at.arguments_end, 4900U);
  EXPECT_EQ(at.environment_start, 5000U);
  EXPECT_EQ(at.environment_end, 5100U);
}

TEST(ImageAddresses, StandATextThatIsCut) {
  EXPECT_EQ(parse_image_addresses("42 (a").heap_start, 0U);
  EXPECT_EQ(parse_image_addresses("42 (a)").heap_start, 0U);
  EXPECT_EQ(parse_image_addresses("").heap_start, 0U);
}

TEST(ProgramImage, OfThisProcessHasItsFileItsArgumentsAndItsMappings) {
  const ProgramImage image = read_program_image(static_cast<std::uint32_t>(getpid()));
  EXPECT_TRUE(image.resolved.ends_with("ptrace_test"));
  EXPECT_EQ(image.argv.back(), '\0');
  EXPECT_EQ(image.missing, 0U);
  EXPECT_NE(image.heap_start, 0U);
  EXPECT_NE(image.stack_start, 0U);
  EXPECT_TRUE(std::any_of(image.mappings.begin(), image.mappings.end(),
                          [&](const auto& mapping) { return mapping.path == image.resolved; }));
}

TEST(ProgramImage, OfAProcessThatIsGoneIsEmpty) {
  const ProgramImage image = read_program_image(0x7fffffff);
  EXPECT_TRUE(image.resolved.empty());
  EXPECT_TRUE(image.mappings.empty());
}

}  // namespace
}  // namespace tc::ptrace
