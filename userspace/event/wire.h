// The binary records of tc/event.h seen from C++: a checked view of one, and visitors that walk
// its fields in the order of events.def. What the fields look like in JSON is decode.h's business.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/result.h"
#include "tc/event.h"

namespace tc::event {

// visit_fields(event, visitor): visitor(key, field) for each field of the record.
#define TC_VISIT_FIELD(type, name) visitor(std::string_view(#name), event.name);
#define TC_VISIT_FIELDS(id, name, ...)                                                             \
  template <class Event, class Visitor>                                                            \
  requires std::same_as<std::remove_cv_t<Event>, tc_##name> void visit_fields(Event& event,        \
                                                                              Visitor&& visitor) { \
    TC_MAP(TC_VISIT_FIELD, __VA_ARGS__)                                                            \
  }
#define EVENT TC_VISIT_FIELDS
#define INTERNAL_EVENT TC_VISIT_FIELDS
#include "tc/events.def"
#undef EVENT
#undef INTERNAL_EVENT
#undef TC_VISIT_FIELDS
#undef TC_VISIT_FIELD

// Calls visitor.operator()<tc_NAME>() for the event type, and says whether there is such a type.
template <class Visitor>
bool with_event_struct(std::uint32_t type, Visitor&& visitor) {
  switch (type) {
#define TC_DISPATCH(id, name, ...)            \
  case id:                                    \
    visitor.template operator()<tc_##name>(); \
    return true;
#define EVENT TC_DISPATCH
#define INTERNAL_EVENT TC_DISPATCH
#include "tc/events.def"
#undef EVENT
#undef INTERNAL_EVENT
#undef TC_DISPATCH
    default:
      return false;
  }
}

// Is this type evidence (EVENT), not bookkeeping (INTERNAL_EVENT)?
bool is_evidence(std::uint32_t type);
// The name of the event type as in events.def; empty for none.
std::string_view event_name(std::uint32_t type);

// A borrowed view of one whole record whose every size and slice has been checked.
class WireRecord {
 public:
  // `bytes` must be 8-byte aligned and outlive the view. A record that fails a check is an error
  // that names its type and the field.
  static Result<WireRecord> parse(std::span<const std::byte> bytes);

  const tc_header& header() const { return *reinterpret_cast<const tc_header*>(bytes_.data()); }
  std::uint32_t type() const { return header().type; }
  std::span<const std::byte> bytes() const { return bytes_; }

  // The record as its struct. The type must be that of the header.
  template <class Event>
  const Event& as() const {
    return *reinterpret_cast<const Event*>(bytes_.data());
  }

  // The bytes a slice points to.
  template <class Slice>
  std::string_view text(const Slice& slice) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + slice.offset, slice.length};
  }

 private:
  explicit WireRecord(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

template <class T>
concept Slice = requires(T field) {
  field.offset;
  field.length;
};

}  // namespace tc::event
