// The types of system call arguments and of the fields of kernel structs: what a machine word
// means. Each is a C++ type, so that a typed call (calls.h) is an ordinary struct and a mistake a
// compile error, and each names its ArgumentType, from which capture and decoding derive.
//
// A new type is one line here; what a value of a Leaf looks like is decode.cc's business, what
// becomes of it in a comparison trace/'s.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tc::sys {

// What a single value means, whatever its width.
enum class Leaf : std::uint8_t {
  kSigned,
  kUnsigned,
  kWord,      // bits without a better meaning: written "0x…"
  kMode,      // permission bits: written in octal, "0644"
  kFd,        // a descriptor of the calling process; AT_FDCWD by name
  kPid,       // a process, thread, process group or session; negative: the group
  kUser,      // uid or gid; -1: none
  kSignal,    // by name
  kAddress,   // of the tracee's memory, not looked into
  kSymbolic,  // flags or one of several names, already text
  kPath,      // a file name as bytes
  kText,      // any other string as bytes
  kData,      // bytes of a buffer
  kRandom,    // bytes or a number that differ each time by design
  kClock,     // a point in time, or a time consumed: differs each time
  kDuration,  // a length of time that the program chose
  kTimeout,   // how long a wait may last at most; -1 and null: for ever
  kInode,
  kDevice,  // major:minor
  kPort,
  kVolatile,  // a state of the host: free blocks, load, a sequence number
  kObject,    // a struct: has fields
  kList,      // has items
};

// A name for a number; tables are in constants.def.
struct NamedNumber {
  std::uint64_t value;
  std::string_view name;
};
struct Names {
  std::string_view name;                // of the table
  std::span<const NamedNumber> values;  // flags: wider masks before the bits they contain
  bool flags;                           // a set of bits, or one of several values
  std::uint64_t base_mask;  // of flags: these bits are one of several values (O_ACCMODE), from the
                            // rows inside the mask; the others are bits
};

// How the word leads to what it means.
enum class Shape : std::uint8_t {
  kScalar,    // the word itself
  kString,    // address of a string ended by NUL
  kStruct,    // address of `layout`
  kArray,     // address of many of `layout`, or of scalars of `size` bytes when it is null
  kData,      // address of bytes
  kSockaddr,  // address of a socket address
  kVectors,   // address of struct iovec[]
  kMessage,   // address of struct msghdr
  kEntries,   // address of linux_dirent64
  kStrings,   // address of a NULL-ended array of strings
  kIoctl,     // third argument of ioctl
  kFcntl,     // third argument of fcntl: what it is depends on the command
  kFdSet,     // address of fd_set: as many bits as the argument `length` tells
  kEmbedded,  // in a struct: `layout` itself lies here, not its address
  kPadding,   // in a struct: not shown
};
enum class Direction : std::uint8_t { kIn, kOut, kInOut };

// Which argument tells the length: a position, or one of these.
inline constexpr std::int8_t kNext = -1;    // the argument behind this one
inline constexpr std::int8_t kResult = -2;  // what the call returned
inline constexpr std::int8_t kNoLength = -3;

struct Layout;

struct ArgumentType {
  Shape shape = Shape::kScalar;
  Leaf leaf = Leaf::kWord;
  Direction direction = Direction::kIn;
  std::int8_t length = kNoLength;
  std::uint8_t size = 0;  // of a scalar, bytes
  bool is_signed = false;
  const Names* names = nullptr;
  const Layout* layout = nullptr;
};

struct FieldLayout {
  std::string_view name;
  std::uint32_t offset;
  ArgumentType type;
};
// A kernel struct as x86-64 has it; the rows are in structs.def.
struct Layout {
  std::string_view name;
  std::uint32_t size;
  std::span<const FieldLayout> fields;
};

