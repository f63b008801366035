// What the parts of the decoder share: the arena, the call at hand, and one function a kind of
// memory. Not for use outside decode*.cc.
#pragma once

#include <cstring>
#include <memory_resource>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/result.h"
#include "sys/decode.h"

namespace tc::sys {

// Memory of the values; freed as a whole.
class Arena {
 public:
  explicit Arena(std::pmr::memory_resource& memory) : memory_(memory) {}

  template <class T>
  std::span<T> array(std::size_t count) {
    T* items = room<T>(count);
    for (std::size_t i = 0; i < count; ++i) new (items + i) T();
    return {items, count};
  }
  // The same, not yet constructed.
  template <class T>
  T* room(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(memory_.allocate(count * sizeof(T), alignof(T)));
  }
  std::string_view text(std::string_view text);
  // Decimal; hexadecimal with "0x".
  std::string_view decimal(std::int64_t number);
  std::string_view hexadecimal(std::uint64_t number);

 private:
  std::pmr::memory_resource& memory_;
};

// The members of an object, at most as many as announced.
class Members {
 public:
  Members(Arena& arena, std::size_t capacity)
      : members_(arena.room<Member>(capacity)), capacity_(capacity) {}
  void add(std::string_view name, const Value& value) {
    TC_ASSERT(count_ < capacity_);
    new (members_ + count_++) Member{name, value};
  }
  std::span<const Member> done() const { return {members_, count_}; }

 private:
  Member* members_;
  std::size_t capacity_;
  std::size_t count_ = 0;
};

// The call whose arguments are being decoded; `row` is never null.
struct Decoding {
  const CallReturn& call;
  const Row& row;
  Arena& arena;
  bool commanded = false;  // is_commanded(row)

  std::uint64_t word(std::size_t position) const { return call.arguments[position]; }
  const ArgumentType& type(std::size_t position) const { return row.arguments[position].type; }
  const Piece* piece(std::size_t position, unsigned part = 0) const;
  // What the call returned, when it succeeded; else 0.
  std::uint64_t count_returned() const;
  // Has the kernel written its outputs?
  bool written() const;
};

// A number of the guest's memory, which need not be aligned; 0 beyond the end.
template <class T>
T load(std::string_view bytes, std::size_t offset) {
  T value{};
  if (offset <= bytes.size() && bytes.size() - offset >= sizeof(T))
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

inline Value number_value(Leaf leaf, std::uint64_t number, std::uint8_t size = 4) {
  Value value;
  value.leaf = leaf;
  value.size = size;
  value.number = number;
  return value;
}
inline Value signed_value(Leaf leaf, std::int64_t number, std::uint8_t size = 4) {
  return number_value(leaf, static_cast<std::uint64_t>(number), size);
}
inline Value address_value(std::uint64_t address) {
  return number_value(Leaf::kAddress, address, 8);
}
inline Value text_value(Leaf leaf, std::string_view text) {
  Value value;
  value.leaf = leaf;
  value.text = text;
  value.length = text.size();
  return value;
}
inline Value symbolic_value(std::string_view text, std::uint64_t number) {
  Value value = text_value(Leaf::kSymbolic, text);
  value.size = 4;
  value.number = number;
  return value;
}
inline Value object_value(std::span<const Member> members) {
  Value value;
  value.leaf = Leaf::kObject;
  value.members = members;
  return value;
}

// --- decode_names.cc ---------------------------------------------------------------------------
std::string_view names_text(const Names& names, std::uint64_t value, unsigned size, Arena& arena);
std::string_view signal_text(std::uint64_t number, Arena& arena);
// "[SIGINT SIGCHLD]"; "~[SIGKILL]" when most are in it.
std::string_view signal_set_text(std::uint64_t set, Arena& arena);

// --- decode_memory.cc: scalars and structs -----------------------------------------------------
// A register, or a number in memory: cut to the type's width.
Value scalar_value(const ArgumentType& type, std::uint64_t word, Arena& arena);
// Fields that do not lie within `bytes` are left out, and the value is marked truncated.
Value layout_value(const Layout& layout, std::string_view bytes, Arena& arena);
// `count` elements of which `bytes` holds the first.
Value array_value(const ArgumentType& type, std::string_view bytes, std::uint64_t count,
                  Arena& arena);
// A status of wait(2): {exited:0}, {killed:"SIGKILL"}, {stopped:…}, {continued:1}.
Value wait_status_value(std::uint32_t status, Arena& arena);

// --- decode_pointer.cc -------------------------------------------------------------------------
// What the argument at `position` is or points to.
Value argument_value(const Decoding& decoding, std::size_t position);
// Content of a piece, cut at the announced length.
Value data_value(Leaf leaf, const Piece& piece, std::uint64_t address, std::uint64_t length);
Value unreadable_value(Leaf leaf, std::uint64_t address);
std::uint64_t vectors_length(std::string_view vectors);

// --- decode_socket.cc --------------------------------------------------------------------------
Value sockaddr_value(std::string_view bytes, Arena& arena);
// An option of setsockopt(2) by the names of its level.
Value option_value(std::uint64_t level, std::uint64_t option, Arena& arena);
Value message_value(const Decoding& decoding, std::size_t position);

// --- decode_command.cc: where one argument gives others their meaning -------------------------
Value ioctl_value(const Decoding& decoding, std::size_t position);
Value fcntl_value(const Decoding& decoding, std::size_t position);
// Is it one of the calls for which the next two have an answer?
bool is_commanded(const Row& row);
// Does this call look at the argument at all? Else its register holds leftovers.
bool is_used(const Decoding& decoding, std::size_t position);
// What an argument is that has no one type, as the timeout of FUTEX_REQUEUE that is a number.
std::optional<Value> commanded_value(const Decoding& decoding, std::size_t position);
// How much of the struct at `position` the caller has, by the size it passed; all, when it passes
// none. Structs that grow from kernel to kernel are announced so.
std::size_t struct_extent(const Decoding& decoding, std::size_t position);
// Of a call that returned well.
Value result_value(const Decoding& decoding);

}  // namespace tc::sys
