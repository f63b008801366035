// /proc/net: a machine with a loopback device over which nothing has gone yet. Which sockets there
// are is told by their addresses and inodes in kernel memory, so none are listed.
#include <algorithm>
#include <iterator>

#include "determinism/proc_parts.h"

namespace tc::determinism {
namespace {

struct NetworkFile {
  std::string_view name;
  std::string_view text;
};

constexpr std::string_view kInternetSockets =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode                                                     \n";
constexpr std::string_view kDatagramSockets =
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode ref pointer drops             \n";
constexpr std::string_view kInternet6Sockets =
    "  sl  local_address                         remote_address                        st tx_queue "
    "rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
constexpr std::string_view kDatagram6Sockets =
    "  sl  local_address                         remote_address                        st tx_queue "
    "rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";

constexpr NetworkFile kNetworkFiles[] = {
    {"arp", "IP address       HW type     Flags       HW address            Mask     Device\n"},
    {"dev",
     "Inter-|   Receive                                                |  Transmit\n"
     " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
     "fifo colls carrier compressed\n"
     "    lo:       0       0    0    0    0     0          0         0        0       0    0    0 "
     " "
     "  0     0       0          0\n"},
    {"dev_mcast", ""},
    {"icmp", kDatagramSockets},
    {"icmp6", kDatagram6Sockets},
    {"igmp", "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"},
    {"netlink",
     "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"},
    {"packet", "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"},
    {"protocols", ""},
    {"ptype", "Type Device      Function\n"},
    {"raw", kDatagramSockets},
    {"raw6", kDatagram6Sockets},
    {"route",
     "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT          "
     "                                             \n"},
    {"sockstat",
     "sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nUDP: inuse 0 mem 0\n"
     "UDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n"},
    {"sockstat6",
     "TCP6: inuse 0\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 0\n"
     "FRAG6: inuse 0 memory 0\n"},
    {"tcp", kInternetSockets},
    {"tcp6", kInternet6Sockets},
    {"udp", kDatagramSockets},
    {"udp6", kDatagram6Sockets},
    {"udplite", kDatagramSockets},
    {"udplite6", kDatagram6Sockets},
    {"unix", "Num       RefCount Protocol Flags    Type St Inode Path\n"},
    {"wireless",
     "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n"
     " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n"},
};

// Addresses and routes of the network namespace itself, in which nothing but the loopback is.
constexpr std::string_view kOwnFiles[] = {"fib_trie", "if_inet6", "ipv6_route"};

}  // namespace

ProcFile network_file(std::string_view name) {
  if (name.empty()) return proc_pass();
  if (std::find(std::begin(kOwnFiles), std::end(kOwnFiles), name) != std::end(kOwnFiles))
    return proc_pass();
  const auto* const found =
      std::find_if(std::begin(kNetworkFiles), std::end(kNetworkFiles),
                   [name](const NetworkFile& file) { return file.name == name; });
  if (found == std::end(kNetworkFiles)) return proc_missing();
  return proc_text(std::string(found->text));
}

}  // namespace tc::determinism
