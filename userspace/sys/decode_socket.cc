// Socket addresses, struct msghdr and its control messages.
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <limits>

#include "sys/constants.h"
#include "sys/decode_parts.h"

namespace tc::sys {
namespace {

constexpr std::uint64_t kSocket = 41;
constexpr std::uint64_t kRecvmsg = 47;

// From the table's own names of an argument; what has none is told as a number.
std::string_view name_by_argument(std::uint64_t call, std::size_t argument, std::uint64_t number,
                                  Arena& arena) {
  const Row* row = find_row(call);
  const Names* names = nullptr;
  if (row != nullptr && argument < row->arguments.size())
    names = row->arguments[argument].type.names;
  return names != nullptr ? names_text(*names, number, 4, arena)
                          : arena.decimal(static_cast<std::int64_t>(number));
}

constexpr NamedNumber kFamilies[] = {{AF_UNSPEC, "AF_UNSPEC"},   {AF_UNIX, "AF_UNIX"},
                                     {AF_INET, "AF_INET"},       {AF_INET6, "AF_INET6"},
                                     {AF_NETLINK, "AF_NETLINK"}, {AF_PACKET, "AF_PACKET"},
                                     {AF_VSOCK, "AF_VSOCK"}};

std::string_view family_text(std::uint16_t family, Arena& arena) {
  for (const NamedNumber& row : kFamilies)
    if (row.value == family) return row.name;
  return name_by_argument(kSocket, 0, family, arena);
}

std::uint16_t from_network16(std::string_view bytes, std::size_t offset) {
  return ntohs(load<std::uint16_t>(bytes, offset));
}

Value network_address(int family, std::string_view bytes, Arena& arena) {
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(family, bytes.data(), text, sizeof(text)) == nullptr)
    return text_value(Leaf::kData, bytes);
  return text_value(Leaf::kText, arena.text(text));
}

void add_inet(std::string_view bytes, Members& members, Arena& arena) {
  if (bytes.size() < 8) return members.add("sa_data", text_value(Leaf::kData, bytes.substr(2)));
  members.add("sin_port", number_value(Leaf::kPort, from_network16(bytes, 2), 2));
  members.add("sin_addr", network_address(AF_INET, bytes.substr(4, 4), arena));
}

void add_inet6(std::string_view bytes, Members& members, Arena& arena) {
  if (bytes.size() < 24) return members.add("sa_data", text_value(Leaf::kData, bytes.substr(2)));
  members.add("sin6_port", number_value(Leaf::kPort, from_network16(bytes, 2), 2));
  const auto flow = ntohl(load<std::uint32_t>(bytes, 4));
  if (flow != 0) members.add("sin6_flowinfo", number_value(Leaf::kWord, flow));
  members.add("sin6_addr", network_address(AF_INET6, bytes.substr(8, 16), arena));
  const auto scope = load<std::uint32_t>(bytes, 24);
  if (scope != 0) members.add("sin6_scope_id", number_value(Leaf::kUnsigned, scope));
}

// A name of length 0 is an unnamed socket; one that begins with NUL is abstract, all of its bytes
// count, and no file has it (unix(7)).
void add_unix(std::string_view bytes, Members& members) {
  const std::string_view name = bytes.substr(2);
  if (name.empty()) return;
  if (name.front() == '\0') return members.add("abstract", text_value(Leaf::kText, name.substr(1)));
  members.add("sun_path", text_value(Leaf::kPath, name.substr(0, name.find('\0'))));
}

void add_netlink(std::string_view bytes, Members& members) {
  members.add("nl_pid", signed_value(Leaf::kPid, load<std::int32_t>(bytes, 4)));
  members.add("nl_groups", number_value(Leaf::kWord, load<std::uint32_t>(bytes, 8)));
}

void add_packet(std::string_view bytes, Members& members) {
  members.add("sll_protocol", number_value(Leaf::kWord, from_network16(bytes, 2), 2));
  members.add("sll_ifindex", signed_value(Leaf::kSigned, load<std::int32_t>(bytes, 4)));
  members.add("sll_hatype", number_value(Leaf::kUnsigned, load<std::uint16_t>(bytes, 8), 2));
  members.add("sll_pkttype", number_value(Leaf::kUnsigned, load<std::uint8_t>(bytes, 10), 1));
  const auto length = load<std::uint8_t>(bytes, 11);
  if (bytes.size() > 12) members.add("sll_addr", text_value(Leaf::kData, bytes.substr(12, length)));
}

void add_vsock(std::string_view bytes, Members& members) {
  members.add("svm_cid", number_value(Leaf::kUnsigned, load<std::uint32_t>(bytes, 8)));
  members.add("svm_port", number_value(Leaf::kPort, load<std::uint32_t>(bytes, 4)));
}

// Numbers of the control messages of SOL_SOCKET that are not in every libc (socket.h of the
// kernel).
constexpr std::int32_t kScmTimestampOld = 29;
constexpr std::int32_t kScmTimestampNanoOld = 35;
constexpr std::int32_t kScmTimestamp = 63;
constexpr std::int32_t kScmTimestampNano = 64;
constexpr NamedNumber kControlTypes[] = {{SCM_RIGHTS, "SCM_RIGHTS"},
                                         {SCM_CREDENTIALS, "SCM_CREDENTIALS"},
                                         {3, "SCM_SECURITY"},
                                         {4, "SCM_PIDFD"},
                                         {kScmTimestampOld, "SO_TIMESTAMP"},
                                         {kScmTimestampNanoOld, "SO_TIMESTAMPNS"},
                                         {kScmTimestamp, "SO_TIMESTAMP_NEW"},
                                         {kScmTimestampNano, "SO_TIMESTAMPNS_NEW"}};
constexpr Names kControlTypeNames = {"control_types", kControlTypes, false, 0};
constexpr NamedNumber kLevels[] = {{SOL_SOCKET, "SOL_SOCKET"},
                                   {IPPROTO_IP, "SOL_IP"},
                                   {IPPROTO_IPV6, "SOL_IPV6"},
                                   {SOL_NETLINK, "SOL_NETLINK"}};
constexpr Names kLevelNames = {"control_levels", kLevels, false, 0};

Value rights_value(std::string_view data, Arena& arena) {
  const ArgumentType fd = {.leaf = Leaf::kFd, .size = 4, .is_signed = true};
  return array_value(fd, data, data.size() / 4, arena);
}

Value credentials_value(std::string_view data, Arena& arena) {
  Members members(arena, 3);
  members.add("pid", signed_value(Leaf::kPid, load<std::int32_t>(data, 0)));
  members.add("uid", number_value(Leaf::kUser, load<std::uint32_t>(data, 4)));
  members.add("gid", number_value(Leaf::kUser, load<std::uint32_t>(data, 8)));
  return object_value(members.done());
}

Value control_data(std::int32_t level, std::int32_t type, std::string_view data, Arena& arena) {
  if (level == SOL_SOCKET && type == SCM_RIGHTS) return rights_value(data, arena);
  if (level == SOL_SOCKET && type == SCM_CREDENTIALS && data.size() >= 12)
    return credentials_value(data, arena);
  const bool time = type == kScmTimestampOld || type == kScmTimestampNanoOld ||
                    type == kScmTimestamp || type == kScmTimestampNano;
  if (level == SOL_SOCKET && time && data.size() >= 16) {
    Members members(arena, 2);
    members.add("sec", signed_value(Leaf::kClock, load<std::int64_t>(data, 0), 8));
    members.add("fraction", signed_value(Leaf::kClock, load<std::int64_t>(data, 8), 8));
    return object_value(members.done());
  }
  return text_value(Leaf::kData, data);
}

constexpr std::size_t kControlHeader = 16;

// The control message that `bytes` begin with; empty when its length lies.
std::string_view first_control(std::string_view bytes) {
  const auto size = load<std::uint64_t>(bytes, 0);
  return size >= kControlHeader && size <= bytes.size() ? bytes.substr(0, size)
                                                        : std::string_view();
}
void skip_control(std::string_view& bytes, std::size_t size) {
  bytes.remove_prefix(std::min(bytes.size(), (size + 7) / 8 * 8));
}

Value control_value(std::string_view bytes, bool truncated, Arena& arena) {
  std::size_t count = 0;
  std::string_view rest = bytes;
  while (const std::size_t size = first_control(rest).size()) {
    skip_control(rest, size);
    ++count;
  }
  const std::span<Value> items = arena.array<Value>(count);
  for (Value& item : items) {
    const std::string_view message = first_control(bytes);
    skip_control(bytes, message.size());
    const auto level = load<std::int32_t>(message, 8);
    const auto type = load<std::int32_t>(message, 12);
    Members members(arena, 3);
    const auto number = [](std::int32_t value) { return static_cast<std::uint64_t>(value); };
    members.add("cmsg_level",
                symbolic_value(names_text(kLevelNames, number(level), 4, arena), number(level)));
    members.add("cmsg_type", symbolic_value(level == SOL_SOCKET ? names_text(kControlTypeNames,
                                                                             number(type), 4, arena)
                                                                : arena.decimal(type),
                                            number(type)));
    members.add("data", control_data(level, type, message.substr(kControlHeader), arena));
    item = object_value(members.done());
  }
  Value value;
  value.leaf = Leaf::kList;
  value.items = items;
  value.length = count;
  value.truncated = truncated || !rest.empty();
  return value;
}

// Of TC_CAPTURE_MESSAGE.
enum Part : unsigned { kHeader, kName, kVectors, kBytes, kControl };

// struct msghdr of x86-64.
struct MessageHeader {
  std::uint64_t name;
  std::uint32_t name_length;
  std::uint64_t vectors;
  std::uint64_t vector_count;
  std::uint64_t control;
  std::uint64_t control_length;
  std::uint32_t flags;
};
constexpr std::size_t kMessageSize = 56;

MessageHeader read_header(std::string_view bytes) {
  return {.name = load<std::uint64_t>(bytes, 0),
          .name_length = load<std::uint32_t>(bytes, 8),
          .vectors = load<std::uint64_t>(bytes, 16),
          .vector_count = load<std::uint64_t>(bytes, 24),
          .control = load<std::uint64_t>(bytes, 32),
          .control_length = load<std::uint64_t>(bytes, 40),
          .flags = load<std::uint32_t>(bytes, 48)};
}

Value message_data(const Decoding& decoding, std::size_t position, const MessageHeader& header) {
  const bool out = decoding.type(position).direction == Direction::kOut;
  const Piece* vectors = decoding.piece(position, kVectors);
  if (header.vector_count != 0 && vectors != nullptr && vectors->fault)
    return unreadable_value(Leaf::kData, header.vectors);
  std::uint64_t length = decoding.count_returned();
  if (!out && vectors != nullptr) length = vectors_length(vectors->bytes);
  const Piece* data = decoding.piece(position, kBytes);
  if (data == nullptr) return data_value(Leaf::kData, Piece{}, header.vectors, length);
  if (data->fault && length != 0) return unreadable_value(Leaf::kData, header.vectors);
  return data_value(Leaf::kData, *data, header.vectors, length);
}

}  // namespace

