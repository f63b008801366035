#include "event/pack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>

#include "base/number.h"
#include "event/names.h"
#include "event/wire.h"

namespace tc::event {
namespace {

using nlohmann::json;

// An unsigned number, as an integer or as "0x…" (which is how numbers above 2^53 survive editors).
std::optional<std::uint64_t> as_unsigned(const json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  if (!text.starts_with("0x")) return std::nullopt;
  return base::parse_unsigned(std::string_view(text).substr(2), 16);
}

std::optional<std::string> from_hex(const std::string& digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const auto byte = base::parse_unsigned<std::uint8_t>(std::string_view(digits).substr(i, 2), 16);
    if (!byte) return std::nullopt;
    bytes += static_cast<char>(*byte);
  }
  return bytes;
}

// A byte string: a JSON string, or {"hex":"…"}.
std::optional<std::string> as_bytes(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.size() == 1 && value.contains("hex") && value["hex"].is_string())
    return from_hex(value["hex"].get<std::string>());
  return std::nullopt;
}

// One function a field type, the counterpart of decode.cc's FieldWriter. A member that is absent
// leaves the field at "not known".
class FieldReader {
 public:
  FieldReader(const json& image, std::size_t fixed_size) : image_(image), fixed_(fixed_size) {}

  void operator()(std::string_view key, tc_u32& field) { number(key, field); }
  void operator()(std::string_view key, tc_u64& field) { number(key, field); }
  void operator()(std::string_view key, tc_count& field) { number(key, field.value); }
  void operator()(std::string_view key, tc_flag& field) { number(key, field.value); }
  void operator()(std::string_view key, tc_pid& field) { number(key, field.value); }
  void operator()(std::string_view key, tc_nanoseconds& field) { number(key, field.value); }
  void operator()(std::string_view key, tc_namespace& field) { number(key, field.value); }
  void operator()(std::string_view key, tc_word& field) { number(key, field.value); }
  void operator()(std::string_view key, tc_code_address& field) { number(key, field.value); }
  void operator()(std::string_view key, tc_called& field) { number(key, field.value); }
  void operator()(std::string_view key, tc_probe_id& field) { number(key, field.value); }
  void operator()(std::string_view key, tc_port& field) { number(key, field.value); }
  void operator()(std::string_view key, tc_device& field) { number(key, field.value); }

  void operator()(std::string_view key, tc_i32& field) {
    const json* value = member(key);
    if (value == nullptr) return;
    const bool fits = value->is_number_integer() && value->get<std::int64_t>() >= -1 &&
                      value->get<std::int64_t>() <= std::numeric_limits<tc_i32>::max();
    if (!fits) return expected(key, "a descriptor, or -1");
    field = value->get<tc_i32>();
  }
  void operator()(std::string_view key, tc_result& field) {
    const json* value = member(key);
    if (value == nullptr) return;
    const bool too_large = value->is_number_unsigned() &&
                           value->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max();
    if (!value->is_number_integer() || too_large) return expected(key, "a signed 64-bit integer");
    field.value = value->get<std::int64_t>();
  }
  void operator()(std::string_view key, tc_exit_code& field) {
    field.value = -1;
    const json* value = member(key);
    if (value == nullptr) return;
    const auto code = as_unsigned(*value);
    if (!code || *code > std::numeric_limits<tc_i32>::max())
      return expected(key, "an exit code from 0 on");
    field.value = static_cast<tc_i32>(*code);
  }
  void operator()(std::string_view key, tc_file_mode& field) {
    field.value = TC_MODE_NONE;
    const json* value = member(key);
    if (value == nullptr) return;
    const auto mode = value->is_string()
                          ? base::parse_unsigned<tc_u32>(value->get_ref<const std::string&>(), 8)
                          : std::nullopt;
    if (!mode || *mode > 07777) return expected(key, "an octal mode in a string, like \"0644\"");
    field.value = *mode;
  }
  void operator()(std::string_view key, tc_open_flags& field) {
    const json* value = member(key);
    if (value == nullptr) return;
    auto flags = as_unsigned(*value);
    if (!flags && value->is_string()) flags = open_flags_value(value->get<std::string>());
    if (!flags) return expected(key, "a number or names like \"O_RDONLY|O_CLOEXEC\"");
    field.value = *flags;
  }
  void operator()(std::string_view key, tc_signal& field) {
    const json* value = member(key);
    if (value == nullptr) return;
    auto signal = as_unsigned(*value);
    if (!signal && value->is_string()) signal = signal_value(value->get<std::string>());
    if (!signal || *signal > 0xffffffff) return expected(key, "a signal like \"SIGTERM\"");
    field.value = static_cast<tc_u32>(*signal);
  }
  void operator()(std::string_view key, tc_address& field) {
    const json* value = member(key);
    if (value == nullptr) return;
    const auto address =
        value->is_string() ? address_value(value->get<std::string>()) : std::nullopt;
    if (!address) return expected(key, "an IPv4 or IPv6 address");
    field = *address;
  }

