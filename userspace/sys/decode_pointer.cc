// What arguments point to, from the pieces that were captured of it.
#include <algorithm>
#include <limits>

#include "sys/decode_parts.h"

namespace tc::sys {
namespace {

constexpr std::uint64_t kWait4 = 61;
constexpr std::uint64_t kGetdents = 78;
constexpr std::uint64_t kIovecSize = 16;

std::size_t length_position(const ArgumentType& type, std::size_t position) {
  return type.length == kNext ? position + 1 : static_cast<std::size_t>(type.length);
}

// How many the argument announces: bytes, elements; or returned.
std::uint64_t announced(const Decoding& decoding, std::size_t position) {
  const ArgumentType& type = decoding.type(position);
  if (type.length == kResult) return decoding.count_returned();
  const std::size_t at = length_position(type, position);
  if (at >= decoding.row.arguments.size()) return 0;
  const ArgumentType& length = decoding.type(at);
  if (length.shape == Shape::kScalar) {
    const std::uint64_t word = scalar_value(length, decoding.word(at), decoding.arena).number;
    // Negative: the kernel refuses it, nothing is there.
    return length.is_signed && static_cast<std::int64_t>(word) < 0 ? 0 : word;
  }
  // A pointer to the length, as of getsockopt().
  const Piece* piece = decoding.piece(at);
  return piece == nullptr || piece->fault ? 0 : load<std::uint32_t>(piece->bytes, 0);
}

Value string_value(Leaf leaf, const Piece& piece, std::uint64_t address) {
  Value value = text_value(leaf, piece.bytes.substr(0, piece.bytes.find('\0')));
  value.number = address;
  value.truncated = piece.truncated;
  return value;
}

// Strings one behind the other, each ended by NUL.
Value strings_value(Leaf leaf, const Piece& piece, Arena& arena) {
  std::string_view bytes = piece.bytes;
  const auto ends = static_cast<std::size_t>(std::ranges::count(bytes, '\0'));
  const bool cut = !bytes.empty() && bytes.back() != '\0';
  const std::span<Value> items = arena.array<Value>(ends + (cut ? 1 : 0));
  for (Value& item : items) {
    const std::size_t end = std::min(bytes.find('\0'), bytes.size());
    item = text_value(leaf, bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  if (cut) items.back().truncated = true;
  Value value;
  value.leaf = Leaf::kList;
  value.items = items;
  value.length = items.size();
  value.truncated = piece.truncated || cut;
  return value;
}

constexpr NamedNumber kEntryTypes[] = {{0, "DT_UNKNOWN"}, {1, "DT_FIFO"},  {2, "DT_CHR"},
                                       {4, "DT_DIR"},     {6, "DT_BLK"},   {8, "DT_REG"},
                                       {10, "DT_LNK"},    {12, "DT_SOCK"}, {14, "DT_WHT"}};
constexpr Names kEntryTypeNames = {"entry_types", kEntryTypes, false, 0};

// struct linux_dirent64 of getdents64(2), struct linux_dirent of getdents(2), which has the type
// in the last byte of the record.
struct EntryFormat {
  std::size_t name;
  bool type_is_last;
};

std::size_t next_entry(std::string_view bytes, const EntryFormat& format) {
  const auto size = load<std::uint16_t>(bytes, 16);
  return size > format.name && size <= bytes.size() ? size : 0;
}

Value entry_value(std::string_view entry, const EntryFormat& format, Arena& arena) {
  const std::size_t type_at = format.type_is_last ? entry.size() - 1 : 18;
  const auto type = load<std::uint8_t>(entry, type_at);
  std::string_view name = entry.substr(format.name);
  name = name.substr(0, name.find('\0'));
  Members members(arena, 3);
  members.add("d_ino", number_value(Leaf::kInode, load<std::uint64_t>(entry, 0), 8));
  members.add("d_type", symbolic_value(names_text(kEntryTypeNames, type, 1, arena), type));
  members.add("d_name", text_value(Leaf::kPath, name));
  return object_value(members.done());
}

Value entries_value(const Piece& piece, const EntryFormat& format, Arena& arena) {
  std::size_t count = 0;
  std::string_view rest = piece.bytes;
  while (const std::size_t size = next_entry(rest, format)) {
    rest.remove_prefix(size);
    ++count;
  }
  const std::span<Value> items = arena.array<Value>(count);
  std::string_view bytes = piece.bytes;
  for (Value& item : items) {
    const std::size_t size = next_entry(bytes, format);
    item = entry_value(bytes.substr(0, size), format, arena);
    bytes.remove_prefix(size);
  }
  Value value;
  value.leaf = Leaf::kList;
  value.items = items;
  value.length = count;
  value.truncated = piece.truncated || !rest.empty();
  return value;
}

Value vectors_value(const Decoding& decoding, std::size_t position) {
  const ArgumentType& type = decoding.type(position);
  const Piece* vectors = decoding.piece(position, 0);
  if (vectors == nullptr) return address_value(decoding.word(position));
  if (vectors->fault) return unreadable_value(type.leaf, decoding.word(position));
  const bool out = type.direction == Direction::kOut;
  std::uint64_t length = out ? decoding.count_returned() : vectors_length(vectors->bytes);
  const std::uint64_t count = announced(decoding, position);
  const bool more_vectors = count > vectors->bytes.size() / kIovecSize;
  if (!out && more_vectors) length = std::max(length, decoding.count_returned());
  const Piece* data = decoding.piece(position, 1);
  if (data == nullptr || data->fault) {
    if (length != 0 && data != nullptr) return unreadable_value(type.leaf, decoding.word(position));
    const Piece none{};
    return data_value(type.leaf, none, decoding.word(position), length);
  }
  return data_value(type.leaf, *data, decoding.word(position), length);
}

// How large the buffer is, when the argument behind it tells: a call may return more than it wrote
// (recv with MSG_TRUNC, getxattr that asks for the size).
std::uint64_t buffer_size(const Decoding& decoding, std::size_t position) {
  if (decoding.type(position).length != kResult) return UINT64_MAX;
  if (position + 1 >= decoding.row.arguments.size()) return UINT64_MAX;
  const ArgumentType& behind = decoding.type(position + 1);
  const bool is_count = behind.leaf == Leaf::kSigned || behind.leaf == Leaf::kUnsigned;
  if (behind.shape != Shape::kScalar || !is_count) return UINT64_MAX;
  return scalar_value(behind, decoding.word(position + 1), decoding.arena).number;
}

Value bytes_value(const Decoding& decoding, std::size_t position) {
  const ArgumentType& type = decoding.type(position);
  const std::uint64_t address = decoding.word(position);
  const std::uint64_t length = announced(decoding, position);
  const Piece* piece = decoding.piece(position);
  if (piece == nullptr) {
    // Nothing was to be copied, or buffers are not captured at all.
    if (length != 0 && !decoding.call.result) return address_value(address);
    return data_value(type.leaf, Piece{}, address, length);
  }
  if (piece->fault && length != 0) return unreadable_value(type.leaf, address);
  Piece written = *piece;
  written.bytes = written.bytes.substr(0, buffer_size(decoding, position));
  Value value = data_value(type.leaf, written, address, length);
  if (type.leaf != Leaf::kPath && type.leaf != Leaf::kText) return value;
  value.text = value.text.substr(0, value.text.find('\0'));
  if (!value.truncated) value.length = value.text.size();
  return value;
}

Value struct_value(const Decoding& decoding, std::size_t position) {
  const ArgumentType& type = decoding.type(position);
  const std::uint64_t address = decoding.word(position);
  const Piece* piece = decoding.piece(position);
  if (piece == nullptr) return address_value(address);
  if (piece->fault) return unreadable_value(type.leaf, address);
  if (type.layout != nullptr) {
    const std::size_t extent = struct_extent(decoding, position);
    Value value = layout_value(*type.layout, piece->bytes.substr(0, extent), decoding.arena);
    // A caller with a smaller struct has told all there is.
    if (extent < piece->bytes.size()) value.truncated = false;
    value.number = address;
    return value;
  }
  if (piece->bytes.size() < type.size) return address_value(address);
  std::uint64_t word = 0;
  std::memcpy(&word, piece->bytes.data(), std::min<std::size_t>(type.size, sizeof(word)));
  if (decoding.row.number == kWait4 && position == 1)
    return wait_status_value(static_cast<std::uint32_t>(word), decoding.arena);
  return scalar_value(type, word, decoding.arena);
}

Value elements_value(const Decoding& decoding, std::size_t position) {
  const ArgumentType& type = decoding.type(position);
  const std::uint64_t count = announced(decoding, position);
  const Piece* piece = decoding.piece(position);
  if (piece == nullptr && count != 0) return address_value(decoding.word(position));
  if (piece != nullptr && piece->fault && count != 0)
    return unreadable_value(Leaf::kList, decoding.word(position));
  Value value = array_value(type, piece == nullptr ? std::string_view() : piece->bytes, count,
                            decoding.arena);
  value.number = decoding.word(position);
  return value;
}

Value address_of_socket(const Decoding& decoding, std::size_t position) {
  const Piece* piece = decoding.piece(position);
  const std::uint64_t length = announced(decoding, position);
  if (piece == nullptr || length == 0) return address_value(decoding.word(position));
  if (piece->fault) return unreadable_value(Leaf::kObject, decoding.word(position));
  Value value = sockaddr_value(piece->bytes.substr(0, length), decoding.arena);
  value.number = decoding.word(position);
  return value;
}

// The descriptors whose bits are set: before the call those asked for, behind it those ready.
Value set_value(const Decoding& decoding, std::size_t position, std::string_view bytes) {
  constexpr std::size_t kBits = 8;
  const std::uint64_t limit =
      std::min<std::uint64_t>(announced(decoding, position), bytes.size() * kBits);
  const auto is_set = [&](std::uint64_t fd) {
    return (static_cast<unsigned char>(bytes[fd / kBits]) >> fd % kBits & 1U) != 0;
  };
  std::size_t count = 0;
  for (std::uint64_t fd = 0; fd < limit; ++fd)
    if (is_set(fd)) ++count;
  const std::span<Value> items = decoding.arena.array<Value>(count);
  std::size_t next = 0;
  for (std::uint64_t fd = 0; fd < limit; ++fd)
    if (is_set(fd)) items[next++] = number_value(Leaf::kFd, fd);
  Value value;
  value.leaf = Leaf::kList;
  value.items = items;
  value.length = count;
  value.truncated = limit < announced(decoding, position);
  return value;
}

// Of kinds that are one piece and no more.
template <class Decode>
Value piece_value(const Decoding& decoding, std::size_t position, Leaf leaf, Decode&& decode) {
  const Piece* piece = decoding.piece(position);
  if (piece == nullptr) return address_value(decoding.word(position));
  if (piece->fault) return unreadable_value(leaf, decoding.word(position));
  Value value = decode(*piece);
  value.number = decoding.word(position);
  return value;
}

Value directory_value(const Decoding& decoding, std::size_t position) {
  // At the end of a directory there is nothing to copy, but something to tell.
  if (decoding.piece(position) == nullptr && decoding.count_returned() == 0)
    return array_value({}, {}, 0, decoding.arena);
  return piece_value(decoding, position, Leaf::kList, [&](const Piece& piece) {
    const bool old = decoding.row.number == kGetdents;
    return entries_value(piece, {.name = old ? 18U : 19U, .type_is_last = old}, decoding.arena);
  });
}

}  // namespace

const Piece* Decoding::piece(std::size_t position, unsigned part) const {
  for (const Piece& candidate : call.pieces)
    if (candidate.argument == position && candidate.part == part) return &candidate;
  return nullptr;
}

std::uint64_t Decoding::count_returned() const {
  return call.result && *call.result > 0 && !call.failed()
             ? static_cast<std::uint64_t>(*call.result)
             : 0;
}

bool Decoding::written() const {
  if (!call.result || call.failed()) return false;
  // No child has changed its state yet (WNOHANG): status and usage stay as they were.
  return row.number != kWait4 || *call.result != 0;
}

Value unreadable_value(Leaf leaf, std::uint64_t address) {
  Value value = number_value(leaf, address, 8);
  value.unreadable = true;
  return value;
}

Value data_value(Leaf leaf, const Piece& piece, std::uint64_t address, std::uint64_t length) {
  Value value =
      text_value(leaf, piece.bytes.substr(0, std::min<std::uint64_t>(length, piece.bytes.size())));
  value.number = address;
  value.length = length;
  value.truncated = value.text.size() < length;
  // Bytes, even if none: not to be taken for a scalar of the same leaf.
  if (value.text.data() == nullptr) value.text = "";
  return value;
}

// Lengths are the guest's word: their sum may not wrap.
std::uint64_t vectors_length(std::string_view vectors) {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at + kIovecSize <= vectors.size(); at += kIovecSize) {
    const auto length = load<std::uint64_t>(vectors, at + 8);
    if (length > std::numeric_limits<std::uint64_t>::max() - sum)
      return std::numeric_limits<std::uint64_t>::max();
    sum += length;
  }
  return sum;
}

Value argument_value(const Decoding& decoding, std::size_t position) {
  const ArgumentType& type = decoding.type(position);
  const std::uint64_t word = decoding.word(position);
  if (decoding.commanded) {
    if (const std::optional<Value> value = commanded_value(decoding, position)) return *value;
  }
  if (type.shape == Shape::kScalar) return scalar_value(type, word, decoding.arena);
  if (type.shape == Shape::kIoctl) return ioctl_value(decoding, position);
  if (type.shape == Shape::kFcntl) return fcntl_value(decoding, position);
  if (word == 0 || (type.direction == Direction::kOut && !decoding.written()))
    return address_value(word);
  Arena& arena = decoding.arena;
  switch (type.shape) {
    case Shape::kString:
      return piece_value(decoding, position, type.leaf,
                         [&](const Piece& piece) { return string_value(type.leaf, piece, word); });
    case Shape::kStrings:
      return piece_value(decoding, position, Leaf::kList, [&](const Piece& piece) {
        return strings_value(type.leaf, piece, arena);
      });
    case Shape::kEntries:
      return directory_value(decoding, position);
    case Shape::kStruct:
      return struct_value(decoding, position);
    case Shape::kArray:
      return elements_value(decoding, position);
    case Shape::kData:
      return bytes_value(decoding, position);
    case Shape::kSockaddr:
      return address_of_socket(decoding, position);
    case Shape::kVectors:
      return vectors_value(decoding, position);
    case Shape::kMessage:
      return message_value(decoding, position);
    case Shape::kFdSet:
      return piece_value(decoding, position, Leaf::kList, [&](const Piece& piece) {
        return set_value(decoding, position, piece.bytes);
      });
    default:
      return address_value(word);
  }
}

}  // namespace tc::sys
