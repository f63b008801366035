// Scalars and structs, in registers and in memory.
#include <algorithm>

#include "sys/constants.h"
#include "sys/decode_parts.h"

namespace tc::sys {
namespace {

std::uint64_t load_number(std::string_view bytes, std::size_t offset, unsigned size) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data() + offset, std::min<std::size_t>(size, sizeof(number)));
  return number;
}

std::uint64_t cut(std::uint64_t word, unsigned size, bool is_signed) {
  if (size == 0 || size >= 8) return word;
  const unsigned unused = 64 - size * 8;
  if (!is_signed) return word << unused >> unused;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(word << unused) >> unused);
}

// A fixed run of bytes has no size of its own: it reaches up to the next field.
std::uint32_t field_end(const Layout& layout, std::size_t position) {
  return position + 1 < layout.fields.size() ? layout.fields[position + 1].offset : layout.size;
}

Value chars_value(Leaf leaf, std::string_view bytes) {
  if (leaf == Leaf::kText || leaf == Leaf::kPath) bytes = bytes.substr(0, bytes.find('\0'));
  return text_value(leaf, bytes);
}

// Does the field at `position` lie within a struct of which `available` bytes are there?
bool is_there(const Layout& layout, std::size_t position, std::size_t available) {
  const FieldLayout& field = layout.fields[position];
  std::size_t size = field.type.size;
  if (field.type.shape == Shape::kEmbedded) size = field.type.layout->size;
  if (field.type.shape == Shape::kData) size = field_end(layout, position) - field.offset;
  return field.offset <= available && available - field.offset >= size;
}

Value field_value(const Layout& layout, std::size_t position, std::string_view bytes,
                  Arena& arena) {
  const FieldLayout& field = layout.fields[position];
  switch (field.type.shape) {
    case Shape::kScalar:
      return scalar_value(field.type, load_number(bytes, field.offset, field.type.size), arena);
    case Shape::kEmbedded:
      return layout_value(*field.type.layout, bytes.substr(field.offset, field.type.layout->size),
                          arena);
    case Shape::kData:
      return chars_value(field.type.leaf,
                         bytes.substr(field.offset, field_end(layout, position) - field.offset));
    default:
      return address_value(load<std::uint64_t>(bytes, field.offset));
  }
}

}  // namespace

Value scalar_value(const ArgumentType& type, std::uint64_t word, Arena& arena) {
  Value value;
  value.leaf = type.leaf;
  value.size = type.size;
  value.number = cut(word, type.size, type.is_signed);
  if (type.leaf == Leaf::kSignal) {
    value.text = signal_text(value.number, arena);
  } else if (type.leaf == Leaf::kSymbolic && type.names == &signal_numbers::kNames) {
    value.text =
        type.size == 8 ? signal_set_text(value.number, arena) : signal_text(value.number, arena);
  } else if (type.leaf == Leaf::kSymbolic && type.names != nullptr) {
    value.text = names_text(*type.names, value.number, type.size, arena);
  }
  return value;
}

Value layout_value(const Layout& layout, std::string_view bytes, Arena& arena) {
  Members members(arena, layout.fields.size());
  bool truncated = false;
  for (std::size_t i = 0; i < layout.fields.size(); ++i) {
    if (layout.fields[i].type.shape == Shape::kPadding) continue;
    if (is_there(layout, i, bytes.size()))
      members.add(layout.fields[i].name, field_value(layout, i, bytes, arena));
    else
      truncated = true;
  }
  Value value = object_value(members.done());
  value.truncated = truncated;
  return value;
}

Value array_value(const ArgumentType& type, std::string_view bytes, std::uint64_t count,
                  Arena& arena) {
  const std::size_t size = type.layout != nullptr ? type.layout->size : type.size;
  const std::size_t there = size == 0 ? 0 : bytes.size() / size;
  const std::span<Value> items = arena.array<Value>(std::min<std::uint64_t>(count, there));
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string_view item = bytes.substr(i * size, size);
    items[i] = type.layout != nullptr ? layout_value(*type.layout, item, arena)
                                      : scalar_value(type, load_number(item, 0, type.size), arena);
  }
  Value value;
  value.leaf = Leaf::kList;
  value.items = items;
  value.length = count;
  value.truncated = count > items.size();
  return value;
}

Value wait_status_value(std::uint32_t status, Arena& arena) {
  const std::uint32_t low = status & 0x7fU;
  const std::uint32_t high = status >> 8U & 0xffU;
  Members members(arena, 2);
  const auto signal = [&](std::uint32_t number) {
    Value value = number_value(Leaf::kSignal, number);
    value.text = signal_text(number, arena);
    return value;
  };
  if (status == 0xffff) {
    members.add("continued", signed_value(Leaf::kSigned, 1));
  } else if (low == 0) {
    members.add("exited", signed_value(Leaf::kSigned, high));
  } else if (low == 0x7f) {
    members.add("stopped", signal(high & 0x7fU));
    // Of a ptrace(2) stop: bit 7 marks a system call, the third byte is the event.
    if (status >> 15U != 0) members.add("event", number_value(Leaf::kWord, status >> 15U));
  } else {
    members.add("killed", signal(low));
    if ((status & 0x80U) != 0) members.add("core", signed_value(Leaf::kSigned, 1));
  }
  Value value = object_value(members.done());
  value.number = status;
  return value;
}

}  // namespace tc::sys
