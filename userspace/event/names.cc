#include "event/names.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/number.h"

namespace tc::event {
namespace {

#define TC_NAMED(number, name) NamedValue{number, #name},

constexpr std::array kFileOps = {TC_FILE_OPS(TC_NAMED)};
constexpr std::array kTcpStates = {TC_TCP_STATES(TC_NAMED)};
constexpr std::array kFamilies = {TC_FAMILIES(TC_NAMED)};
constexpr std::array kNetworkOps = {TC_NETWORK_OPS(TC_NAMED)};
constexpr std::array kSocketTypes = {TC_SOCKET_TYPES(TC_NAMED)};
constexpr std::array kSources = {TC_SOURCES(TC_NAMED)};
constexpr std::array kSslOps = {TC_SSL_OPS(TC_NAMED)};
constexpr std::array kSslLibraries = {TC_SSL_LIBRARIES(TC_NAMED)};
constexpr std::array kSslFunctions = {TC_SSL_FUNCTIONS(TC_NAMED)};
constexpr std::array kLossReasons = {TC_LOSS_REASONS(TC_NAMED)};

#define TC_EVENT_NAMED(id, name, ...) NamedValue{id, #name},
constexpr std::array kEventTypes = {
#define EVENT TC_EVENT_NAMED
#define INTERNAL_EVENT TC_EVENT_NAMED
#include "tc/events.def"
#undef EVENT
#undef INTERNAL_EVENT
};

// include/uapi/asm-generic/fcntl.h, as x86-64 has it. O_SYNC contains O_DSYNC and O_TMPFILE
// contains O_DIRECTORY, so the wider ones come first.
constexpr std::array kOpenFlags = {
    NamedValue{0100, "O_CREAT"},        NamedValue{0200, "O_EXCL"},
    NamedValue{0400, "O_NOCTTY"},       NamedValue{01000, "O_TRUNC"},
    NamedValue{02000, "O_APPEND"},      NamedValue{04000, "O_NONBLOCK"},
    NamedValue{04010000, "O_SYNC"},     NamedValue{010000, "O_DSYNC"},
    NamedValue{020000, "O_ASYNC"},      NamedValue{040000, "O_DIRECT"},
    NamedValue{0100000, "O_LARGEFILE"}, NamedValue{020200000, "O_TMPFILE"},
    NamedValue{0200000, "O_DIRECTORY"}, NamedValue{0400000, "O_NOFOLLOW"},
    NamedValue{01000000, "O_NOATIME"},  NamedValue{02000000, "O_CLOEXEC"},
    NamedValue{010000000, "O_PATH"},
};
constexpr std::uint64_t kAccessMode = 3;
constexpr std::array<std::string_view, 4> kAccessModes = {"O_RDONLY", "O_WRONLY", "O_RDWR",
                                                          "O_ACCMODE"};

// signal(7) on x86-64.
constexpr std::array<std::string_view, 32> kSignals = {
    "",          "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};
constexpr std::uint32_t kFirstRealTime = 32;
constexpr std::uint32_t kLastSignal = 64;

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::span<const NamedValue> names_of(tc_file_op) { return kFileOps; }
std::span<const NamedValue> names_of(tc_tcp_state_name) { return kTcpStates; }
std::span<const NamedValue> names_of(tc_family) { return kFamilies; }
std::span<const NamedValue> names_of(tc_network_op_name) { return kNetworkOps; }
std::span<const NamedValue> names_of(tc_socket_type) { return kSocketTypes; }
std::span<const NamedValue> names_of(tc_source) { return kSources; }
std::span<const NamedValue> names_of(tc_ssl_op_name) { return kSslOps; }
std::span<const NamedValue> names_of(tc_ssl_library) { return kSslLibraries; }
std::span<const NamedValue> names_of(tc_ssl_function) { return kSslFunctions; }
std::span<const NamedValue> names_of(tc_loss_reason) { return kLossReasons; }
std::span<const NamedValue> names_of(tc_event_type) { return kEventTypes; }

std::optional<std::string_view> name_of(std::span<const NamedValue> table, std::uint64_t value) {
  for (const NamedValue& row : table)
    if (row.value == value) return row.name;
  return std::nullopt;
}

std::optional<std::uint64_t> value_of(std::span<const NamedValue> table, std::string_view name) {
  for (const NamedValue& row : table)
    if (row.name == name) return row.value;
  return std::nullopt;
}

std::string open_flags_text(std::uint64_t flags) {
  std::string text(kAccessModes[flags & kAccessMode]);
  std::uint64_t rest = flags & ~kAccessMode;
  for (const NamedValue& flag : kOpenFlags) {
    if ((rest & flag.value) != flag.value) continue;
    text.append("|").append(flag.name);
    rest &= ~flag.value;
  }
  if (rest != 0) text += fmt::format("|0x{:x}", rest);
  return text;
}

std::optional<std::uint64_t> open_flags_value(std::string_view text) {
  std::uint64_t flags = 0;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('|'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (const auto* mode = std::find(kAccessModes.begin(), kAccessModes.end(), part);
        mode != kAccessModes.end()) {
      flags |= static_cast<std::uint64_t>(mode - kAccessModes.begin());
    } else if (const auto value = value_of(kOpenFlags, part)) {
      flags |= *value;
    } else if (part.starts_with("0x")) {
      const auto bits = base::parse_unsigned(part.substr(2), 16);
      if (!bits) return std::nullopt;
      flags |= *bits;
    } else {
      return std::nullopt;
    }
  }
  return flags;
}

std::string signal_text(std::uint32_t number) {
  if (number > 0 && number < kSignals.size()) return std::string(kSignals[number]);
  if (number >= kFirstRealTime && number <= kLastSignal)
    return fmt::format("SIGRT{}", number - kFirstRealTime);
  return fmt::format("SIG{}", number);
}

std::optional<std::uint32_t> signal_value(std::string_view text) {
  for (std::uint32_t number = 1; number <= kLastSignal; ++number)
    if (signal_text(number) == text) return number;
  return std::nullopt;
}

bool is_mapped_ipv4(const tc_address& address) {
  return std::memcmp(address.bytes, kMappedPrefix.data(), kMappedPrefix.size()) == 0;
}

std::string address_text(const tc_address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_mapped_ipv4(address))
    inet_ntop(AF_INET, address.bytes + kMappedPrefix.size(), text.data(), text.size());
  else
    inet_ntop(AF_INET6, address.bytes, text.data(), text.size());
  return text.data();
}

std::optional<tc_address> address_value(std::string_view text) {
  const std::string terminated(text);
  tc_address address{};
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes) == 1) return address;
  std::memcpy(address.bytes, kMappedPrefix.data(), kMappedPrefix.size());
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes + kMappedPrefix.size()) == 1)
    return address;
  return std::nullopt;
}

}  // namespace tc::event