// --- scalars: usable as arguments and as fields ------------------------------------------------
#define TC_SCALAR_TYPE(NAME, BASE, LEAF, SIGNED)                        \
  struct NAME {                                                         \
    BASE value;                                                         \
    static constexpr ArgumentType kType = {                             \
        .leaf = Leaf::LEAF, .size = sizeof(BASE), .is_signed = SIGNED}; \
  };
/* clang-format off */
TC_SCALAR_TYPE(I8, std::int8_t, kSigned, true)
TC_SCALAR_TYPE(I16, std::int16_t, kSigned, true)
TC_SCALAR_TYPE(I32, std::int32_t, kSigned, true)
TC_SCALAR_TYPE(I64, std::int64_t, kSigned, true)
TC_SCALAR_TYPE(U8, std::uint8_t, kUnsigned, false)
TC_SCALAR_TYPE(U16, std::uint16_t, kUnsigned, false)
TC_SCALAR_TYPE(U32, std::uint32_t, kUnsigned, false)
TC_SCALAR_TYPE(U64, std::uint64_t, kUnsigned, false)
TC_SCALAR_TYPE(Word32, std::uint32_t, kWord, false)
TC_SCALAR_TYPE(Word, std::uint64_t, kWord, false)
TC_SCALAR_TYPE(Fd, std::int32_t, kFd, true)
TC_SCALAR_TYPE(Pid, std::int32_t, kPid, true)
TC_SCALAR_TYPE(User, std::uint32_t, kUser, false)
TC_SCALAR_TYPE(Mode, std::uint32_t, kMode, false)
TC_SCALAR_TYPE(Mode16, std::uint16_t, kMode, false)
TC_SCALAR_TYPE(Mode64, std::uint64_t, kMode, false)
TC_SCALAR_TYPE(FileMode, std::uint32_t, kMode, false)     // with the type of the file
TC_SCALAR_TYPE(FileMode16, std::uint16_t, kMode, false)
TC_SCALAR_TYPE(Signal, std::int32_t, kSignal, true)
TC_SCALAR_TYPE(Signal64, std::uint64_t, kSignal, false)
TC_SCALAR_TYPE(Address, std::uint64_t, kAddress, false)
TC_SCALAR_TYPE(Inode, std::uint64_t, kInode, false)
TC_SCALAR_TYPE(Device, std::uint64_t, kDevice, false)
TC_SCALAR_TYPE(Device32, std::uint32_t, kDevice, false)
TC_SCALAR_TYPE(Clock, std::int64_t, kClock, true)         // seconds, ns or ticks of a clock
TC_SCALAR_TYPE(ClockPart, std::uint32_t, kClock, false)
TC_SCALAR_TYPE(Duration, std::int64_t, kDuration, true)
TC_SCALAR_TYPE(Duration32, std::uint32_t, kDuration, false)
TC_SCALAR_TYPE(Timeout, std::int32_t, kTimeout, true)     // ms
TC_SCALAR_TYPE(Timeout64, std::int64_t, kTimeout, true)
TC_SCALAR_TYPE(Volatile, std::uint64_t, kVolatile, false)
TC_SCALAR_TYPE(Volatile32, std::uint32_t, kVolatile, false)
TC_SCALAR_TYPE(Volatile16, std::uint16_t, kVolatile, false)
// A number that the kernel counts out to everybody: of a System V object, a key.
TC_SCALAR_TYPE(KernelId, std::int32_t, kVolatile, true)
/* clang-format on */
#undef TC_SCALAR_TYPE

// What a program gave the kernel to hand back later: often an address. Aligned to 4 bytes, as in
// struct epoll_event.
struct Cookie {
  std::uint64_t value __attribute__((packed, aligned(4)));
  static constexpr ArgumentType kType = {.leaf = Leaf::kAddress, .size = 8};
};

// Nothing to tell: the result of a call that returns 0 or an error only.
struct Status {
  std::int64_t value;
  static constexpr ArgumentType kType = {.leaf = Leaf::kSigned, .size = 8, .is_signed = true};
};

