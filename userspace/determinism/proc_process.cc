// Files of one process or thread under /proc: which are the kernel's own, which one text for all,
// and which are rewritten from what the host says.
#include <elf.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include "base/file.h"
#include "determinism/cpu_time.h"
#include "determinism/proc_parts.h"
#include "determinism/program_stack.h"

namespace tc::determinism {
namespace {

// Contents that are a function of what the process did; links and directories.
constexpr std::string_view kOwnNames[] = {
    "",           "arch_status", "attr",      "children",
    "clear_refs", "cmdline",     "comm",      "coredump_filter",
    "cwd",        "environ",     "exe",       "fd",
    "fdinfo",     "limits",      "map_files", "mem",
    "net",        "ns",          "root",      "task",
};

struct ProcessText {
  std::string_view name;
  std::string_view text;
};
constexpr std::string_view kIdentityMap = "         0          0 4294967295\n";
constexpr ProcessText kProcessTexts[] = {
    {"autogroup", "/autogroup-1 nice 0\n"},
    {"cgroup", "0::/\n"},
    {"cpuset", "/\n"},
    {"gid_map", kIdentityMap},
    {"io",
     "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n"
     "cancelled_write_bytes: 0\n"},
    {"loginuid", "4294967295"},
    {"mountinfo",
     "1 1 0:1 / / rw,relatime - ext4 /dev/root rw\n"
     "2 1 0:2 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
     "3 1 0:3 / /sys rw,nosuid,nodev,noexec,relatime - sysfs sysfs rw\n"
     "4 1 0:4 / /dev rw,nosuid - tmpfs tmpfs rw\n"
     "5 4 0:5 / /dev/pts rw,nosuid,noexec - devpts devpts rw\n"
     "6 4 0:6 / /dev/shm rw,nosuid,nodev - tmpfs tmpfs rw\n"
     "7 1 0:7 / /tmp rw,nosuid,nodev - tmpfs tmpfs rw\n"},
    {"mounts",
     "/dev/root / ext4 rw,relatime 0 0\n"
     "proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n"
     "sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0\n"
     "tmpfs /dev tmpfs rw,nosuid 0 0\n"
     "devpts /dev/pts devpts rw,nosuid,noexec 0 0\n"
     "tmpfs /dev/shm tmpfs rw,nosuid,nodev 0 0\n"
     "tmpfs /tmp tmpfs rw,nosuid,nodev 0 0\n"},
    {"mountstats",
     "device /dev/root mounted on / with fstype ext4\n"
     "device proc mounted on /proc with fstype proc\n"
     "device sysfs mounted on /sys with fstype sysfs\n"
     "device tmpfs mounted on /dev with fstype tmpfs\n"
     "device devpts mounted on /dev/pts with fstype devpts\n"
     "device tmpfs mounted on /dev/shm with fstype tmpfs\n"
     "device tmpfs mounted on /tmp with fstype tmpfs\n"},
    {"oom_adj", "0\n"},
    {"oom_score", "0\n"},
    {"oom_score_adj", "0\n"},
    {"personality", "00000000\n"},
    {"projid_map", kIdentityMap},
    {"schedstat", "0 0 0\n"},
    {"sessionid", "4294967295"},
    {"setgroups", "allow\n"},
    {"stack", ""},
    {"statm", "4096 4096 1024 1 0 2048 0\n"},
    {"syscall", "running\n"},
    {"timens_offsets", "monotonic           0         0\nboottime            0         0\n"},
    {"timerslack_ns", "50000\n"},
    {"uid_map", kIdentityMap},
    {"wchan", "0"},
};

// The directory of the subject in the guests' own /proc, where numbers are those that they see.
std::string directory_of(Tracee& guest, const ProcSubject& subject) {
  std::string directory = fmt::format("{}/proc/{}", guest.proc_name("root"), subject.pid);
  if (subject.tid) directory += fmt::format("/task/{}", *subject.tid);
  return directory;
}

// The sandbox's own first process, which is no guest's.
bool is_own_init(const World& world, const ProcSubject& subject) {
  const auto found = world.processes.find(subject.pid);
  return found != world.processes.end() && found->second->name == kInitName;
}

ProcessView view_of(World& world, Tracee& guest, const ProcSubject& subject) {
  ProcessView view{.started_ns = VirtualClock::kUptimeNs, .launch_nice = world.launch_nice};
  view.is_init = is_own_init(world, subject);
  const bool is_own = subject.pid == guest.process().pid;
  view.is_running = is_own && subject.tid.value_or(guest.process().pid) == guest.own_tid();
  const auto found = world.processes.find(subject.pid);
  const Process* const process = is_own                           ? &guest.process()
                                 : found != world.processes.end() ? found->second
                                                                  : nullptr;
  if (process == nullptr) return view;
  view.started_ns = process->started_ns;
  view.cpu_ns = cpu_time_ns(world, *process);
  return view;
}

std::string rewrite_auxv(const World& world, const std::string& host) {
  std::vector<AuxiliaryEntry> entries(host.size() / sizeof(AuxiliaryEntry));
  const std::size_t size = entries.size() * sizeof(AuxiliaryEntry);
  std::memcpy(entries.data(), host.data(), size);
  rewrite_auxiliary_vector(entries, world.cpu);
  std::string text(size, '\0');
  std::memcpy(text.data(), entries.data(), size);
  return text;
}

// The path of the guest's root as we see it; empty when it is our own.
std::string root_of(Tracee& guest) {
  auto root = guest.link("root");
  return root && *root != "/" ? *root : std::string();
}

ProcFile descriptor_info(World& world, const std::string& directory, std::string_view number) {
  const auto host = base::read_file(fmt::format("{}/fdinfo/{}", directory, number));
  struct stat status {};
  const std::string descriptor = fmt::format("{}/fd/{}", directory, number);
  if (!host || ::stat(descriptor.c_str(), &status) != 0) return proc_pass();
  const std::uint64_t inode =
      world.inodes.number({.device = status.st_dev, .inode = status.st_ino});
  return proc_text(rewrite_descriptor_info(*host, inode));
}

ProcFile init_file(std::string_view name) {
  if (name == "comm") return proc_text("init\n");
  if (name == "cmdline") return proc_text(std::string("init\0", 5));
  if (name == "environ" || name == "maps" || name == "smaps" || name == "auxv")
    return proc_text("");
  return proc_missing();
}

bool is_rewritten(std::string_view name) {
  return name == "stat" || name == "status" || name == "maps" || name == "smaps" ||
         name == "smaps_rollup" || name == "auxv";
}

ProcFile rewritten_file(World& world, Tracee& guest, const ProcSubject& subject,
                        std::string_view name) {
  const auto host = base::read_file(fmt::format("{}/{}", directory_of(guest, subject), name));
  if (!host) return proc_pass();  // the guest may hear from the kernel why
  if (name == "stat") return proc_text(rewrite_stat(*host, view_of(world, guest, subject)));
  if (name == "status") return proc_text(rewrite_status(*host, view_of(world, guest, subject)));
  if (name == "auxv") return proc_text(rewrite_auxv(world, *host));
  if (name == "maps") return proc_text(rewrite_maps(world, *host, root_of(guest)));
  return proc_text(rewrite_smaps(world, *host, root_of(guest)));
}

}  // namespace

ProcFile process_file(World& world, Tracee& guest, const ProcSubject& subject,
                      std::string_view name) {
  if (is_own_init(world, subject)) {
    ProcFile file = init_file(name);
    if (file.kind != ProcFile::Kind::kMissing) return file;
  }
  if (is_rewritten(name)) return rewritten_file(world, guest, subject, name);
  const std::string_view first = name.substr(0, name.find('/'));
  const std::string_view rest = first == name ? std::string_view() : name.substr(first.size() + 1);
  if (first == "fdinfo" && !rest.empty())
    return descriptor_info(world, directory_of(guest, subject), rest);
  if (first == "net") return network_file(rest);
  if (first == "attr") return rest.empty() ? proc_pass() : proc_missing();
  if (std::find(std::begin(kOwnNames), std::end(kOwnNames), first) != std::end(kOwnNames))
    return proc_pass();
  const auto* const found =
      std::find_if(std::begin(kProcessTexts), std::end(kProcessTexts),
                   [name](const ProcessText& one) { return one.name == name; });
  if (found == std::end(kProcessTexts)) return proc_missing();
  return proc_text(std::string(found->text));
}

}  // namespace tc::determinism
