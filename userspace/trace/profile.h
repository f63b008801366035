// The normalisation profile: what a log tells by identity instead of by number, so that the same
// behaviour gives the same bytes. Logs are comparable when their profiles are equal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tc::trace {

enum class AddressTable {
  kModule,      // "libc.so.6+0x2a1f0", "heap+0x0", "anon#2+0x10", "stack"
  kSequential,  // "addr#1", "addr#2": in order of appearance in the process
  kPerCall,     // the same, starting over with each call
  kRaw,         // "0x7f…"
};

// The ports that the kernel gives out by itself (net.ipv4.ip_local_port_range).
struct PortRange {
  std::uint16_t first = 32768;
  std::uint16_t last = 60999;
};

struct Profile {
  AddressTable addresses = AddressTable::kModule;
  bool pids = true;         // creation path: "p1.2", its first thread "p1.2/1"
  bool descriptors = true;  // what is open behind them: "/etc/passwd", "pipe#1:r"
  bool data = true;         // of buffers that are not text the length only
  bool times = true;        // "time", "timeout"
  bool inodes = true;       // "inode", "dev#1"
  bool names = true;        // temporary names "tmp#1", "$CWD", own pids within names
  bool ports = true;        // "ephemeral"
  bool random = true;       // "random"
  bool entries = true;      // directories sorted by name
  bool state = true;        // "volatile": free blocks, load, contents of /proc

  // Nothing is normalised, times and pids are told.
  static Profile raw();
  // "addresses=module descriptors entries … times": the switches that are on, sorted. Stands in
  // stream_start; equal texts, comparable logs.
  std::string text() const;
  // Applies one word of --normalise: "none", "all", "pids", "!pids".
  Result<void> apply(std::string_view word);

  bool operator==(const Profile&) const = default;
};

}  // namespace tc::trace