Value option_value(std::uint64_t level, std::uint64_t option, Arena& arena) {
  const auto named = [&](const Names& names) {
    return symbolic_value(names_text(names, option, 4, arena), option);
  };
  switch (static_cast<std::uint32_t>(level)) {
    case SOL_SOCKET:
      return named(socket_options::kNames);
    case IPPROTO_IP:
      return named(ip_options::kNames);
    case IPPROTO_TCP:
      return named(tcp_options::kNames);
    case IPPROTO_IPV6:
      return named(ipv6_options::kNames);
    case SOL_NETLINK:
      return named(netlink_options::kNames);
    default:
      return symbolic_value(arena.decimal(static_cast<std::int32_t>(option)), option);
  }
}

Value sockaddr_value(std::string_view bytes, Arena& arena) {
  if (bytes.size() < 2) return text_value(Leaf::kData, bytes);
  const auto family = load<std::uint16_t>(bytes, 0);
  Members members(arena, 6);
  members.add("sa_family", symbolic_value(family_text(family, arena), family));
  switch (family) {
    case AF_INET:
      add_inet(bytes, members, arena);
      break;
    case AF_INET6:
      add_inet6(bytes, members, arena);
      break;
    case AF_UNIX:
      add_unix(bytes, members);
      break;
    case AF_NETLINK:
      add_netlink(bytes, members);
      break;
    case AF_PACKET:
      add_packet(bytes, members);
      break;
    case AF_VSOCK:
      add_vsock(bytes, members);
      break;
    case AF_UNSPEC:
      break;
    default:
      members.add("sa_data", text_value(Leaf::kData, bytes.substr(2)));
  }
  return object_value(members.done());
}

