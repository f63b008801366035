// Calls where one argument gives others their meaning: ioctl, fcntl, futex, prctl and the calls
// that libc declares with "...", whose registers hold leftovers when the caller passed nothing.
#include <algorithm>

#include "sys/abi.h"
#include "sys/constants.h"
#include "sys/decode_parts.h"

namespace tc::sys {
namespace {

// Numbers of calls (x86-64).
enum Number : std::uint32_t {
  kOpen = 2,
  kIoctl = 16,
  kMremap = 25,
  kClone = 56,
  kSetsockopt = 54,
  kGetsockopt = 55,
  kSemctl = 66,
  kFcntl = 72,
  kPrctl = 157,
  kFutex = 202,
  kTimerSettime = 223,
  kClockNanosleep = 230,
  kEpollCtl = 233,
  kOpenat = 257,
  kTimerfdSettime = 286,
  kSchedGetattr = 315,
  kClone3 = 435,
  kOpenat2 = 437,
  kMountSetattr = 442,
};

// --- fcntl ---------------------------------------------------------------------------------------
// What the third argument or the result of a command is.
enum class Meaning : std::uint8_t {
  kNothing,
  kNumber,
  kFd,
  kFdFlags,
  kFileFlags,
  kLock,
  kPid,
  kSignal,
  kLease,
  kSeals,
  kOther,
};
struct FcntlCommand {
  std::uint32_t command;
  Meaning argument;
  Meaning result;
};
constexpr FcntlCommand kFcntlCommands[] = {
    {0, Meaning::kNumber, Meaning::kFd},          // F_DUPFD
    {1, Meaning::kNothing, Meaning::kFdFlags},    // F_GETFD
    {2, Meaning::kFdFlags, Meaning::kNumber},     // F_SETFD
    {3, Meaning::kNothing, Meaning::kFileFlags},  // F_GETFL
    {4, Meaning::kFileFlags, Meaning::kNumber},   // F_SETFL
    {5, Meaning::kLock, Meaning::kNumber},        // F_GETLK
    {6, Meaning::kLock, Meaning::kNumber},        // F_SETLK
    {7, Meaning::kLock, Meaning::kNumber},        // F_SETLKW
    {8, Meaning::kPid, Meaning::kNumber},         // F_SETOWN
    {9, Meaning::kNothing, Meaning::kPid},        // F_GETOWN
    {10, Meaning::kSignal, Meaning::kNumber},     // F_SETSIG
    {11, Meaning::kNothing, Meaning::kSignal},    // F_GETSIG
    {36, Meaning::kLock, Meaning::kNumber},       // F_OFD_GETLK
    {37, Meaning::kLock, Meaning::kNumber},       // F_OFD_SETLK
    {38, Meaning::kLock, Meaning::kNumber},       // F_OFD_SETLKW
    {1024, Meaning::kLease, Meaning::kNumber},    // F_SETLEASE
    {1025, Meaning::kNothing, Meaning::kLease},   // F_GETLEASE
    {1027, Meaning::kFd, Meaning::kNumber},       // F_DUPFD_QUERY
    {1030, Meaning::kNumber, Meaning::kFd},       // F_DUPFD_CLOEXEC
    {1031, Meaning::kNumber, Meaning::kNumber},   // F_SETPIPE_SZ
    {1032, Meaning::kNothing, Meaning::kNumber},  // F_GETPIPE_SZ
    {1033, Meaning::kSeals, Meaning::kNumber},    // F_ADD_SEALS
    {1034, Meaning::kNothing, Meaning::kSeals}};  // F_GET_SEALS

constexpr std::uint32_t kGetLock = 5;
constexpr std::uint32_t kOfdGetLock = 36;
constexpr std::int16_t kUnlocked = 2;  // F_UNLCK

constexpr NamedNumber kFdFlagValues[] = {{1, "FD_CLOEXEC"}};
constexpr Names kFdFlags = {"fd_flags", kFdFlagValues, true, 0};
constexpr NamedNumber kSealValues[] = {{1, "F_SEAL_SEAL"},          {2, "F_SEAL_SHRINK"},
                                       {4, "F_SEAL_GROW"},          {8, "F_SEAL_WRITE"},
                                       {16, "F_SEAL_FUTURE_WRITE"}, {32, "F_SEAL_EXEC"}};
constexpr Names kSeals = {"seals", kSealValues, true, 0};
constexpr NamedNumber kLockTypeValues[] = {{0, "F_RDLCK"}, {1, "F_WRLCK"}, {2, "F_UNLCK"}};
constexpr Names kLockTypes = {"lock_types", kLockTypeValues, false, 0};

FcntlCommand fcntl_command(const Decoding& decoding) {
  const auto command = static_cast<std::uint32_t>(decoding.word(1));
  for (const FcntlCommand& row : kFcntlCommands)
    if (row.command == command) return row;
  return {command, Meaning::kOther, Meaning::kNumber};
}

Value named_value(const Names& names, std::uint64_t word, Arena& arena) {
  const ArgumentType type = {.leaf = Leaf::kSymbolic, .size = 4, .names = &names};
  return scalar_value(type, word, arena);
}

Value meant_value(Meaning meaning, std::uint64_t word, Arena& arena) {
  switch (meaning) {
    case Meaning::kNumber:
    case Meaning::kNothing:
      return scalar_value({.leaf = Leaf::kSigned, .size = 4, .is_signed = true}, word, arena);
    case Meaning::kFd:
      return scalar_value({.leaf = Leaf::kFd, .size = 4, .is_signed = true}, word, arena);
    case Meaning::kPid:
      return scalar_value({.leaf = Leaf::kPid, .size = 4, .is_signed = true}, word, arena);
    case Meaning::kSignal:
      return scalar_value({.leaf = Leaf::kSignal, .size = 4, .is_signed = true}, word, arena);
    case Meaning::kFdFlags:
      return named_value(kFdFlags, word, arena);
    case Meaning::kFileFlags:
      return named_value(open_flags::kNames, word, arena);
    case Meaning::kLease:
      return named_value(kLockTypes, word, arena);
    case Meaning::kSeals:
      return named_value(kSeals, word, arena);
    case Meaning::kLock:
    case Meaning::kOther:
      break;
  }
  return address_value(word);
}

constexpr std::size_t kLockSize = 32;

Value lock_value(const Decoding& decoding, std::size_t position) {
  const Piece* piece = decoding.piece(position);
  const std::uint64_t address = decoding.word(position);
  if (piece == nullptr) return address_value(address);
  const std::string_view bytes = piece->bytes;
  if (piece->fault || bytes.size() < kLockSize) return unreadable_value(Leaf::kObject, address);
  Arena& arena = decoding.arena;
  const auto type = load<std::int16_t>(bytes, 0);
  const auto command = static_cast<std::uint32_t>(decoding.word(1));
  Members members(arena, 5);
  members.add("l_type", named_value(kLockTypes, static_cast<std::uint64_t>(type), arena));
  members.add("l_whence",
              named_value(seek_whence::kNames,
                          static_cast<std::uint64_t>(load<std::int16_t>(bytes, 2)), arena));
  members.add("l_start", signed_value(Leaf::kSigned, load<std::int64_t>(bytes, 8), 8));
  members.add("l_len", signed_value(Leaf::kSigned, load<std::int64_t>(bytes, 16), 8));
  // Only an answer names the owner of the lock in the way.
  if ((command == kGetLock || command == kOfdGetLock) && type != kUnlocked)
    members.add("l_pid", signed_value(Leaf::kPid, load<std::int32_t>(bytes, 24)));
  Value value = object_value(members.done());
  value.number = address;
  return value;
}

// --- ioctl ---------------------------------------------------------------------------------------
enum class Content : std::uint8_t { kNothing, kNumber, kFd, kInt, kPid, kWindow, kTerminal };
struct IoctlCommand {
  std::uint32_t command;
  Content content;
  bool out;
};
constexpr IoctlCommand kIoctlCommands[] = {{0x5401, Content::kTerminal, true},   // TCGETS
                                           {0x5402, Content::kTerminal, false},  // TCSETS
                                           {0x5403, Content::kTerminal, false},  // TCSETSW
                                           {0x5404, Content::kTerminal, false},  // TCSETSF
                                           {0x5409, Content::kNumber, false},    // TCSBRK
                                           {0x540a, Content::kNumber, false},    // TCXONC
                                           {0x540b, Content::kNumber, false},    // TCFLSH
                                           {0x540c, Content::kNothing, false},   // TIOCEXCL
                                           {0x540d, Content::kNothing, false},   // TIOCNXCL
                                           {0x540e, Content::kNumber, false},    // TIOCSCTTY
                                           {0x540f, Content::kPid, true},        // TIOCGPGRP
                                           {0x5410, Content::kPid, false},       // TIOCSPGRP
                                           {0x5411, Content::kInt, true},        // TIOCOUTQ
                                           {0x5413, Content::kWindow, true},     // TIOCGWINSZ
                                           {0x5414, Content::kWindow, false},    // TIOCSWINSZ
                                           {0x541b, Content::kInt, true},        // FIONREAD
                                           {0x5421, Content::kInt, false},       // FIONBIO
                                           {0x5422, Content::kNothing, false},   // TIOCNOTTY
                                           {0x5429, Content::kPid, true},        // TIOCGSID
                                           {0x5450, Content::kNothing, false},   // FIONCLEX
                                           {0x5451, Content::kNothing, false},   // FIOCLEX
                                           {0x5452, Content::kInt, false},       // FIOASYNC
                                           {0x80045430, Content::kInt, true},    // TIOCGPTN
                                           {0x40045431, Content::kInt, false},   // TIOCSPTLCK
                                           {0x40049409, Content::kFd, false}};   // FICLONE

const IoctlCommand* ioctl_command(const Decoding& decoding) {
  const auto command = static_cast<std::uint32_t>(decoding.word(1));
  const auto* found = std::ranges::find(kIoctlCommands, command, &IoctlCommand::command);
  return found == std::end(kIoctlCommands) ? nullptr : found;
}

Value window_value(std::string_view bytes, Arena& arena) {
  static constexpr std::string_view kFields[] = {"ws_row", "ws_col", "ws_xpixel", "ws_ypixel"};
  Members members(arena, std::size(kFields));
  std::size_t at = 0;
  for (const std::string_view name : kFields) {
    members.add(name, number_value(Leaf::kUnsigned, load<std::uint16_t>(bytes, at), 2));
    at += 2;
  }
  return object_value(members.done());
}

// The kernel's struct termios: four words of flags, the line discipline, 19 characters.
Value terminal_value(std::string_view bytes, Arena& arena) {
  static constexpr std::string_view kFlags[] = {"c_iflag", "c_oflag", "c_cflag", "c_lflag"};
  Members members(arena, 6);
  std::size_t at = 0;
  for (const std::string_view name : kFlags) {
    members.add(name, number_value(Leaf::kWord, load<std::uint32_t>(bytes, at)));
    at += 4;
  }
  members.add("c_line", number_value(Leaf::kUnsigned, load<std::uint8_t>(bytes, at), 1));
  members.add("c_cc", text_value(Leaf::kData, bytes.substr(at + 1, 19)));
  return object_value(members.done());
}

Value content_value(const IoctlCommand& command, std::string_view bytes, Arena& arena) {
  if (command.content == Content::kWindow && bytes.size() >= 8) return window_value(bytes, arena);
  if (command.content == Content::kTerminal && bytes.size() >= 36)
    return terminal_value(bytes, arena);
  if (command.content == Content::kPid && bytes.size() >= 4)
    return signed_value(Leaf::kPid, load<std::int32_t>(bytes, 0));
  if (command.content == Content::kInt && bytes.size() >= 4)
    return signed_value(Leaf::kSigned, load<std::int32_t>(bytes, 0));
  return text_value(Leaf::kData, bytes);
}

// Small words are numbers rather than addresses.
Value opaque_value(std::uint64_t word) {
  return word < 4096 ? number_value(Leaf::kWord, word, 8) : address_value(word);
}

// What the kernel's _IOC() packs into a command.
constexpr std::uint32_t kIocSizeShift = 16;
constexpr std::uint32_t kIocSizeMask = 0x3fff;
constexpr std::uint32_t kIocRead = 0x80000000;
constexpr std::uint32_t kIocWrite = 0x40000000;

// --- futex, prctl --------------------------------------------------------------------------------
// The arguments behind val (2) that an operation looks at, as bits; kCount: utime is a number.
struct FutexOperation {
  std::uint8_t used;
  bool count;
};
constexpr FutexOperation kFutexOperations[] = {{0b001100, false},   // WAIT
                                               {0b000100, false},   // WAKE
                                               {0b000100, false},   // FD
                                               {0b011100, true},    // REQUEUE
                                               {0b111100, true},    // CMP_REQUEUE
                                               {0b111100, true},    // WAKE_OP
                                               {0b001000, false},   // LOCK_PI
                                               {0b000000, false},   // UNLOCK_PI
                                               {0b000000, false},   // TRYLOCK_PI
                                               {0b101100, false},   // WAIT_BITSET
                                               {0b100100, false},   // WAKE_BITSET
                                               {0b011100, false},   // WAIT_REQUEUE_PI
                                               {0b111100, true},    // CMP_REQUEUE_PI
                                               {0b001000, false}};  // LOCK_PI2
constexpr std::uint64_t kFutexCommand = 127;

FutexOperation futex_operation(const Decoding& decoding) {
  const std::uint64_t command = decoding.word(1) & kFutexCommand;
  return command < std::size(kFutexOperations) ? kFutexOperations[command]
                                               : FutexOperation{0b111100, false};
}

constexpr std::uint32_t kSetParentDeathSignal = 1;

// How many arguments behind the option prctl(2) looks at; 4 for the options not listed.
std::size_t prctl_arguments(std::uint32_t option) {
  constexpr std::uint32_t kNone[] = {3, 7, 13, 21, 27, 30, 31, 32};
  constexpr std::uint32_t kOne[] = {1,  2,  4,  5,  6,  8,  9,  10, 11, 12, 14, 15,
                                    16, 19, 20, 23, 24, 25, 26, 28, 29, 36, 37};
  constexpr std::uint32_t kSetSeccomp = 22;
  if (std::ranges::find(kNone, option) != std::end(kNone)) return 0;
  if (std::ranges::find(kOne, option) != std::end(kOne)) return 1;
  return option == kSetSeccomp ? 2 : 4;
}

bool creates_file(std::uint64_t flags) {
  constexpr std::uint64_t kCreate = 0100;
  constexpr std::uint64_t kTemporary = 020000000;
  return (flags & (kCreate | kTemporary)) != 0;
}

bool clone_uses(std::uint64_t flags, std::size_t position) {
  constexpr std::uint64_t kParentTid = 0x00100000 | 0x00001000;  // PARENT_SETTID, PIDFD
  constexpr std::uint64_t kChildTid = 0x01000000 | 0x00200000;   // CHILD_SETTID, CHILD_CLEARTID
  constexpr std::uint64_t kTls = 0x00080000;
  switch (position) {
    case 2:
      return (flags & kParentTid) != 0;
    case 3:
      return (flags & kChildTid) != 0;
    case 4:
      return (flags & kTls) != 0;
    default:
      return true;
  }
}

bool semctl_uses_argument(std::uint64_t command) {
  constexpr std::uint32_t kWithout[] = {0, 11, 12, 14, 15};  // RMID, GETPID, GETVAL, GET?CNT
  return std::ranges::find(kWithout, static_cast<std::uint32_t>(command)) == std::end(kWithout);
}

// With TIMER_ABSTIME a time is a point of a clock, else as long as the program chose.
std::optional<Value> point_in_time(const Decoding& decoding, const Layout& layout) {
  constexpr std::size_t kFlags = 1;
  constexpr std::size_t kTime = 2;
  constexpr std::uint64_t kAbsolute = 1;
  const Piece* piece = decoding.piece(kTime);
  if ((decoding.word(kFlags) & kAbsolute) == 0 || piece == nullptr || piece->fault)
    return std::nullopt;
  Value value = layout_value(layout, piece->bytes, decoding.arena);
  value.number = decoding.word(kTime);
  return value;
}

// A struct of which the caller tells the size.
struct Extensible {
  std::uint32_t number;
  std::uint8_t argument;
  std::uint8_t size;
};
constexpr Extensible kExtensible[] = {
    {kSchedGetattr, 1, 2}, {kClone3, 0, 1}, {kOpenat2, 2, 3}, {kMountSetattr, 3, 4}};

}  // namespace

Value fcntl_value(const Decoding& decoding, std::size_t position) {
  const FcntlCommand command = fcntl_command(decoding);
  if (command.argument == Meaning::kLock) return lock_value(decoding, position);
  if (command.argument == Meaning::kOther) return opaque_value(decoding.word(position));
  return meant_value(command.argument, decoding.word(position), decoding.arena);
}

Value ioctl_value(const Decoding& decoding, std::size_t position) {
  const std::uint64_t word = decoding.word(position);
  const auto number = static_cast<std::uint32_t>(decoding.word(1));
  const IoctlCommand* command = ioctl_command(decoding);
  if (command != nullptr && command->content == Content::kNumber)
    return meant_value(Meaning::kNumber, word, decoding.arena);
  if (command != nullptr && command->content == Content::kFd)
    return meant_value(Meaning::kFd, word, decoding.arena);
  const bool sized = (number >> kIocSizeShift & kIocSizeMask) != 0;
  // Of an unknown command nothing says that the word is an address at all.
  if (command == nullptr && !sized) return opaque_value(word);
  const bool out =
      command != nullptr ? command->out : (number & kIocRead) != 0 && (number & kIocWrite) == 0;
  const Piece* piece = decoding.piece(position);
  if (piece == nullptr || (out && !decoding.written())) return opaque_value(word);
  if (piece->fault) return unreadable_value(Leaf::kData, word);
  Value value = command != nullptr ? content_value(*command, piece->bytes, decoding.arena)
                                   : text_value(Leaf::kData, piece->bytes);
  if (value.leaf == Leaf::kObject || value.leaf == Leaf::kData) value.number = word;
  value.truncated |= piece->truncated;
  return value;
}

bool is_commanded(const Row& row) {
  switch (row.number) {
    case kOpen:
    case kIoctl:
    case kMremap:
    case kClone:
    case kSemctl:
    case kFcntl:
    case kPrctl:
    case kFutex:
    case kOpenat:
    case kSetsockopt:
    case kGetsockopt:
    case kTimerSettime:
    case kClockNanosleep:
    case kEpollCtl:
    case kTimerfdSettime:
      return true;
    default:
      return false;
  }
}

std::optional<Value> commanded_value(const Decoding& decoding, std::size_t position) {
  const std::uint64_t word = decoding.word(position);
  if (decoding.row.number == kFutex && position == 3 && futex_operation(decoding).count)
    return number_value(Leaf::kUnsigned, word, 8);
  if (decoding.row.number == kPrctl && position != 0)
    return position == 1 && static_cast<std::uint32_t>(decoding.word(0)) == kSetParentDeathSignal
               ? meant_value(Meaning::kSignal, word, decoding.arena)
               : opaque_value(word);
  if (position != 2) return std::nullopt;
  switch (decoding.row.number) {
    case kSetsockopt:
    case kGetsockopt:
      return option_value(decoding.word(1), word, decoding.arena);
    case kClockNanosleep:
      return point_in_time(decoding, abi::clock_reading::kLayout);
    case kTimerSettime:
    case kTimerfdSettime:
      return point_in_time(decoding, abi::itimerspec_reading::kLayout);
    default:
      return std::nullopt;
  }
}

bool is_used(const Decoding& decoding, std::size_t position) {
  switch (decoding.row.number) {
    case kOpen:
      return position != 2 || creates_file(decoding.word(1));
    case kOpenat:
      return position != 3 || creates_file(decoding.word(2));
    case kIoctl: {
      const IoctlCommand* command = position == 2 ? ioctl_command(decoding) : nullptr;
      return command == nullptr || command->content != Content::kNothing;
    }
    case kFcntl:
      return position != 2 || fcntl_command(decoding).argument != Meaning::kNothing;
    case kEpollCtl:
      return position != 3 || decoding.word(1) != 2;  // DEL
    case kMremap:
      return position != 4 || (decoding.word(3) & 6U) != 0;  // FIXED, DONTUNMAP
    case kClone:
      return clone_uses(decoding.word(0), position);
    case kSemctl:
      return position != 3 || semctl_uses_argument(decoding.word(2));
    case kPrctl:
      return position <= prctl_arguments(static_cast<std::uint32_t>(decoding.word(0)));
    case kFutex:
      return position < 2 || (futex_operation(decoding).used >> position & 1U) != 0;
    default:
      return true;
  }
}

std::size_t struct_extent(const Decoding& decoding, std::size_t position) {
  // Nearly all calls are older than the habit.
  if (decoding.row.number < kSchedGetattr) return SIZE_MAX;
  for (const Extensible& row : kExtensible)
    if (row.number == decoding.row.number && row.argument == position)
      return decoding.word(row.size);
  return SIZE_MAX;
}

Value result_value(const Decoding& decoding) {
  const auto word = static_cast<std::uint64_t>(*decoding.call.result);
  if (decoding.row.number == kFcntl)
    return meant_value(fcntl_command(decoding).result, word, decoding.arena);
  return scalar_value(decoding.row.result, word, decoding.arena);
}

}  // namespace tc::sys
