// Files of /proc that tell of the whole machine: one processor of the model, memory that nobody
// uses, devices that are not there. What counts time comes from the virtual clock.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "determinism/machine.h"
#include "determinism/proc_parts.h"

namespace tc::determinism {
namespace {

std::string cpuinfo_text(const World& world) {
  return fmt::format(
      "processor\t: 0\n"
      "vendor_id\t: {}\n"
      "cpu family\t: {}\n"
      "model\t\t: {}\n"
      "model name\t: {}\n"
      "stepping\t: {}\n"
      "cpu MHz\t\t: 1000.000\n"
      "cache size\t: {} KB\n"
      "physical id\t: 0\n"
      "siblings\t: 1\n"
      "core id\t\t: 0\n"
      "cpu cores\t: 1\n"
      "apicid\t\t: 0\n"
      "initial apicid\t: 0\n"
      "fpu\t\t: yes\n"
      "fpu_exception\t: yes\n"
      "cpuid level\t: {}\n"
      "wp\t\t: yes\n"
      "flags\t\t: {}\n"
      "bugs\t\t:\n"
      "bogomips\t: 2000.00\n"
      "clflush size\t: 64\n"
      "cache_alignment\t: 64\n"
      "address sizes\t: 46 bits physical, 48 bits virtual\n"
      "power management:\n\n",
      CpuModel::kVendor, CpuModel::kFamily, CpuModel::kModel, CpuModel::kBrand, CpuModel::kStepping,
      CpuModel::kCacheKib, world.cpu.cpuid(0, 0).eax, world.cpu.feature_names());
}

struct MemoryRow {
  const char* name;
  std::uint64_t kib;
};
constexpr MemoryRow kMemoryRows[] = {
    {"MemTotal", machine::kTotalKib},
    {"MemFree", machine::kFreeKib},
    {"MemAvailable", machine::kAvailableKib},
    {"Buffers", machine::kBuffersKib},
    {"Cached", 1U << 20U},
    {"SwapCached", 0},
    {"Active", 512U << 10U},
    {"Inactive", 512U << 10U},
    {"Active(anon)", 64U << 10U},
    {"Inactive(anon)", 0},
    {"Active(file)", 448U << 10U},
    {"Inactive(file)", 512U << 10U},
    {"Unevictable", 0},
    {"Mlocked", 0},
    {"SwapTotal", 0},
    {"SwapFree", 0},
    {"Dirty", 0},
    {"Writeback", 0},
    {"AnonPages", 64U << 10U},
    {"Mapped", 64U << 10U},
    {"Shmem", machine::kSharedKib},
    {"KReclaimable", 64U << 10U},
    {"Slab", 128U << 10U},
    {"SReclaimable", 64U << 10U},
    {"SUnreclaim", 64U << 10U},
    {"KernelStack", 2048},
    {"PageTables", 4096},
    {"SecPageTables", 0},
    {"NFS_Unstable", 0},
    {"Bounce", 0},
    {"WritebackTmp", 0},
    {"CommitLimit", machine::kTotalKib / 2},
    {"Committed_AS", 256U << 10U},
    {"VmallocTotal", 34359738367},
    {"VmallocUsed", 8192},
    {"VmallocChunk", 0},
    {"Percpu", 512},
    {"HardwareCorrupted", 0},
    {"AnonHugePages", 0},
    {"ShmemHugePages", 0},
    {"ShmemPmdMapped", 0},
    {"FileHugePages", 0},
    {"FilePmdMapped", 0},
};

std::string meminfo_text() {
  std::string text;
  for (const MemoryRow& row : kMemoryRows)
    fmt::format_to(std::back_inserter(text), "{:<16}{:>8} kB\n", std::string(row.name) + ":",
                   row.kib);
  for (const char* count : {"Total", "Free", "Rsvd", "Surp"})
    fmt::format_to(std::back_inserter(text), "{:<16}{:>8}\n", fmt::format("HugePages_{}:", count),
                   0);
  text += "Hugepagesize:       2048 kB\nHugetlb:               0 kB\n";
  fmt::format_to(std::back_inserter(text), "{:<16}{:>8} kB\n", "DirectMap4k:", machine::kTotalKib);
  return text;
}

std::string stat_text(const World& world) {
  const std::int64_t busy = world.clock.busy_ns() / kProcTickNs;
  const std::int64_t idle = world.clock.monotonic_ns() / kProcTickNs - busy;
  const std::int64_t started_s = (world.clock.wall_ns() - world.clock.monotonic_ns()) / kSecondNs;
  const std::string times = fmt::format("{} 0 0 {} 0 0 0 0 0 0", busy, idle);
  return fmt::format(
      "cpu  {}\ncpu0 {}\nintr 0\nctxt 0\nbtime {}\nprocesses {}\nprocs_running 1\n"
      "procs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
      times, times, started_s, std::max<std::size_t>(world.processes.size(), 1));
}

std::string seconds_text(std::int64_t ns) {
  return fmt::format("{}.{:02}", ns / kSecondNs, ns % kSecondNs / kProcTickNs);
}

std::string uptime_text(const World& world) {
  const std::int64_t uptime_ns = world.clock.monotonic_ns();
  return fmt::format("{} {}\n", seconds_text(uptime_ns),
                     seconds_text(uptime_ns - world.clock.busy_ns()));
}

std::string loadavg_text(const World& world) {
  const pid_t last = world.processes.empty() ? 1 : world.processes.rbegin()->first;
  return fmt::format("0.00 0.00 0.00 1/{} {}\n", std::max<std::size_t>(world.processes.size(), 1),
                     last);
}

struct FixedFile {
  std::string_view name;
  std::string_view text;
};
constexpr FixedFile kFixedFiles[] = {
    {"buddyinfo",
     "Node 0, zone   Normal      0      0      0      0      0      0      0      0"
     "      0      0   1024 \n"},
    {"cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"},
    {"cmdline", "\n"},
    {"consoles", ""},
    {"crypto", ""},
    {"devices",
     "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n"
     "128 ptm\n136 pts\n\nBlock devices:\n"},
    {"diskstats", ""},
    {"dma", ""},
    {"execdomains", "0-0\tLinux           \t[kernel]\n"},
    {"fb", ""},
    {"filesystems",
     "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevpts\nnodev\tpipefs\nnodev\tsockfs\n"
     "nodev\toverlay\n\text4\n"},
    {"interrupts", "           CPU0       \n"},
    {"iomem", ""},
    {"ioports", ""},
    {"kallsyms", ""},
    {"locks", ""},
    {"mdstat", "Personalities : \nunused devices: <none>\n"},
    {"misc", ""},
    {"modules", ""},
    {"mtrr", ""},
    {"partitions", "major minor  #blocks  name\n\n"},
    {"pressure/cpu",
     "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
     "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
    {"pressure/io",
     "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
     "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
    {"pressure/memory",
     "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
     "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
    {"schedstat", "version 15\ntimestamp 0\ncpu0 0 0 0 0 0 0 0 0 0\n"},
    {"softirqs", "                    CPU0       \n"},
    {"swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"},
    {"sysvipc/msg",
     "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid"
     "  cuid  cgid      stime      rtime      ctime\n"},
    {"sysvipc/sem",
     "       key      semid perms      nsems   uid   gid  cuid  cgid      otime"
     "      ctime\n"},
    {"sysvipc/shm",
     "       key      shmid perms                  size  cpid  lpid nattch   uid"
     "   gid  cuid  cgid      atime      dtime      ctime                   rss"
     "                  swap\n"},
    {"tty/drivers",
     "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
     "/dev/console         /dev/console    5       1 system:console\n"
     "/dev/ptmx            /dev/ptmx       5       2 system\n"
     "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
     "pty_master           /dev/ptm      128 0-1048575 pty:master\n"},
    {"tty/ldiscs", "n_tty       0\n"},
    {"vmstat",
     "nr_free_pages 1572864\nnr_zone_active_file 0\npgpgin 0\npgpgout 0\npswpin 0\n"
     "pswpout 0\npgfault 0\npgmajfault 0\noom_kill 0\n"},
    {"zoneinfo",
     "Node 0, zone   Normal\n  pages free     1572864\n        min      16384\n"
     "        low      20480\n        high     24576\n        spanned  2097152\n"
     "        present  2097152\n        managed  2097152\n"},
};

}  // namespace

std::optional<std::string> machine_file(const World& world, std::string_view name) {
  if (name == "cpuinfo") return cpuinfo_text(world);
  if (name == "meminfo") return meminfo_text();
  if (name == "stat") return stat_text(world);
  if (name == "uptime") return uptime_text(world);
  if (name == "loadavg") return loadavg_text(world);
  if (name == "version")
    return fmt::format("{} version {} (testchamber) {}\n", machine::kSystem, machine::kRelease,
                       machine::kVersion);
  const auto* const found =
      std::find_if(std::begin(kFixedFiles), std::end(kFixedFiles),
                   [name](const FixedFile& file) { return file.name == name; });
  if (found == std::end(kFixedFiles)) return std::nullopt;
  return std::string(found->text);
}

}  // namespace tc::determinism
