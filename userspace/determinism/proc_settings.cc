// /proc/sys: settings of the kernel whose values come from the host's size, its administrator or
// its build, as they are on the machine that guests are told of. All others pass: they belong to
// the sandbox's namespaces, or have one default everywhere.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "determinism/machine.h"
#include "determinism/proc_parts.h"

namespace tc::determinism {
namespace {

struct Setting {
  std::string_view name;
  std::string_view text;
};
constexpr Setting kSettings[] = {
    {"fs/aio-max-nr", "65536\n"},
    {"fs/aio-nr", "0\n"},
    {"fs/dentry-state", "0\t0\t45\t0\t0\t0\n"},
    {"fs/epoll/max_user_watches", "1048576\n"},
    {"fs/file-max", "9223372036854775807\n"},
    {"fs/file-nr", "0\t0\t9223372036854775807\n"},
    {"fs/inode-nr", "0\t0\n"},
    {"fs/inode-state", "0\t0\t0\t0\t0\t0\t0\n"},
    {"fs/inotify/max_queued_events", "16384\n"},
    {"fs/inotify/max_user_instances", "128\n"},
    {"fs/inotify/max_user_watches", "65536\n"},
    {"fs/nr_open", "1048576\n"},
    {"fs/pipe-max-size", "1048576\n"},
    {"fs/pipe-user-pages-hard", "0\n"},
    {"fs/pipe-user-pages-soft", "16384\n"},
    {"kernel/cap_last_cap", "40\n"},
    {"kernel/core_pattern", "core\n"},
    {"kernel/core_uses_pid", "0\n"},
    {"kernel/dmesg_restrict", "1\n"},
    {"kernel/kptr_restrict", "1\n"},
    {"kernel/ns_last_pid", "0\n"},
    {"kernel/perf_event_paranoid", "4\n"},
    {"kernel/pid_max", "32768\n"},
    {"kernel/random/entropy_avail", "256\n"},
    {"kernel/random/poolsize", "256\n"},
    {"kernel/random/urandom_min_reseed_secs", "60\n"},
    {"kernel/random/write_wakeup_threshold", "256\n"},
    {"kernel/randomize_va_space", "0\n"},
    {"kernel/tainted", "0\n"},
    {"kernel/threads-max", "65536\n"},
    {"kernel/unprivileged_bpf_disabled", "2\n"},
    {"kernel/yama/ptrace_scope", "0\n"},
    {"net/core/netdev_max_backlog", "1000\n"},
    {"net/core/optmem_max", "131072\n"},
    {"net/core/rmem_default", "212992\n"},
    {"net/core/rmem_max", "212992\n"},
    {"net/core/somaxconn", "4096\n"},
    {"net/core/wmem_default", "212992\n"},
    {"net/core/wmem_max", "212992\n"},
    {"net/ipv4/tcp_mem", "96000\t128000\t192000\n"},
    {"net/ipv4/udp_mem", "192000\t256000\t384000\n"},
    {"vm/max_map_count", "65530\n"},
    {"vm/min_free_kbytes", "67584\n"},
    {"vm/mmap_min_addr", "65536\n"},
    {"vm/mmap_rnd_bits", "28\n"},
    {"vm/mmap_rnd_compat_bits", "8\n"},
    {"vm/nr_hugepages", "0\n"},
    {"vm/overcommit_memory", "0\n"},
    {"vm/overcommit_ratio", "50\n"},
    {"vm/swappiness", "60\n"},
};

// RFC 4122, version 4.
std::string uuid_text(Random& random) {
  const std::uint64_t first = (random.next() & ~0xf000ULL) | 0x4000U;
  const std::uint64_t second = (random.next() & ~(3ULL << 62U)) | 2ULL << 62U;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}\n", first >> 32U, first >> 16U & 0xffffU,
                     first & 0xffffU, second >> 48U, second & 0xffffffffffffU);
}

std::string boot_id_text(const World& world) {
  constexpr std::uint64_t kBoot = 0;  // no process's stream: they count from 1
  Random boot(world.settings.seed, kBoot);
  return uuid_text(boot);
}

}  // namespace

ProcFile kernel_setting(World& world, Tracee& guest, std::string_view name) {
  const auto line = [](const std::string& text) { return proc_text(text + "\n"); };
  if (name == "kernel/random/uuid") return proc_text(uuid_text(guest.process().random));
  if (name == "kernel/random/boot_id") return proc_text(boot_id_text(world));
  if (name == "kernel/hostname") return line(machine::host_name(world));
  if (name == "kernel/domainname") return line(machine::domain_name(world));
  if (name == "kernel/ostype") return line(machine::kSystem);
  if (name == "kernel/osrelease") return line(machine::kRelease);
  if (name == "kernel/version") return line(machine::kVersion);
  const auto* const found = std::find_if(std::begin(kSettings), std::end(kSettings),
                                         [name](const Setting& one) { return one.name == name; });
  if (found == std::end(kSettings)) return proc_pass();
  return proc_text(std::string(found->text));
}

}  // namespace tc::determinism
