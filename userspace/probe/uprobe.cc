#include "probe/uprobe.h"

#include <bpf/bpf.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/file.h"
#include "base/number.h"

namespace tc::probe {
namespace {

// The members of union bpf_attr for BPF_LINK_CREATE with BPF_TRACE_UPROBE_MULTI, as Linux 6.6
// defines them; bookworm's header ends before.
struct UprobeMultiAttr {
  std::uint32_t prog_fd;
  std::uint32_t target_fd;
  std::uint32_t attach_type;
  std::uint32_t flags;
  std::uint64_t path;
  std::uint64_t offsets;
  std::uint64_t ref_ctr_offsets;
  std::uint64_t cookies;
  std::uint32_t count;
  std::uint32_t probe_flags;
  std::uint32_t pid;
  std::uint32_t reserved;
};
constexpr std::uint32_t kReturnFlag = 1;

Result<UniqueFd> attach_multi(int program, const std::string& path,
                              std::span<const UprobeSite> sites, bool at_return) {
  std::vector<std::uint64_t> offsets;
  std::vector<std::uint64_t> cookies;
  for (const UprobeSite& site : sites) {
    offsets.push_back(site.offset);
    cookies.push_back(site.cookie);
  }
  UprobeMultiAttr attr{};
  attr.prog_fd = static_cast<std::uint32_t>(program);
  attr.attach_type = kTraceUprobeMulti;
  attr.path = reinterpret_cast<std::uint64_t>(path.c_str());
  attr.offsets = reinterpret_cast<std::uint64_t>(offsets.data());
  attr.cookies = reinterpret_cast<std::uint64_t>(cookies.data());
  attr.count = static_cast<std::uint32_t>(sites.size());
  attr.probe_flags = at_return ? kReturnFlag : 0;
  UniqueFd link(static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr))));
  if (!link) return system_error(errno, "attach uprobes");
  return link;
}

Result<std::uint32_t> uprobe_event_type() {
  TC_TRY(std::string text, base::read_file("/sys/bus/event_source/devices/uprobe/type"));
  while (text.ends_with('\n')) text.pop_back();
  const auto type = base::parse_unsigned<std::uint32_t>(text);
  if (!type) return error("/sys/bus/event_source/devices/uprobe/type: not a number: {}", text);
  return *type;
}

Result<void> attach_single(int program, const std::string& path, const UprobeSite& site,
                           bool at_return, std::vector<UniqueFd>& links) {
  TC_TRY(const std::uint32_t type, uprobe_event_type());
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = type;
  attr.config = at_return ? 1 : 0;
  attr.config1 = reinterpret_cast<std::uint64_t>(path.c_str());
  attr.config2 = site.offset;
  UniqueFd event(
      static_cast<int>(syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!event) return system_error(errno, "open uprobe event");
  bpf_link_create_opts options{};
  options.sz = sizeof(options);
  options.perf_event.bpf_cookie = site.cookie;
  UniqueFd link(bpf_link_create(program, event.get(), BPF_PERF_EVENT, &options));
  if (!link) return system_error(errno, "attach uprobe");
  links.push_back(std::move(link));
  links.push_back(std::move(event));
  return {};
}

}  // namespace

Result<std::vector<UniqueFd>> attach_uprobe_links(int program, int file,
                                                  std::span<const UprobeSite> sites, bool at_return,
                                                  bool multi) {
  // The kernel looks the path up in tc's own view; the descriptor holds the very inode, also one
  // in another mount namespace or without a name.
  const std::string path = fmt::format("/proc/self/fd/{}", file);
  std::vector<UniqueFd> links;
  if (multi) {
    TC_TRY(UniqueFd link, attach_multi(program, path, sites, at_return));
    links.push_back(std::move(link));
    return links;
  }
  for (const UprobeSite& site : sites)
    TC_CHECK(attach_single(program, path, site, at_return, links));
  return links;
}

}  // namespace tc::probe
