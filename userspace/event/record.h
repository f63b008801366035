// Record: one piece of evidence as named values, between decoding and formatting.
//
// Borrowed text belongs to whoever filled the record in and lives as long as the bytes it was
// decoded from; what had to be composed (an address, a set of flags) lives in the record itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

namespace tc::event {

// A machine word, written "0x…".
struct Word {
  std::uint64_t value;
};

// Bytes that need not be text: a path, a buffer.
struct Bytes {
  std::string_view value;
};

// Byte strings one after the other, each ended by NUL: an argv.
struct ByteList {
  std::string_view joined;
};

// A code address, as far as it could be named. Nothing but `address` when it lies in no mapping.
struct Frame {
  std::uint64_t address = 0;
  bool in_module = false;
  std::uint64_t offset = 0;  // the virtual address inside the module's file
  std::string_view module = {};
  std::string_view build_id = {};
  std::string_view symbol = {};
};

struct Field;
struct Item;
// Named values inside a value, told in their own order by formats for people.
struct Object {
  const Field* fields = nullptr;
  std::size_t count = 0;
};
struct List {
  const Item* items = nullptr;
  std::size_t count = 0;
};

using Value = std::variant<std::uint64_t, std::int64_t, Word, std::string_view, Bytes, ByteList,
                           Frame, std::span<const Frame>, Object, List>;

struct Field {
  std::string_view key;
  Value value;
};
struct Item {
  Value value;
};

class Record {
 public:
  Record() = default;
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;

  // Empties the record for reuse; all views into it end here.
  void start(std::string_view event);
  void add(std::string_view key, Value value) { fields_.push_back({key, value}); }

  std::string_view event() const { return event_; }
  const std::vector<Field>& fields() const { return fields_; }
  // The value under `key`, or null.
  const Value* find(std::string_view key) const;

  // A copy of `text` that lives until the next start().
  std::string_view keep(std::string_view text);
  std::span<Frame> keep_frames(std::size_t count);
  // Copies that live as long, for values inside values.
  Object keep_object(std::span<const Field> fields);
  List keep_list(std::span<const Item> items);

 private:
  std::string_view event_;
  std::vector<Field> fields_;
  std::array<std::byte, 4096> first_block_;
  std::pmr::monotonic_buffer_resource arena_{first_block_.data(), first_block_.size()};
};

}  // namespace tc::event