Value message_value(const Decoding& decoding, std::size_t position) {
  const std::uint64_t address = decoding.word(position);
  const Piece* piece = decoding.piece(position, kHeader);
  if (piece == nullptr) return address_value(address);
  if (piece->fault || piece->bytes.size() < kMessageSize)
    return unreadable_value(Leaf::kObject, address);
  const MessageHeader header = read_header(piece->bytes);
  Arena& arena = decoding.arena;
  Members members(arena, 4);
  const Piece* name = decoding.piece(position, kName);
  if (header.name != 0 && header.name_length != 0) {
    if (name == nullptr || name->fault)
      members.add("msg_name", unreadable_value(Leaf::kObject, header.name));
    else
      members.add("msg_name", sockaddr_value(name->bytes.substr(0, header.name_length), arena));
  }
  members.add("msg_iov", message_data(decoding, position, header));
  const Piece* control = decoding.piece(position, kControl);
  if (header.control != 0 && header.control_length != 0) {
    if (control == nullptr || control->fault)
      members.add("msg_control", unreadable_value(Leaf::kList, header.control));
    else
      members.add("msg_control", control_value(control->bytes.substr(0, header.control_length),
                                               control->truncated, arena));
  }
  // What a sender left there the kernel does not look at.
  if (decoding.type(position).direction == Direction::kOut)
    members.add("msg_flags",
                symbolic_value(name_by_argument(kRecvmsg, 2, header.flags, arena), header.flags));
  Value value = object_value(members.done());
  value.number = address;
  return value;
}

}  // namespace tc::sys
