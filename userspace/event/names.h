// The names that the numbers of a record are written by, from the tables of tc/types.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tc/event.h"

namespace tc::event {

struct NamedValue {
  std::uint64_t value;
  std::string_view name;
};

// The table behind each enumerated field type.
std::span<const NamedValue> names_of(tc_file_op);
std::span<const NamedValue> names_of(tc_tcp_state_name);
std::span<const NamedValue> names_of(tc_family);
std::span<const NamedValue> names_of(tc_network_op_name);
std::span<const NamedValue> names_of(tc_socket_type);
std::span<const NamedValue> names_of(tc_source);
std::span<const NamedValue> names_of(tc_ssl_op_name);
std::span<const NamedValue> names_of(tc_ssl_library);
std::span<const NamedValue> names_of(tc_ssl_function);
std::span<const NamedValue> names_of(tc_loss_reason);
std::span<const NamedValue> names_of(tc_event_type);

template <class T>
concept Enumerated = requires(T field) {
  names_of(field);
};

// The name of a value, or nothing when the table does not have it.
std::optional<std::string_view> name_of(std::span<const NamedValue> table, std::uint64_t value);
std::optional<std::uint64_t> value_of(std::span<const NamedValue> table, std::string_view name);

// "O_WRONLY|O_CREAT|O_CLOEXEC"; bits without a name follow as one hexadecimal number.
std::string open_flags_text(std::uint64_t flags);
// The other way round; nothing when a part is unknown.
std::optional<std::uint64_t> open_flags_value(std::string_view text);

// "SIGKILL", "SIGRT3", or "SIG77" for a number no signal has.
std::string signal_text(std::uint32_t number);
std::optional<std::uint32_t> signal_value(std::string_view text);

// Is it an IPv4 address behind ::ffff:0:0/96?
bool is_mapped_ipv4(const tc_address& address);

// "192.0.2.1", or RFC 5952 text for IPv6.
std::string address_text(const tc_address& address);
std::optional<tc_address> address_value(std::string_view text);

}  // namespace tc::event
