#include "symbol/fixture.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/number.h"
#include "json/document.h"

namespace tc::symbol {
namespace {

using Json = nlohmann::json;

// One JSON object and where it stands, so that a fault can be told by its pointer.
class Object {
 public:
  static Result<Object> of(const Json& value, const std::string& name, std::string pointer) {
    Object object(value, name, std::move(pointer));
    if (!value.is_object()) return object.fail("", "expected an object");
    return object;
  }

  Error fail(const std::string& key, std::string_view what) const {
    const std::string pointer = pointer_ + (key.empty() ? "" : "/" + key);
    return error("{}: error: [symbols] {}: {}", name_, pointer.empty() ? "/" : pointer, what);
  }

  const Json* find(const char* key) const {
    const auto found = value_->find(key);
    return found == value_->end() ? nullptr : &*found;
  }

  Result<std::string> text(const char* key) const {
    const Json* value = find(key);
    if (value == nullptr || !value->is_string()) return fail(key, "expected a string");
    return value->get_ref<const std::string&>();
  }

  // A word of the machine: "0x…", or an integer that is not negative.
  Result<std::uint64_t> word(const char* key) const {
    const Json* value = find(key);
    if (value != nullptr && value->is_number_unsigned()) return value->get<std::uint64_t>();
    if (value != nullptr && value->is_string()) {
      const std::string_view digits = value->get_ref<const std::string&>();
      if (digits.starts_with("0x")) {
        if (const auto word = base::parse_unsigned(digits.substr(2), 16)) return *word;
      }
    }
    return fail(key, "expected \"0x…\" or an integer from 0 on");
  }

  // The objects of the array `key`.
  Result<std::vector<Object>> objects(const char* key) const {
    const Json* value = find(key);
    if (value == nullptr || !value->is_array()) return fail(key, "expected an array");
    std::vector<Object> objects;
    for (std::size_t i = 0; i < value->size(); ++i) {
      TC_TRY(Object object, of((*value)[i], name_, fmt::format("{}/{}/{}", pointer_, key, i)));
      objects.push_back(std::move(object));
    }
    return objects;
  }

 private:
  Object(const Json& value, const std::string& name, std::string pointer)
      : value_(&value), name_(name), pointer_(std::move(pointer)) {}

  const Json* value_;
  std::string name_;
  std::string pointer_;
};

Result<std::string> build_id_of(const Object& root) {
  if (root.find("buildId") == nullptr) return std::string();
  TC_TRY(std::string id, root.text("buildId"));
  for (char& digit : id) {
    if (digit >= 'A' && digit <= 'F') digit = static_cast<char>(digit - 'A' + 'a');
  }
  if (id.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return root.fail("buildId", "expected hex digits");
  }
  return id;
}

Result<Binding> binding_of(const Object& symbol) {
  constexpr std::array kNames = {std::pair("GLOBAL", Binding::kGlobal),
                                 std::pair("WEAK", Binding::kWeak),
                                 std::pair("LOCAL", Binding::kLocal)};
  if (symbol.find("binding") == nullptr) return Binding::kGlobal;
  TC_TRY(const std::string text, symbol.text("binding"));
  for (const auto& [name, binding] : kNames) {
    if (text == name) return binding;
  }
  return symbol.fail("binding", "expected GLOBAL, WEAK or LOCAL");
}

Result<void> add_symbol(const Object& symbol, TableBuilder& builder) {
  TC_TRY(const std::string name, symbol.text("name"));
  TC_TRY(const std::uint64_t address, symbol.word("address"));
  TC_TRY(const std::uint64_t size, symbol.word("size"));
  TC_TRY(const std::string type, symbol.text("type"));
  TC_TRY(const Binding binding, binding_of(symbol));
  if (name.empty()) return symbol.fail("name", "expected a name");
  if (type != "FUNC" && type != "IFUNC" && type != "NOTYPE") return {};
  if (!builder.add({.name = name, .address = address, .size = size, .is_ifunc = type == "IFUNC"},
                   binding)) {
    return symbol.fail("name", "the symbols' names exceed 128 MiB");
  }
  return {};
}

Result<std::vector<Segment>> segments_of(const Object& root) {
  std::vector<Segment> segments;
  if (root.find("segments") == nullptr) {
    segments.push_back({.file_size = std::numeric_limits<std::uint64_t>::max(),
                        .mem_size = std::numeric_limits<std::uint64_t>::max(),
                        .executable = true});
    return segments;
  }
  TC_TRY(const std::vector<Object> objects, root.objects("segments"));
  for (const Object& object : objects) {
    Segment segment{.executable = true};
    TC_TRY(segment.vaddr, object.word("address"));
    TC_TRY(segment.file_offset, object.word("offset"));
    TC_TRY(segment.file_size, object.word("size"));
    segment.mem_size = segment.file_size;
    segments.push_back(segment);
  }
  return segments;
}

}  // namespace

Result<ImageFixture> parse_image_fixture(std::string_view text, const std::string& name) {
  TC_TRY(const Json document, json::parse_document(text, name));
  TC_TRY(const Object root, Object::of(document, name, ""));
  ImageFixture fixture;
  TC_TRY(fixture.path, root.text("path"));
  TC_TRY(const std::string format, root.text("format"));
  if (format != "ELF64" && format != "ELF32") {
    return root.fail("format", "expected ELF64 or ELF32");
  }
  auto image = std::make_shared<Image>();
  TC_TRY(image->build_id, build_id_of(root));
  TC_TRY(image->segments, segments_of(root));
  TableBuilder builder;
  // As in a real file a symbol without size ends with what holds it.
  if (root.find("segments") != nullptr) {
    for (const Segment& segment : image->segments)
      builder.add_range(segment.vaddr, segment.vaddr + segment.file_size);
  }
  TC_TRY(const std::vector<Object> symbols, root.objects("symbols"));
  for (const Object& symbol : symbols) TC_CHECK(add_symbol(symbol, builder));
  image->symbols = std::move(builder).build();
  fixture.image = std::move(image);
  return fixture;
}

}  // namespace tc::symbol
