#include "sys/capture.h"

#include <gtest/gtest.h>

namespace tc::sys {
namespace {

bool is_pointer(const ArgumentType& type) {
  return type.shape != Shape::kScalar && type.shape != Shape::kEmbedded &&
         type.shape != Shape::kPadding;
}

const tc_capture_step* step_of(const tc_capture_plan& plan, std::size_t argument) {
  for (std::uint32_t i = 0; i < plan.steps; ++i)
    if (plan.step[i].argument == argument) return &plan.step[i];
  return nullptr;
}

tc_capture_plan plan_of(std::string_view name, std::uint32_t data_max = 32) {
  const Row* row = find_row(name);
  EXPECT_NE(row, nullptr) << name;
  return row == nullptr ? tc_capture_plan{} : capture_plan(*row, data_max);
}

void expect_step(const tc_capture_plan& plan, std::size_t argument, tc_capture_kind kind,
                 std::uint32_t flags, std::uint8_t length = 0, std::uint32_t size = 0) {
  const tc_capture_step* step = step_of(plan, argument);
  ASSERT_NE(step, nullptr) << argument;
  EXPECT_EQ(step->kind, kind);
  EXPECT_EQ(step->flags, flags);
  EXPECT_EQ(step->length, length);
  EXPECT_EQ(step->size, size);
}

TEST(CapturePlan, HasOneStepForEachPointerOfEachRow) {
  for (const Row& row : rows()) {
    const tc_capture_plan plan = capture_plan(row, 32);
    EXPECT_EQ(plan.wanted, 1U) << row.name;
    std::uint32_t pointers = 0;
    for (std::size_t i = 0; i < row.arguments.size(); ++i) {
      const tc_capture_step* step = step_of(plan, i);
      const bool pointer = is_pointer(row.arguments[i].type);
      EXPECT_EQ(step != nullptr, pointer) << row.name << " " << row.arguments[i].name;
      if (pointer) ++pointers;
    }
    EXPECT_EQ(plan.steps, pointers) << row.name;
    EXPECT_LE(plan.steps, TC_CAPTURE_STEPS);
  }
}

TEST(CapturePlan, TakesLengthsFromArgumentsThatTellThem) {
  for (const Row& row : rows()) {
    const tc_capture_plan plan = capture_plan(row, 32);
    for (std::uint32_t i = 0; i < plan.steps; ++i) {
      const tc_capture_step& step = plan.step[i];
      const ArgumentType& type = row.arguments[step.argument].type;
      const bool sized = step.kind == TC_CAPTURE_FIXED || step.kind == TC_CAPTURE_ARRAY;
      EXPECT_EQ(step.size != 0, sized) << row.name << " " << row.arguments[step.argument].name;
      if (type.length == kResult || type.length == kNoLength) continue;
      ASSERT_LT(step.length, row.arguments.size()) << row.name;
      const ArgumentType& length = row.arguments[step.length].type;
      const bool number = length.shape == Shape::kScalar;
      const bool pointer = length.shape == Shape::kStruct && length.layout == nullptr;
      EXPECT_TRUE(number || pointer) << row.name << " " << row.arguments[step.length].name;
      // Only ADDRESS follows a pointer to the length.
      EXPECT_TRUE(!pointer || step.kind == TC_CAPTURE_ADDRESS) << row.name;
    }
  }
}

TEST(CapturePlan, CopiesOutputsOnlyOfCallsThatSucceeded) {
  expect_step(plan_of("read"), 1, TC_CAPTURE_BUFFER, TC_CAPTURE_RESULT);
  expect_step(plan_of("write"), 1, TC_CAPTURE_BUFFER, 0, 2);
  expect_step(plan_of("openat"), 1, TC_CAPTURE_STRING, 0);
  expect_step(plan_of("fstat"), 1, TC_CAPTURE_FIXED, TC_CAPTURE_RESULT, 0, 144);
  expect_step(plan_of("getdents64"), 1, TC_CAPTURE_ENTRIES, TC_CAPTURE_RESULT);
  expect_step(plan_of("nanosleep"), 0, TC_CAPTURE_FIXED, 0, 0, 16);
  expect_step(plan_of("poll"), 0, TC_CAPTURE_ARRAY, 0, 1, 8);
  expect_step(plan_of("execve"), 1, TC_CAPTURE_STRINGS, 0);
}

TEST(CapturePlan, KnowsTheKindsOfSockets) {
  expect_step(plan_of("connect"), 1, TC_CAPTURE_ADDRESS, 0, 2);
  expect_step(plan_of("accept"), 1, TC_CAPTURE_ADDRESS, TC_CAPTURE_RESULT, 2);
  expect_step(plan_of("accept"), 2, TC_CAPTURE_FIXED, 0, 0, 4);
  expect_step(plan_of("sendmsg"), 1, TC_CAPTURE_MESSAGE, 0);
  expect_step(plan_of("recvmsg"), 1, TC_CAPTURE_MESSAGE, TC_CAPTURE_RESULT);
  expect_step(plan_of("writev"), 1, TC_CAPTURE_VECTORS, 0, 2);
  expect_step(plan_of("readv"), 1, TC_CAPTURE_VECTORS, TC_CAPTURE_RESULT, 2);
}

TEST(CapturePlan, CopiesNamesWholeAndBuffersAsFarAsWished) {
  EXPECT_EQ(plan_of("read", 32).data_max, 32U);
  EXPECT_EQ(plan_of("read", 1U << 20U).data_max, static_cast<std::uint32_t>(TC_CAPTURE_DATA_MAX));
  EXPECT_EQ(plan_of("readlink", 32).data_max, static_cast<std::uint32_t>(TC_CAPTURE_DATA_MAX));
  EXPECT_EQ(plan_of("getcwd", 0).data_max, static_cast<std::uint32_t>(TC_CAPTURE_DATA_MAX));
}

}  // namespace
}  // namespace tc::sys