  template <Enumerated T>
  void operator()(std::string_view key, T& field) {
    const json* value = member(key);
    if (value == nullptr) return;
    auto number = as_unsigned(*value);
    if (!number && value->is_string())
      number = value_of(names_of(field), value->get_ref<const std::string&>());
    if (number && *number <= 0xffffffff) {
      field.value = static_cast<tc_u32>(*number);
      return;
    }
    std::string names;
    for (const NamedValue& row : names_of(field))
      names.append(names.empty() ? "" : ", ").append(row.name);
    expected(key, "one of " + names);
  }

  void operator()(std::string_view key, tc_path& field) { byte_string(key, field); }
  void operator()(std::string_view key, tc_data& field) { byte_string(key, field); }
  void operator()(std::string_view key, tc_argv& field) {
    const json* value = member(key);
    if (value == nullptr) return;
    if (!value->is_array()) return expected(key, "an array of strings");
    std::string joined;
    for (const json& element : *value) {
      const auto bytes = as_bytes(element);
      if (!bytes || bytes->find('\0') != std::string::npos)
        return expected(key, "an array of strings without NUL");
      joined += *bytes;
      joined += '\0';
    }
    append(field, joined);
  }
  void operator()(std::string_view key, tc_stack& field) {
    const json* value = member(key);
    if (value == nullptr) return;
    std::string addresses;
    if (!value->is_array()) return expected(key, "an array of addresses");
    for (const json& element : *value) {
      const auto address = as_unsigned(element);
      if (!address) return expected(key, "an array of addresses like \"0x401000\"");
      addresses.append(reinterpret_cast<const char*>(&*address), sizeof(*address));
    }
    append(field, addresses);
  }

  template <class Number>
  void number(std::string_view key, Number& field) {
    const json* value = member(key);
    if (value == nullptr) return;
    const auto parsed = as_unsigned(*value);
    if (!parsed || *parsed > std::numeric_limits<Number>::max())
      return expected(key, "an unsigned number that fits the field");
    field = static_cast<Number>(*parsed);
  }

  // The member under `key`, remembered as known; null when absent.
  const json* member(std::string_view key) {
    known_.emplace(key);
    const auto found = image_.find(key);
    return found == image_.end() ? nullptr : &*found;
  }
  void expected(std::string_view key, const std::string& what) {
    if (problem_.empty())
      problem_ = fmt::format("member \"{}\": expected {}, found {}", key, what,
                             image_.at(std::string(key)).dump());
  }

  const std::string& tail() const { return tail_; }
  const std::string& problem() const { return problem_; }
  // The first member that no field asked for, or empty.
  std::string unknown_member() const {
    for (const auto& [key, value] : image_.items())
      if (!known_.contains(key)) return key;
    return {};
  }
  std::string known_members() const {
    std::string text;
    for (const std::string& key : known_) text.append(text.empty() ? "" : ", ").append(key);
    return text;
  }

 private:
  template <class SliceField>
  void byte_string(std::string_view key, SliceField& field) {
    const json* value = member(key);
    if (value == nullptr) return;
    const auto bytes = as_bytes(*value);
    if (!bytes) return expected(key, R"(a string or {"hex":"…"})");
    append(field, *bytes);
  }
  template <class SliceField>
  void append(SliceField& field, const std::string& bytes) {
    field.offset = static_cast<tc_u32>(fixed_ + tail_.size());
    field.length = static_cast<tc_u32>(bytes.size());
    tail_ += bytes;
  }

