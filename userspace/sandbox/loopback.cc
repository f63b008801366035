#include "sandbox/loopback.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"

namespace tc::sandbox {
namespace {

constexpr unsigned kLoopbackIndex = 1;  // in every network namespace

// Files of /proc/sys/net/ipv4; they are those of the namespace of whoever opens them.
struct TcpSetting {
  const char* name;
  const char* value;
};
constexpr TcpSetting kTcpSettings[] = {
    {"tcp_congestion_control", "reno"},  // no pacing by timers, as bbr has
    {"tcp_moderate_rcvbuf", "0"},        // the window does not grow by how fast one reads
    {"tcp_autocorking", "0"},
    {"tcp_slow_start_after_idle", "0"},
    {"tcp_no_metrics_save", "1"},
    // Room for several segments of the loopback's size, or a sender would wait for each; and what
    // the host's administrator chose does not show.
    {"tcp_rmem", "4096 1048576 6291456"},
    {"tcp_wmem", "4096 16384 4194304"},
};

// A request to rtnetlink(7), put together in order.
class RouteRequest {
 public:
  RouteRequest(std::uint16_t type, std::uint16_t flags, const rtmsg& route) {
    const nlmsghdr header{
        .nlmsg_len = 0,
        .nlmsg_type = type,
        .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags),
        .nlmsg_seq = 0,
        .nlmsg_pid = 0};
    append(&header, sizeof(header));
    append(&route, sizeof(route));
  }
  void add(std::uint16_t type, std::span<const std::byte> value) {
    const rtattr head{.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(value.size())),
                      .rta_type = type};
    append(&head, sizeof(head));
    append(value.data(), value.size());
  }
  void add(std::uint16_t type, std::uint32_t value) {
    add(type, std::as_bytes(std::span(&value, 1)));
  }
  std::span<const std::byte> bytes() {
    const auto size = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &size, sizeof(size));
    return bytes_;
  }

 private:
  // All parts begin at multiples of four.
  void append(const void* data, std::size_t size) {
    const auto* const from = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), from, from + size);
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
  }

  std::vector<std::byte> bytes_;
};

Result<void> ask(const UniqueFd& netlink, RouteRequest request) {
  const auto bytes = request.bytes();
  if (::send(netlink.get(), bytes.data(), bytes.size(), 0) < 0)
    return system_error(errno, "ask rtnetlink");
  struct {
    nlmsghdr header;
    nlmsgerr error;
    std::array<char, 512> rest;
  } answer{};
  if (::recv(netlink.get(), &answer, sizeof(answer), 0) < 0)
    return system_error(errno, "hear from rtnetlink");
  if (answer.header.nlmsg_type != NLMSG_ERROR || answer.error.error != 0)
    return system_error(-answer.error.error, "route the loopback");
  return {};
}

rtmsg local_route(int family, int bits) {
  rtmsg route{};
  route.rtm_family = static_cast<unsigned char>(family);
  route.rtm_dst_len = static_cast<unsigned char>(bits);
  route.rtm_table = RT_TABLE_LOCAL;
  route.rtm_protocol = RTPROT_KERNEL;
  route.rtm_scope = family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  route.rtm_type = RTN_LOCAL;
  return route;
}

// Each segment is acknowledged when it comes: the receiver's timer (40 ms of real time) never
// decides when a sender has room again. And as many may be under way as there is room for.
std::vector<std::byte> steady_metrics() {
  struct Metric {
    rtattr head;
    std::uint32_t value;
  };
  constexpr std::uint32_t kManySegments = 1000;
  const Metric metrics[] = {
      {{.rta_len = sizeof(Metric), .rta_type = RTAX_QUICKACK}, 1},
      {{.rta_len = sizeof(Metric), .rta_type = RTAX_INITCWND}, kManySegments},
  };
  const auto bytes = std::as_bytes(std::span(metrics));
  return {bytes.begin(), bytes.end()};
}

Result<void> route_ipv4(const UniqueFd& netlink, const char* destination, int bits) {
  in_addr address{};
  in_addr source{};
  inet_pton(AF_INET, destination, &address);
  inet_pton(AF_INET, "127.0.0.1", &source);
  RouteRequest request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, local_route(AF_INET, bits));
  request.add(RTA_DST, address.s_addr);
  request.add(RTA_OIF, kLoopbackIndex);
  request.add(RTA_PREFSRC, source.s_addr);
  request.add(RTA_METRICS, steady_metrics());
  return ask(netlink, std::move(request));
}

// The kernel's own route has a metric that none of ours can have, so ours goes beside it first.
Result<void> route_ipv6(const UniqueFd& netlink) {
  const rtmsg route = local_route(AF_INET6, 128);
  RouteRequest ours(RTM_NEWROUTE, NLM_F_CREATE, route);
  ours.add(RTA_DST, std::as_bytes(std::span(&in6addr_loopback, 1)));
  ours.add(RTA_OIF, kLoopbackIndex);
  ours.add(RTA_METRICS, steady_metrics());
  TC_CHECK(ask(netlink, std::move(ours)));
  RouteRequest former(RTM_DELROUTE, 0, route);
  former.add(RTA_DST, std::as_bytes(std::span(&in6addr_loopback, 1)));
  former.add(RTA_OIF, kLoopbackIndex);
  return ask(netlink, std::move(former));
}

// Does the interface have the address ::1?
bool has_ipv6() {
  const auto addresses = base::read_file("/proc/net/if_inet6");
  return addresses && !addresses->empty();
}

}  // namespace

Result<void> start_loopback() {
  const UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(any.get(), SIOCSIFFLAGS, &request) == 0) return {};
  return system_error(errno, "start the loopback interface");
}

Result<void> make_loopback_steady() {
  for (const TcpSetting& setting : kTcpSettings) {
    const std::string path = std::string("/proc/sys/net/ipv4/") + setting.name;
    TC_TRY(const UniqueFd file, base::open_file(path, O_WRONLY));
    TC_CHECK(base::write_all(file.get(), setting.value, path));
  }
  const UniqueFd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!netlink) return system_error(errno, "speak to rtnetlink");
  TC_CHECK(route_ipv4(netlink, "127.0.0.1", 32));
  TC_CHECK(route_ipv4(netlink, "127.0.0.0", 8));
  return has_ipv6() ? route_ipv6(netlink) : Result<void>();
}

}  // namespace tc::sandbox
