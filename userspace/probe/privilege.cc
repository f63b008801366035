#include "probe/privilege.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "base/file.h"

namespace tc::probe {

const std::vector<Capability>& wanted_capabilities() {
  static const std::vector<Capability> kWanted = {
      {CAP_BPF, "CAP_BPF", "load eBPF programs"},
      {CAP_PERFMON, "CAP_PERFMON", "read kernel and process memory from them, set uprobes"},
      {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "read the mappings of other users' processes"},
      {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "read tracefs and files of other users"},
      {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "mount tracefs where it is not, symbols of deleted files"},
  };
  return kWanted;
}

bool has_capability(int number) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (syscall(SYS_capget, &header, data.data()) != 0) return false;
  const auto bit = static_cast<unsigned>(number);
  return (data[bit / 32].effective >> (bit % 32) & 1U) != 0;
}

std::string privilege_advice() {
  std::string missing;
  for (const Capability& capability : wanted_capabilities()) {
    if (capability.number != CAP_BPF && capability.number != CAP_PERFMON) continue;
    if (has_capability(capability.number)) continue;
    missing.append(missing.empty() ? "" : " and ").append(capability.name);
  }
  if (missing.empty()) return {};
  const auto program = base::read_link("/proc/self/exe");
  return fmt::format(
      "observing needs {}: run it with sudo, or grant them once with\n"
      "  sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search+ep {}",
      missing, program ? *program : "tc");
}

}  // namespace tc::probe
