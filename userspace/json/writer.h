// ObjectWriter: the one way the program makes JSON. Whatever is put in, what comes out is
// canonical (DESIGN section 4): floating point and null have no function here, strings that are
// not UTF-8 in NFC come out in hex, keys come out sorted. It makes objects, not streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/scan.h"

namespace tc::json {

// The name of a field, [a-z][a-z0-9_]*. A literal is checked when it is compiled, any other name
// when it is made; a bad one is a bug. The characters are borrowed.
class Key {
 public:
  template <std::size_t N>
  consteval Key(const char (&literal)[N])  // NOLINT(google-explicit-constructor)
      : name_(literal, N - 1), order_(name_order(name_)) {
    if (!is_key_name(name_)) throw "a key is [a-z][a-z0-9_]*";
  }
  Key(std::string_view name)  // NOLINT(google-explicit-constructor)
      : name_(name), order_(name_order(name)) {
    TC_ASSERT(is_key_name(name));
  }

  std::string_view name() const { return name_; }
  std::uint64_t order() const { return order_; }

 private:
  std::string_view name_;
  std::uint64_t order_;
};

// Fields may be added in any order; the same key twice in one object is a bug. A writer keeps its
// memory from one object to the next, so one that is reused does not allocate.
//
//   ObjectWriter writer;
//   writer.text("event", "process_exec");
//   writer.unsigned_integer("pid", 42);
//   writer.byte_strings("argv", argv);
//   writer.objects("stack", frames, [](ObjectWriter& frame, const Frame& from) {
//     frame.word("offset", from.offset);
//   });
//   writer.finish(line);
class ListWriter;

class ObjectWriter {
 public:
  void unsigned_integer(const Key& key, std::uint64_t value);
  void signed_integer(const Key& key, std::int64_t value);
  void boolean(const Key& key, bool value);
  // A machine word, "0x…": an address, a raw argument.
  void word(const Key& key, std::uint64_t value);
  // Text of our own or of the kernel, known to be UTF-8 in NFC. Should it not be, it comes out as
  // bytes() would write it.
  void text(const Key& key, std::string_view value);
  // What a guest named or wrote: a plain string when the bytes are UTF-8 in NFC, else {"hex":"…"}.
  void bytes(const Key& key, std::string_view value);

  // An array with each element of `range`, convertible to string_view, as bytes() writes it.
  template <class Range>
  void byte_strings(const Key& key, const Range& range);
  // An object inside this one: fill(ObjectWriter&) adds its fields.
  template <class Fill>
  void object(const Key& key, Fill&& fill);
  // An array with an object for each element: fill(ObjectWriter&, element) adds its fields.
  template <class Range, class Fill>
  void objects(const Key& key, const Range& range, Fill&& fill);
  // An array of anything: fill(ListWriter&, element) adds one value for each element of `range`.
  template <class Range, class Fill>
  void list(const Key& key, const Range& range, Fill&& fill);

  // Appends {…} without a line feed, and starts over. Not from within a fill function.
  void finish(std::string& out);

 private:
  friend class ListWriter;

  // One finished or open field in `scratch_`, from the quote of its key to behind its comma.
  struct Field {
    std::uint64_t order;  // Key::order(): settles most comparisons
    std::size_t begin;
    std::size_t end;
    std::size_t key_size;
  };
  // The enclosing object while a nested one is open.
  struct Enclosing {
    std::size_t first_field;
    bool sorted;
  };

  // Room for `size` more bytes at the end of what is used.
  char* room(std::size_t size);
  // Writes the key and returns where the value goes, with room for `value_room` bytes.
  char* open_field(const Key& key, std::size_t value_room);
  void close_field(char* value_end);
  void close_field() { close_field(room(1)); }
  void open_array(const Key& key);
  void close_array();
  void close_brackets();
  void element(std::string_view value);
  // Ends an element whose last byte lies before `end`.
  void close_element(char* end);
  Enclosing open_object();
  void close_object(Enclosing enclosing);
  bool less(const Field& left, const Field& right) const;
  void sort_fields();
  // Copies the fields of the open object to `to`, with the last comma made a brace.
  void copy_fields(char* to) const;

  std::string scratch_;  // its size is the room there is, not what is used
  std::size_t used_ = 0;
  std::vector<Field> fields_;    // of the open object and of those around it
  std::size_t first_field_ = 0;  // of the open object
  bool sorted_ = true;           // the fields of the open object so far
  unsigned depth_ = 0;
  std::string spare_;  // where the fields of a nested object are put in order
};

// Adds the elements of an array; only list() makes one.
class ListWriter {
 public:
  void unsigned_integer(std::uint64_t value);
  void signed_integer(std::int64_t value);
  void word(std::uint64_t value);
  void bytes(std::string_view value) { writer_.element(value); }
  template <class Fill>
  void object(Fill&& fill);
  template <class Range, class Fill>
  void list(const Range& range, Fill&& fill);

 private:
  friend class ObjectWriter;
  explicit ListWriter(ObjectWriter& writer) : writer_(writer) {}

  ObjectWriter& writer_;
};

template <class Range>
void ObjectWriter::byte_strings(const Key& key, const Range& range) {
  open_array(key);
  for (const auto& value : range) element(value);
  close_array();
}

template <class Fill>
void ObjectWriter::object(const Key& key, Fill&& fill) {
  open_field(key, 0);
  const Enclosing enclosing = open_object();
  fill(*this);
  close_object(enclosing);
  close_field();
}

template <class Range, class Fill>
void ObjectWriter::objects(const Key& key, const Range& range, Fill&& fill) {
  list(key, range, [&](ListWriter& elements, const auto& value) {
    elements.object([&](ObjectWriter& object) { fill(object, value); });
  });
}

template <class Range, class Fill>
void ObjectWriter::list(const Key& key, const Range& range, Fill&& fill) {
  open_array(key);
  ListWriter elements(*this);
  for (const auto& value : range) fill(elements, value);
  close_array();
}

template <class Fill>
void ListWriter::object(Fill&& fill) {
  const ObjectWriter::Enclosing enclosing = writer_.open_object();
  fill(writer_);
  writer_.close_object(enclosing);
  writer_.close_element(writer_.room(1));
}

template <class Range, class Fill>
void ListWriter::list(const Range& range, Fill&& fill) {
  *writer_.room(1) = '[';
  ++writer_.used_;
  for (const auto& value : range) fill(*this, value);
  writer_.close_brackets();
  writer_.close_element(writer_.room(1));
}

}  // namespace tc::json