  const json& image_;
  std::size_t fixed_;
  std::string tail_;
  std::string problem_;
  std::set<std::string, std::less<>> known_;
};

void read_header(FieldReader& reader, tc_header& header) {
  header.uid = 0xffffffff;
  reader.number("timestamp_ns", header.time_ns);
  reader.number("pid", header.pid);
  header.tid = header.pid;
  reader.number("tid", header.tid);
  reader.number("ppid", header.ppid);
  reader.number("uid", header.uid);
  reader.number("cpu", header.cpu);
  reader.number("seq", header.seq);
  const json* comm = reader.member("comm");
  if (comm == nullptr) return;
  const auto bytes = as_bytes(*comm);
  if (!bytes || bytes->size() >= TC_COMM_LENGTH)
    return reader.expected("comm", "a string of at most 15 bytes");
  std::memcpy(header.comm, bytes->data(), bytes->size());
}

template <class Event>
Result<PackedRecord> pack_as(const json& image, std::uint16_t type) {
  Event event{};
  FieldReader reader(image, sizeof(Event));
  reader.member("event_type");
  read_header(reader, event.header);
  visit_fields(event, reader);
  if (!reader.problem().empty()) return Error(reader.problem());
  if (const std::string unknown = reader.unknown_member(); !unknown.empty())
    return error("unknown member \"{}\"; this event has {}", unknown, reader.known_members());
  if (!image.contains("timestamp_ns")) return error("member \"timestamp_ns\" is missing");
  event.header.type = type;
  event.header.size = static_cast<tc_u32>(sizeof(Event) + reader.tail().size());
  PackedRecord bytes(event.header.size);
  std::memcpy(bytes.data(), &event, sizeof(event));
  std::memcpy(bytes.data() + sizeof(event), reader.tail().data(), reader.tail().size());
  return bytes;
}

std::optional<std::uint64_t> type_of(const json& event_type) {
  if (const auto number = as_unsigned(event_type)) return number;
  if (!event_type.is_string()) return std::nullopt;
  return value_of(names_of(tc_event_type{}), event_type.get_ref<const std::string&>());
}

// "event 3 (tcp_state)"; the name only where the image has one.
std::string place_of(const json& image, std::size_t position) {
  std::string place = fmt::format("event {}", position);
  const auto found = image.is_object() ? image.find("event_type") : image.end();
  if (found == image.end()) return place;
  const std::optional<std::uint64_t> type = type_of(*found);
  const auto name = type ? name_of(names_of(tc_event_type{}), *type) : std::nullopt;
  return name ? fmt::format("{} ({})", place, *name) : place;
}

}  // namespace

Result<PackedRecord> pack(const json& image) {
  if (!image.is_object()) return error("expected an object, found {}", image.type_name());
  const auto found = image.find("event_type");
  if (found == image.end()) return error("member \"event_type\" is missing");
  const std::optional<std::uint64_t> type = type_of(*found);
  std::optional<Result<PackedRecord>> packed;
  const bool known = type && *type < TC_EVENT_ID_LIMIT &&
                     with_event_struct(static_cast<std::uint32_t>(*type), [&]<class Event>() {
                       packed = pack_as<Event>(image, static_cast<std::uint16_t>(*type));
                     });
  if (!known)
    return error("event_type {} is none of those in include/tc/events.def", found->dump());
  return *std::move(packed);
}

Result<std::vector<PackedRecord>> pack_all(const json& images, const std::string& name) {
  if (!images.is_array()) return error("{}: expected an array of events", name);
  std::vector<PackedRecord> records;
  for (const json& image : images) {
    Result<PackedRecord> record = pack(image);
    if (!record)
      return record.error().while_doing(name + ": " + place_of(image, records.size() + 1));
    records.push_back(std::move(record).value());
  }
  return records;
}

}  // namespace tc::event
