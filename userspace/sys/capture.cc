#include "sys/capture.h"

#include <algorithm>

#include "base/result.h"

namespace tc::sys {
namespace {

// Position of the argument that tells the length, for the type at `position`.
std::uint8_t length_argument(const ArgumentType& type, std::size_t position) {
  return static_cast<std::uint8_t>(type.length == kNext ? position + 1 : std::size_t(type.length));
}

std::uint32_t element_size(const ArgumentType& type) {
  return type.layout != nullptr ? type.layout->size : type.size;
}

// fd_set of libc. The kernel looks at no more than the first argument tells.
constexpr std::uint32_t kFdSetSize = 128;

class Planner {
 public:
  Planner(const Row& row, std::uint32_t data_max) : row_(row) {
    plan_.wanted = 1;
    plan_.data_max = std::min<std::uint32_t>(data_max, TC_CAPTURE_DATA_MAX);
  }

  tc_capture_plan finish() {
    for (std::size_t i = 0; i < row_.arguments.size(); ++i) add_steps(i);
    return plan_;
  }

 private:
  void add_steps(std::size_t position);
  void add_data(std::size_t position);
  void add(tc_capture_kind kind, std::size_t position, bool result, std::uint32_t size = 0);
  // Does the argument at `position` point to the length, rather than tell it (getsockopt)?
  bool points_to_length(std::size_t position) const {
    return position < row_.arguments.size() &&
           row_.arguments[position].type.shape == Shape::kStruct;
  }

  const Row& row_;
  tc_capture_plan plan_{};
};

void Planner::add(tc_capture_kind kind, std::size_t position, bool result, std::uint32_t size) {
  TC_ASSERT(plan_.steps < TC_CAPTURE_STEPS);
  const ArgumentType& type = row_.arguments[position].type;
  tc_capture_step& step = plan_.step[plan_.steps++];
  step.kind = static_cast<tc_u8>(kind);
  step.argument = static_cast<tc_u8>(position);
  if (type.length == kNext || type.length >= 0) step.length = length_argument(type, position);
  TC_ASSERT(step.length < 6);
  step.flags = result ? TC_CAPTURE_RESULT : 0;
  step.size = size;
}

void Planner::add_data(std::size_t position) {
  const ArgumentType& type = row_.arguments[position].type;
  // Names are told whole: a readlink() is no buffer of which the head is enough.
  if (type.leaf == Leaf::kPath || type.leaf == Leaf::kText) plan_.data_max = TC_CAPTURE_DATA_MAX;
  if (type.length == kResult) return add(TC_CAPTURE_BUFFER, position, true);
  if (points_to_length(length_argument(type, position)))
    return add(TC_CAPTURE_ADDRESS, position, true);
  // RESULT would mean "as many as the call returned", so an output whose length an argument tells
  // is copied always, and looked at only when the call succeeded.
  add(TC_CAPTURE_BUFFER, position, false);
}

void Planner::add_steps(std::size_t position) {
  const ArgumentType& type = row_.arguments[position].type;
  const bool out = type.direction == Direction::kOut;
  switch (type.shape) {
    case Shape::kScalar:
    case Shape::kEmbedded:
    case Shape::kPadding:
      return;
    case Shape::kString:
      return add(TC_CAPTURE_STRING, position, out);
    case Shape::kStruct:
      return add(TC_CAPTURE_FIXED, position, out, element_size(type));
    case Shape::kArray:
      return add(TC_CAPTURE_ARRAY, position, type.length == kResult, element_size(type));
    case Shape::kData:
      return add_data(position);
    case Shape::kSockaddr:
      return add(TC_CAPTURE_ADDRESS, position, out);
    case Shape::kVectors:
      return add(TC_CAPTURE_VECTORS, position, out);
    case Shape::kMessage:
      return add(TC_CAPTURE_MESSAGE, position, out);
    case Shape::kEntries:
      return add(TC_CAPTURE_ENTRIES, position, true);
    case Shape::kStrings:
      return add(TC_CAPTURE_STRINGS, position, out);
    case Shape::kIoctl:
      return add(TC_CAPTURE_IOCTL, position, false);
    case Shape::kFcntl:
      return add(TC_CAPTURE_LOCK, position, false);
    case Shape::kFdSet:
      return add(TC_CAPTURE_FIXED, position, false, kFdSetSize);
  }
}

}  // namespace

tc_capture_plan capture_plan(const Row& row, std::uint32_t data_max) {
  return Planner(row, data_max).finish();
}

}  // namespace tc::sys
