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

// One overload a kind of value.
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
};

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