// Names by constants.def: Flags<open_flags>, Enum<seek_whence>.
template <class Table>
struct Flags {
  std::uint32_t value;
  static constexpr ArgumentType kType = {
      .leaf = Leaf::kSymbolic, .size = 4, .names = &Table::kNames};
};
template <class Table>
struct Flags64 {
  std::uint64_t value;
  static constexpr ArgumentType kType = {
      .leaf = Leaf::kSymbolic, .size = 8, .names = &Table::kNames};
};
template <class Table>
struct Flags16 {
  std::uint16_t value;
  static constexpr ArgumentType kType = {
      .leaf = Leaf::kSymbolic, .size = 2, .names = &Table::kNames};
};
template <class Table>
struct Enum {
  std::int32_t value;
  static constexpr ArgumentType kType = {
      .leaf = Leaf::kSymbolic, .size = 4, .is_signed = true, .names = &Table::kNames};
};
template <class Table>
struct Enum64 {
  std::int64_t value;
  static constexpr ArgumentType kType = {
      .leaf = Leaf::kSymbolic, .size = 8, .is_signed = true, .names = &Table::kNames};
};
template <class Table>
struct Enum16 {
  std::uint16_t value;
  static constexpr ArgumentType kType = {
      .leaf = Leaf::kSymbolic, .size = 2, .names = &Table::kNames};
};

// --- pointers -----------------------------------------------------------------------------------
// An address in the tracee; T is what lies there. Never to be dereferenced here.
template <class T>
struct RemotePointer {
  std::uint64_t address = 0;
};

#define TC_POINTER_TYPE(NAME, ...)                       \
  struct NAME : RemotePointer<char> {                    \
    static constexpr ArgumentType kType = {__VA_ARGS__}; \
  };
TC_POINTER_TYPE(Path, .shape = Shape::kString, .leaf = Leaf::kPath)
TC_POINTER_TYPE(String, .shape = Shape::kString, .leaf = Leaf::kText)
TC_POINTER_TYPE(Strings, .shape = Shape::kStrings, .leaf = Leaf::kText)
TC_POINTER_TYPE(Entries, .shape = Shape::kEntries, .direction = Direction::kOut, .length = kResult)
TC_POINTER_TYPE(IoctlArgument, .shape = Shape::kIoctl, .direction = Direction::kInOut)
TC_POINTER_TYPE(FcntlArgument, .shape = Shape::kFcntl, .direction = Direction::kInOut)
TC_POINTER_TYPE(InMessage, .shape = Shape::kMessage)
TC_POINTER_TYPE(OutMessage, .shape = Shape::kMessage, .direction = Direction::kOut,
                .length = kResult)
// The length is the argument behind; of Out ones, what that points to.
TC_POINTER_TYPE(InSockaddr, .shape = Shape::kSockaddr, .length = kNext)
TC_POINTER_TYPE(OutSockaddr, .shape = Shape::kSockaddr, .direction = Direction::kOut,
                .length = kNext)
#undef TC_POINTER_TYPE

// Bytes; LENGTH is the argument that tells how many (default: the one behind), and of OutData how
// many there are is what the call returned, when LENGTH is not given.
template <std::int8_t LENGTH = kNext, Leaf LEAF = Leaf::kData>
struct InData : RemotePointer<std::byte> {
  static constexpr ArgumentType kType = {.shape = Shape::kData, .leaf = LEAF, .length = LENGTH};
};
template <std::int8_t LENGTH = kResult, Leaf LEAF = Leaf::kData>
struct OutData : RemotePointer<std::byte> {
  static constexpr ArgumentType kType = {
      .shape = Shape::kData, .leaf = LEAF, .direction = Direction::kOut, .length = LENGTH};
};
using OutRandom = OutData<kResult, Leaf::kRandom>;
using OutPath = OutData<kResult, Leaf::kPath>;  // readlink, getcwd
using OutText = OutData<kResult, Leaf::kText>;
using InText = InData<kNext, Leaf::kText>;

