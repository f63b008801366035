#include "output/ndjson.h"

#include <vector>

#include "json/writer.h"
#include "output/byte_list.h"

namespace tc::output {
namespace {

void add_frame(json::ObjectWriter& object, const event::Frame& frame) {
  if (!frame.in_module) object.word("address", frame.address);
  if (!frame.build_id.empty()) object.text("build_id", frame.build_id);
  if (!frame.module.empty()) object.bytes("module", frame.module);
  if (frame.in_module) object.word("offset", frame.offset);
  if (!frame.symbol.empty()) object.bytes("symbol", frame.symbol);
}

void add_fields(json::ObjectWriter& object, event::Object value);

// One overload a kind of value, inside an array.
struct ElementWriter {
  json::ListWriter& list;

  void operator()(std::uint64_t value) const { list.unsigned_integer(value); }
  void operator()(std::int64_t value) const { list.signed_integer(value); }
  void operator()(event::Word value) const { list.word(value.value); }
  void operator()(std::string_view value) const { list.bytes(value); }
  void operator()(event::Bytes value) const { list.bytes(value.value); }
  void operator()(event::ByteList value) const {
    list.list(split_byte_list(value),
              [](json::ListWriter& inner, std::string_view element) { inner.bytes(element); });
  }
  void operator()(const event::Frame& value) const {
    list.object([&](json::ObjectWriter& inner) { add_frame(inner, value); });
  }
  void operator()(std::span<const event::Frame> value) const {
    list.list(value, [](json::ListWriter& inner, const event::Frame& frame) {
      inner.object([&](json::ObjectWriter& object) { add_frame(object, frame); });
    });
  }
  void operator()(event::Object value) const {
    list.object([&](json::ObjectWriter& inner) { add_fields(inner, value); });
  }
  void operator()(event::List value) const { list.list(std::span(value.items, value.count), add); }

  static void add(json::ListWriter& to, const event::Item& item) {
    std::visit(ElementWriter{to}, item.value);
  }
};

// The same, under a key.
struct ValueWriter {
  json::ObjectWriter& object;
  json::Key key;

  void operator()(std::uint64_t value) const { object.unsigned_integer(key, value); }
  void operator()(std::int64_t value) const { object.signed_integer(key, value); }
  void operator()(event::Word value) const { object.word(key, value.value); }
  void operator()(std::string_view value) const { object.text(key, value); }
  void operator()(event::Bytes value) const { object.bytes(key, value.value); }
  void operator()(event::ByteList value) const { object.byte_strings(key, split_byte_list(value)); }
  void operator()(const event::Frame& value) const {
    object.object(key, [&](json::ObjectWriter& inner) { add_frame(inner, value); });
  }
  void operator()(std::span<const event::Frame> value) const {
    object.objects(key, value, add_frame);
  }
  void operator()(event::Object value) const {
    object.object(key, [&](json::ObjectWriter& inner) { add_fields(inner, value); });
  }
  void operator()(event::List value) const {
    object.list(key, std::span(value.items, value.count), ElementWriter::add);
  }
};

void add_fields(json::ObjectWriter& object, event::Object value) {
  for (const event::Field& field : std::span(value.fields, value.count))
    std::visit(ValueWriter{object, json::Key(field.key)}, field.value);
}

class Ndjson final : public Format {
 public:
  void append(const event::Record& record, std::string& out) override {
    writer_.text("event", record.event());
    for (const event::Field& field : record.fields())
      std::visit(ValueWriter{writer_, json::Key(field.key)}, field.value);
    writer_.finish(out);
    out += '\n';
  }
  bool has_frame() const override { return true; }

 private:
  json::ObjectWriter writer_;
};

}  // namespace

std::unique_ptr<Format> make_ndjson(const FormatOptions&) { return std::make_unique<Ndjson>(); }

}  // namespace tc::output
