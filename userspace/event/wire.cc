#include "event/wire.h"

#include "event/names.h"

namespace tc::event {
namespace {

// The first field whose slice leaves the record, or null.
template <class Event>
const char* bad_slice(const Event& event, std::size_t size) {
  const char* bad = nullptr;
  visit_fields(event, [&](std::string_view key, const auto& field) {
    if constexpr (Slice<decltype(field)>) {
      if (field.offset == 0 && field.length == 0) return;
      const bool inside = field.offset >= sizeof(Event) && field.offset <= size &&
                          field.length <= size - field.offset;
      const bool whole = !std::is_same_v<std::remove_cvref_t<decltype(field)>, tc_stack> ||
                         field.length % sizeof(tc_u64) == 0;
      if (!inside || !whole) bad = key.data();
    }
  });
  return bad;
}

}  // namespace

bool is_evidence(std::uint32_t type) {
  switch (type) {
#define TC_EVIDENCE(id, name, ...) case id:
#define TC_BOOKKEEPING(id, name, ...)
#define EVENT TC_EVIDENCE
#define INTERNAL_EVENT TC_BOOKKEEPING
#include "tc/events.def"
#undef EVENT
#undef INTERNAL_EVENT
    return true;
    default:
      return false;
  }
}

std::string_view event_name(std::uint32_t type) {
  return name_of(names_of(tc_event_type{}), type).value_or(std::string_view());
}

Result<WireRecord> WireRecord::parse(std::span<const std::byte> bytes) {
  TC_ASSERT(reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(tc_header) == 0);
  if (bytes.size() < sizeof(tc_header))
    return error("record of {} bytes: shorter than a header", bytes.size());
  const WireRecord record(bytes);
  const tc_header& header = record.header();
  if (header.size != bytes.size())
    return error("record of {} bytes says it has {}", bytes.size(), header.size);
  std::size_t fixed = 0;
  const char* bad = nullptr;
  const bool known = with_event_struct(header.type, [&]<class Event>() {
    fixed = sizeof(Event);
    if (bytes.size() >= fixed) bad = bad_slice(record.as<Event>(), bytes.size());
  });
  if (!known) return error("record of unknown type {}", header.type);
  if (bytes.size() < fixed)
    return error("{} record of {} bytes: {} are missing", event_name(header.type), bytes.size(),
                 fixed - bytes.size());
  if (bad != nullptr)
    return error("{} record: field {} points outside the record", event_name(header.type), bad);
  return record;
}

}  // namespace tc::event