// struct iovec[]; how many is the argument behind.
struct InVectors : RemotePointer<std::byte> {
  static constexpr ArgumentType kType = {
      .shape = Shape::kVectors, .leaf = Leaf::kData, .length = kNext};
};
struct OutVectors : RemotePointer<std::byte> {
  static constexpr ArgumentType kType = {
      .shape = Shape::kVectors, .leaf = Leaf::kData, .direction = Direction::kOut, .length = kNext};
};

// What T describes: a struct of structs.def (has kLayout) or a scalar of this file.
template <class T>
concept HasLayout = requires {
  T::kLayout;
};
template <class T>
constexpr ArgumentType pointer_to(Shape shape, Direction direction, std::int8_t length) {
  ArgumentType type = {.shape = shape, .direction = direction, .length = length};
  if constexpr (HasLayout<T>) {
    type.leaf = Leaf::kObject;
    type.layout = &T::kLayout;
  } else {
    type.leaf = T::kType.leaf;
    type.size = T::kType.size;
    type.is_signed = T::kType.is_signed;
    type.names = T::kType.names;
  }
  return type;
}
template <class T>
struct In : RemotePointer<T> {
  static constexpr ArgumentType kType = pointer_to<T>(Shape::kStruct, Direction::kIn, kNoLength);
};
template <class T>
struct Out : RemotePointer<T> {
  static constexpr ArgumentType kType = pointer_to<T>(Shape::kStruct, Direction::kOut, kNoLength);
};
// Read when the call has returned, so its output is what is seen.
template <class T>
struct InOut : RemotePointer<T> {
  static constexpr ArgumentType kType = pointer_to<T>(Shape::kStruct, Direction::kInOut, kNoLength);
};
// A T that is not looked at: the call writes it in rare cases only, or another argument says
// whether it is one. Told as an address; a handler can follow it.
template <class T>
struct Unread : RemotePointer<T> {
  static constexpr ArgumentType kType = {.leaf = Leaf::kAddress, .size = 8};
};
// Many; how many is the argument behind, or (OutArray) what the call returned.
template <class T>
struct InArray : RemotePointer<T> {
  static constexpr ArgumentType kType = pointer_to<T>(Shape::kArray, Direction::kIn, kNext);
};
// The same; how many is the first argument.
template <class T>
struct InArrayByFirst : RemotePointer<T> {
  static constexpr ArgumentType kType = pointer_to<T>(Shape::kArray, Direction::kIn, 0);
};
template <class T>
struct InOutArray : RemotePointer<T> {
  static constexpr ArgumentType kType = pointer_to<T>(Shape::kArray, Direction::kInOut, kNext);
};
template <class T>
struct OutArray : RemotePointer<T> {
  static constexpr ArgumentType kType = pointer_to<T>(Shape::kArray, Direction::kOut, kResult);
};

// fd_set of select(2): one bit a descriptor, as many as the first argument says.
struct FdSet : RemotePointer<std::uint64_t> {
  static constexpr ArgumentType kType = {
      .shape = Shape::kFdSet, .leaf = Leaf::kFd, .direction = Direction::kInOut, .length = 0};
};

// Padding of a struct.
template <std::uint8_t BYTES>
struct Pad {
  std::uint8_t bytes[BYTES];
  static constexpr ArgumentType kType = {.shape = Shape::kPadding, .size = BYTES};
};
// A fixed run of bytes within a struct: a string up to its NUL (kText), or raw (kData).
template <std::uint16_t BYTES, Leaf LEAF = Leaf::kText>
struct Chars {
  char bytes[BYTES];
  static constexpr ArgumentType kType = {.shape = Shape::kData, .leaf = LEAF, .size = 0};
};

}  // namespace tc::sys
