// From numbers and pieces of memory to typed values: structs with named fields, flags and errno by
// name. Knows nothing of what a value is compared with or how it is written.
//
// Everything in a CallReturn is the guest's to choose: lengths that lie and memory that is garbage
// give other values, never an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>

#include "sys/argument.h"
#include "sys/call_return.h"

namespace tc::sys {

struct Member;

// One decoded value. Views live until the decoder's next call, or as long as the CallReturn.
struct Value {
  Leaf leaf = Leaf::kWord;
  std::uint8_t size = 8;       // of a scalar, bytes
  bool truncated = false;      // of kPath, kText, kData, kRandom, kList: there is more
  bool unreadable = false;     // the memory behind a pointer could not be read: `number` is it
  std::uint64_t number = 0;    // scalars (sign-extended when signed), addresses; of pointers what
                               // the register held, also when the content is told, unless that
                               // is a scalar: then the scalar
  std::uint64_t length = 0;    // of kPath, kText, kData, kRandom: how long it really was, as far as
                               // known; of kList: how many there were
  std::string_view text = {};  // of kSymbolic, kSignal, kPath, kText, kData, kRandom
  std::span<const Member> members = {};  // of kObject
  std::span<const Value> items = {};     // of kList

  std::int64_t signed_number() const { return static_cast<std::int64_t>(number); }
  // An address that was 0. Pointers that lead nowhere (null, an output of a failed call, memory
  // that was not captured) have the leaf kAddress.
  bool is_null() const { return leaf == Leaf::kAddress && number == 0 && !unreadable; }
};
struct Member {
  std::string_view name;
  Value value;
};

struct DecodedCall {
  std::string_view name;  // "openat"; "call_999" for a number without a name
  Abi abi = Abi::kX86_64;
  const Row* row = nullptr;  // null: arguments are told as words a0 … a5
  // In the row's order, without those that this call does not look at: the mode of an open() that
  // creates nothing, the third argument of fcntl(F_GETFL). Their registers hold leftovers.
  std::span<const Member> arguments = {};
  // Of a call that returned well; leaf kSigned with number 0 for a plain success.
  Value result = {};
  // Of one that failed: "ENOENT", "ERESTARTSYS"; else empty.
  std::string_view error = {};
};

class Decoder {
 public:
  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // The result's views live until the next call.
  const DecodedCall& decode(const CallReturn& call);

 private:
  // Nearly every call fits, so the heap is not asked.
  alignas(std::max_align_t) std::byte first_[std::size_t{16} << 10U];
  std::pmr::monotonic_buffer_resource arena_{first_, sizeof(first_)};
  DecodedCall call_;
};

// "ENOENT"; the kernel's own ERESTARTSYS and its kin too; "E4095" for a number without a name.
// `code` is 1 … 4095.
std::string_view errno_name(std::uint32_t code);
// "SIGINT"; "SIGRT_0" … for 32 … 64, as the kernel counts them; empty for what is no signal.
std::string_view signal_name(std::uint64_t number);
// "O_WRONLY|O_CREAT"; unnamed bits as one hexadecimal number; "0" for no flag at all. Of names that
// are not flags: the one, or the number.
std::string flags_text(const Names& names, std::uint64_t value);

}  // namespace tc::sys
