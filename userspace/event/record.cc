#include "event/record.h"

#include <cstring>
#include <memory>
#include <new>

namespace tc::event {

void Record::start(std::string_view event) {
  fields_.clear();
  arena_.release();
  event_ = event;
}

const Value* Record::find(std::string_view key) const {
  for (const Field& field : fields_)
    if (field.key == key) return &field.value;
  return nullptr;
}

std::string_view Record::keep(std::string_view text) {
  if (text.empty()) return {};
  char* copy = static_cast<char*>(arena_.allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

std::span<Frame> Record::keep_frames(std::size_t count) {
  if (count == 0) return {};
  auto* frames = static_cast<Frame*>(arena_.allocate(count * sizeof(Frame), alignof(Frame)));
  std::uninitialized_value_construct_n(frames, count);
  return {frames, count};
}

Object Record::keep_object(std::span<const Field> fields) {
  if (fields.empty()) return {};
  auto* copy = static_cast<Field*>(arena_.allocate(fields.size_bytes(), alignof(Field)));
  std::uninitialized_copy(fields.begin(), fields.end(), copy);
  return {copy, fields.size()};
}

List Record::keep_list(std::span<const Item> items) {
  if (items.empty()) return {};
  auto* copy = static_cast<Item*>(arena_.allocate(items.size_bytes(), alignof(Item)));
  std::uninitialized_copy(items.begin(), items.end(), copy);
  return {copy, items.size()};
}

}  // namespace tc::event
