#include "determinism/epoll_members.h"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/number.h"

namespace tc::determinism {
namespace {

constexpr int kHexadecimal = 16;

// The number behind `label` in a line of "tfd: 5 events: 19 data: 5  pos:0 ino:2f1 sdev:f".
std::optional<std::uint64_t> number_behind(std::string_view line, std::string_view label,
                                           int radix) {
  std::size_t at = line.find(label);
  if (at == std::string_view::npos) return std::nullopt;
  at = line.find_first_not_of(' ', at + label.size());
  if (at == std::string_view::npos) return std::nullopt;
  line.remove_prefix(at);
  return base::parse_unsigned(line.substr(0, line.find(' ')), radix);
}

// As stat(2) has it; the kernel's own form is MKDEV's (include/linux/kdev_t.h).
std::uint64_t device_of(std::uint64_t kernel_device) {
  constexpr unsigned kMinorBits = 20;
  return makedev(static_cast<unsigned>(kernel_device >> kMinorBits),
                 static_cast<unsigned>(kernel_device & ((1U << kMinorBits) - 1)));
}

}  // namespace

std::vector<EpollMember> epoll_members(Tracee& guest, int epoll) {
  const auto text = base::read_file(guest.proc_name(fmt::format("fdinfo/{}", epoll)));
  std::vector<EpollMember> members;
  if (!text) return members;
  for (std::size_t at = text->find("tfd:"); at != std::string::npos; at = text->find("tfd:", at)) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    const std::string_view line = std::string_view(*text).substr(at, end - at);
    at = end;
    const auto fd = number_behind(line, "tfd:", 10);
    const auto events = number_behind(line, "events:", kHexadecimal);
    const auto inode = number_behind(line, "ino:", kHexadecimal);
    const auto device = number_behind(line, "sdev:", kHexadecimal);
    if (!fd || !events || !inode || !device) continue;
    members.push_back({.fd = static_cast<int>(*fd),
                       .events = static_cast<std::uint32_t>(*events),
                       .file = {.device = device_of(*device), .inode = *inode}});
  }
  return members;
}

}  // namespace tc::determinism
