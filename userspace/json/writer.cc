#include "json/writer.h"

#include <charconv>
#include <cstring>
#include <utility>

#include "json/text.h"

namespace tc::json {
namespace {

constexpr std::size_t kNumberRoom = 24;  // twenty digits, or "0x" and sixteen in quotes

// Two quotes, colon and comma around the key and value, and what a store of eight bytes for a
// shorter key takes beyond it.
constexpr std::size_t kFieldRoom = 12;

char* render_word(char* to, std::uint64_t value) {
  to += std::string_view("\"0x").copy(to, 3);
  to = std::to_chars(to, to + 16, value, 16).ptr;
  *to++ = '"';
  return to;
}

}  // namespace

inline bool ObjectWriter::less(const Field& left, const Field& right) const {
  if (left.order != right.order) [[likely]]
    return left.order < right.order;
  const std::string_view scratch = scratch_;
  return scratch.substr(left.begin + 1, left.key_size) <
         scratch.substr(right.begin + 1, right.key_size);
}

char* ObjectWriter::room(std::size_t size) {
  if (scratch_.size() - used_ < size) scratch_.resize(2 * scratch_.size() + size + 512);
  return scratch_.data() + used_;
}

char* ObjectWriter::open_field(const Key& key, std::size_t value_room) {
  const std::string_view name = key.name();
  char* to = room(name.size() + value_room + kFieldRoom);
  *to++ = '"';
  if (name.size() <= 8) {
    // The order of a short name is the name: one store instead of a copy of unknown length.
    const std::uint64_t first_bytes = __builtin_bswap64(key.order());
    std::memcpy(to, &first_bytes, 8);
  } else {
    std::memcpy(to, name.data(), name.size());
  }
  to += name.size();
  *to++ = '"';
  *to++ = ':';
  fields_.push_back({key.order(), used_, 0, name.size()});
  if (fields_.size() - first_field_ > 1) {
    sorted_ = sorted_ && less(fields_[fields_.size() - 2], fields_.back());
  }
  used_ = static_cast<std::size_t>(to - scratch_.data());
  return to;
}

void ObjectWriter::close_field(char* value_end) {
  *value_end++ = ',';
  used_ = static_cast<std::size_t>(value_end - scratch_.data());
  fields_.back().end = used_;
}

void ObjectWriter::unsigned_integer(const Key& key, std::uint64_t value) {
  char* const to = open_field(key, kNumberRoom);
  close_field(std::to_chars(to, to + kNumberRoom, value).ptr);
}

void ObjectWriter::signed_integer(const Key& key, std::int64_t value) {
  char* const to = open_field(key, kNumberRoom);
  close_field(std::to_chars(to, to + kNumberRoom, value).ptr);
}

void ObjectWriter::boolean(const Key& key, bool value) {
  const std::string_view name = value ? "true" : "false";
  char* const to = open_field(key, kNumberRoom);
  close_field(to + name.copy(to, name.size()));
}

void ObjectWriter::word(const Key& key, std::uint64_t value) {
  close_field(render_word(open_field(key, kNumberRoom), value));
}

void ObjectWriter::text(const Key& key, std::string_view value) { bytes(key, value); }

void ObjectWriter::bytes(const Key& key, std::string_view value) {
  char* const to = open_field(key, rendered_room(value.size()));
  close_field(render_bytes(to, value));
}

void ObjectWriter::open_array(const Key& key) {
  *open_field(key, 1) = '[';
  ++used_;
}

void ObjectWriter::close_brackets() {
  // The comma after the last element gives way; there is none in an empty array.
  if (scratch_[used_ - 1] == ',') --used_;
  *room(2) = ']';
  ++used_;
}

void ObjectWriter::close_array() {
  close_brackets();
  close_field();
}

void ObjectWriter::element(std::string_view value) {
  close_element(render_bytes(room(rendered_room(value.size())), value));
}

void ObjectWriter::close_element(char* end) {
  *end = ',';
  used_ = static_cast<std::size_t>(end + 1 - scratch_.data());
}

void ListWriter::unsigned_integer(std::uint64_t value) {
  char* const to = writer_.room(kNumberRoom);
  writer_.close_element(std::to_chars(to, to + kNumberRoom, value).ptr);
}

void ListWriter::signed_integer(std::int64_t value) {
  char* const to = writer_.room(kNumberRoom);
  writer_.close_element(std::to_chars(to, to + kNumberRoom, value).ptr);
}

void ListWriter::word(std::uint64_t value) {
  char* const to = writer_.room(kNumberRoom);
  writer_.close_element(render_word(to, value));
}

ObjectWriter::Enclosing ObjectWriter::open_object() {
  *room(1) = '{';
  ++used_;
  ++depth_;
  return {std::exchange(first_field_, fields_.size()), std::exchange(sorted_, true)};
}

void ObjectWriter::close_object(Enclosing enclosing) {
  if (fields_.size() == first_field_) {
    *room(1) = '}';
    ++used_;
  } else {
    char* const first = scratch_.data() + fields_[first_field_].begin;
    if (sorted_) {
      scratch_[used_ - 1] = '}';
    } else {
      sort_fields();
      const auto size = static_cast<std::size_t>(scratch_.data() + used_ - first);
      if (spare_.size() < size) spare_.resize(size);
      copy_fields(spare_.data());
      std::memcpy(first, spare_.data(), size);
    }
    fields_.resize(first_field_);
  }
  first_field_ = enclosing.first_field;
  sorted_ = enclosing.sorted;
  --depth_;
}

void ObjectWriter::sort_fields() {
  Field* const begin = fields_.data() + first_field_;
  Field* const end = fields_.data() + fields_.size();
  for (Field* next = begin + 1; next < end; ++next) {
    // Callers add runs of keys that ascend, so most fields already stand where they belong.
    if (less(next[-1], *next)) continue;
    const Field field = *next;
    Field* to = next;
    do {
      *to = to[-1];
      --to;
    } while (to > begin && less(field, to[-1]));
    *to = field;
    const bool key_is_new = less(field, to[1]) && (to == begin || less(to[-1], field));
    TC_ASSERT(key_is_new);
  }
}

void ObjectWriter::copy_fields(char* to) const {
  for (std::size_t i = first_field_; i < fields_.size(); ++i) {
    const std::size_t size = fields_[i].end - fields_[i].begin;
    std::memcpy(to, scratch_.data() + fields_[i].begin, size);
    to += size;
  }
  to[-1] = '}';
}

void ObjectWriter::finish(std::string& out) {
  TC_ASSERT(depth_ == 0);
  out.push_back('{');
  if (fields_.empty()) {
    out.push_back('}');
  } else if (sorted_) {
    out.append(scratch_, 0, used_ - 1).push_back('}');
  } else {
    sort_fields();
    const std::size_t before = out.size();
    out.resize(before + used_);
    copy_fields(out.data() + before);
  }
  fields_.clear();
  used_ = 0;
  sorted_ = true;
}

}  // namespace tc::json
