#include "json/writer.h"

#include <charconv>
#include <cstring>
#include <utility>

#include "json/text.h"

namespace tc::json {
namespace {

constexpr std::size_t kNumberRoom = 24;  // twenty digits, or "0x" and sixteen in quotes

}  // namespace

char* ObjectWriter::room(std::size_t size) {
  if (scratch_.size() - used_ < size) scratch_.resize(2 * scratch_.size() + size + 512);
  return scratch_.data() + used_;
}

char* ObjectWriter::open_field(Key key, std::size_t value_room) {
  const std::string_view name = key.name();
  char* to = room(name.size() + value_room + 4);
  *to++ = '"';
  std::memcpy(to, name.data(), name.size());
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

void ObjectWriter::unsigned_integer(Key key, std::uint64_t value) {
  char* const to = open_field(key, kNumberRoom);
  close_field(std::to_chars(to, to + kNumberRoom, value).ptr);
}

void ObjectWriter::signed_integer(Key key, std::int64_t value) {
  char* const to = open_field(key, kNumberRoom);
  close_field(std::to_chars(to, to + kNumberRoom, value).ptr);
}

void ObjectWriter::boolean(Key key, bool value) {
  const std::string_view name = value ? "true" : "false";
  char* const to = open_field(key, kNumberRoom);
  std::memcpy(to, name.data(), name.size());
  close_field(to + name.size());
}

void ObjectWriter::word(Key key, std::uint64_t value) {
  char* to = open_field(key, kNumberRoom);
  std::memcpy(to, "\"0x", 3);
  to = std::to_chars(to + 3, to + kNumberRoom, value, 16).ptr;
  *to++ = '"';
  close_field(to);
}

void ObjectWriter::text(Key key, std::string_view value) { bytes(key, value); }

void ObjectWriter::bytes(Key key, std::string_view value) {
  char* const to = open_field(key, rendered_room(value.size()));
  close_field(render_bytes(to, value));
}

void ObjectWriter::open_array(Key key) {
  *open_field(key, 1) = '[';
  ++used_;
}

void ObjectWriter::close_array() {
  // The comma after the last element gives way; there is none in an empty array.
  if (scratch_[used_ - 1] == ',') --used_;
  *room(2) = ']';
  ++used_;
  close_field();
}

void ObjectWriter::element(std::string_view value) {
  char* const end = render_bytes(room(rendered_room(value.size())), value);
  *end = ',';
  used_ = static_cast<std::size_t>(end + 1 - scratch_.data());
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

bool ObjectWriter::less(const Field& left, const Field& right) const {
  if (left.order != right.order) return left.order < right.order;
  const std::string_view scratch = scratch_;
  return scratch.substr(left.begin + 1, left.key_size) <
         scratch.substr(right.begin + 1, right.key_size);
}

void ObjectWriter::sort_fields() {
  for (std::size_t i = first_field_ + 1; i < fields_.size(); ++i) {
    const Field field = fields_[i];
    std::size_t to = i;
    for (; to > first_field_ && less(field, fields_[to - 1]); --to) fields_[to] = fields_[to - 1];
    fields_[to] = field;
    const bool key_is_new = to == first_field_ || less(fields_[to - 1], field);
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
