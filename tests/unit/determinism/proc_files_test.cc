#include "determinism/proc_files.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "determinism/proc_parts.h"
#include "determinism/sys_tree.h"
#include "support/fake_tracee.h"
#include "support/scratch_directory.h"

namespace tc::determinism {
namespace {

using Kind = ProcFile::Kind;

constexpr const char* kStat =
    "2 (a) b ( c) t 1 2 2 34816 2 1077936384 94 0 5 0 3 4 0 0 20 0 1 0 5533123 2703360 388 "
    "18446744073709551615 93824992235520 93824992255241 140737488347648 140737488340000 "
    "140737351929364 0 65536 4096 81920 1 0 0 17 1 0 0 7 0 0 93824992269584 93824992271280 "
    "93824992272384 140737488348500 140737488348504 140737488348504 140737488351211 0\n";

class ProcFiles : public testing::Test {
 protected:
  ProcFiles() {
    guest.set_proc(scratch.path());
    guest.set_link("root", "/");
    guest.process().started_ns = world.clock.monotonic_ns();
  }
  // What the host's file of process 2 says.
  void host_says(const std::string& name, const std::string& text, pid_t pid = 2) {
    const std::filesystem::path file =
        scratch.path() + "/root/proc/" + std::to_string(pid) + "/" + name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  ProcFile file(const std::string& path) { return proc_file(world, guest, path); }
  std::string text(const std::string& path) {
    const ProcFile answer = file(path);
    EXPECT_EQ(answer.kind, Kind::kText) << path;
    return answer.text;
  }

  test::ScratchDirectory scratch;
  World world{Settings{}};
  test::FakeTracee guest{2};
};

TEST_F(ProcFiles, KnowsWhatIsTheMachines) {
  EXPECT_NE(text("/proc/cpuinfo").find("\nflags\t\t: fpu vme"), std::string::npos);
  EXPECT_NE(text("/proc/cpuinfo").find("\ncpu cores\t: 1\n"), std::string::npos);
  EXPECT_TRUE(text("/proc/meminfo").starts_with("MemTotal:        8388608 kB\n"));
  EXPECT_EQ(text("/proc/uptime"), "100.00 100.00\n");
  EXPECT_TRUE(text("/proc/stat").starts_with("cpu  0 0 0 10000 "));
  EXPECT_NE(text("/proc/stat").find("\nbtime 1735689500\n"), std::string::npos);
  EXPECT_EQ(text("/proc/loadavg"), "0.00 0.00 0.00 1/1 1\n");
  EXPECT_EQ(text("/proc/sys/kernel/hostname"), "testchamber\n");
  EXPECT_EQ(file("/proc/sys/net/ipv4/ip_forward").kind, Kind::kPass);
  EXPECT_EQ(file("/proc/kcore").kind, Kind::kMissing);
  EXPECT_EQ(file("/proc/slabinfo").kind, Kind::kMissing);
  EXPECT_EQ(file("/proc").kind, Kind::kPass);
}

TEST_F(ProcFiles, PassesAllWhenTheUserWantsTheRealOnes) {
  World real{Settings{.real_proc = true}};
  EXPECT_EQ(proc_file(real, guest, "/proc/cpuinfo").kind, Kind::kPass);
}

TEST_F(ProcFiles, DrawsUuidsFromTheProcess) {
  const std::string first = text("/proc/sys/kernel/random/uuid");
  const std::string second = text("/proc/sys/kernel/random/uuid");
  EXPECT_NE(first, second);
  EXPECT_EQ(first.size(), 37U);
  EXPECT_EQ(first[14], '4');
  EXPECT_NE(std::string("89ab").find(first[19]), std::string::npos);
  EXPECT_EQ(text("/proc/sys/kernel/random/boot_id"), text("/proc/sys/kernel/random/boot_id"));
}

TEST_F(ProcFiles, HasALoopbackAndNoSockets) {
  EXPECT_NE(text("/proc/net/dev").find("\n    lo:"), std::string::npos);
  EXPECT_EQ(text("/proc/self/net/unix"), text("/proc/net/unix"));
  EXPECT_EQ(file("/proc/net/if_inet6").kind, Kind::kPass);
  EXPECT_EQ(file("/proc/net/nf_conntrack").kind, Kind::kMissing);
}

TEST_F(ProcFiles, TakesWhatDiffersOutOfStat) {
  host_says("stat", kStat);
  world.clock.advance(2 * kSecondNs);
  EXPECT_EQ(text("/proc/self/stat"),
            "2 (a) b ( c) R 1 2 2 0 -1 4194304 0 0 0 0 200 0 0 0 20 0 1 0 10000 16777216 4096 "
            "18446744073709551615 93824992235520 93824992255241 140737488347648 0 0 0 65536 4096 "
            "81920 0 0 0 17 0 0 0 0 0 0 93824992269584 93824992271280 93824992272384 "
            "140737488348500 140737488348504 140737488348504 140737488351211 0\n");
}

TEST_F(ProcFiles, TellsOthersAsWaiting) {
  host_says("stat", kStat, 3);
  Process other;
  other.started_ns = world.clock.monotonic_ns() + kSecondNs;
  world.processes[3] = &other;
  const std::string stat = text("/proc/3/stat");
  EXPECT_NE(stat.find(") S 1 "), std::string::npos);
  EXPECT_NE(stat.find(" 0 10100 16777216 "), std::string::npos);
  // One that is not there is the kernel's to tell of.
  EXPECT_EQ(file("/proc/4/stat").kind, Kind::kPass);
}

TEST_F(ProcFiles, HidesTheSandboxsOwnInit) {
  host_says("stat", kStat, 1);
  Process init;
  init.name = kInitName;
  world.processes[1] = &init;
  EXPECT_EQ(text("/proc/1/comm"), "init\n");
  EXPECT_EQ(text("/proc/1/cmdline"), std::string("init\0", 5));
  EXPECT_EQ(text("/proc/1/environ"), "");
  EXPECT_TRUE(text("/proc/1/stat").starts_with("2 (init) S "));
}

TEST_F(ProcFiles, TakesWhatDiffersOutOfStatus) {
  host_says("status",
            "Name:\tcat\nUmask:\t0022\nState:\tt (tracing stop)\nTgid:\t2\nPid:\t2\nPPid:\t1\n"
            "TracerPid:\t4711\nGroups:\t0 65534 65534 \nVmPeak:\t    2640 kB\nThreads:\t1\n"
            "SigQ:\t7/3333\nSeccomp:\t2\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n"
            "voluntary_ctxt_switches:\t31\nx86_Thread_features:\t\n");
  EXPECT_EQ(text("/proc/self/status"),
            "Name:\tcat\nUmask:\t0022\nState:\tR (running)\nTgid:\t2\nPid:\t2\nPPid:\t1\n"
            "TracerPid:\t0\nGroups:\t0 \nVmPeak:\t   16384 kB\nThreads:\t1\nSigQ:\t0/32768\n"
            "Seccomp:\t0\nCpus_allowed:\t1\nCpus_allowed_list:\t0\nvoluntary_ctxt_switches:\t0\n");
  EXPECT_EQ(text("/proc/2/status"), text("/proc/self/status"));
}

constexpr const char* kMaps =
    "555555554000-555555556000 r--p 00000000 fe:00 133                        /usr/bin/cat\n"
    "555555556000-55555555b000 r-xp 00002000 fe:00 133                        /usr/bin/cat\n"
    "55555555f000-555555580000 rw-p 00000000 00:00 0                          [heap]\n"
    "7ffff7d00000-7ffff7d22000 rw-p 00000000 00:00 0 \n"
    "7ffff7fc4000-7ffff7fc8000 r--p 00000000 00:00 0                          [vvar]\n"
    "7ffff7fc8000-7ffff7fca000 r-xp 00000000 00:00 0                          [vdso]\n";

TEST_F(ProcFiles, TellsMappingsWithVirtualInodes) {
  host_says("maps", kMaps);
  EXPECT_EQ(
      text("/proc/self/maps"),
      "555555554000-555555556000 r--p 00000000 00:01 1                          /usr/bin/cat\n"
      "555555556000-55555555b000 r-xp 00002000 00:01 1                          /usr/bin/cat\n"
      "55555555f000-555555580000 rw-p 00000000 00:00 0                          [heap]\n"
      "7ffff7d00000-7ffff7d22000 rw-p 00000000 00:00 0 \n");
}

TEST_F(ProcFiles, TellsNamesAsTheGuestSeesThem) {
  guest.set_link("root", "/usr");
  host_says("maps", kMaps);
  EXPECT_NE(text("/proc/self/maps").find(" /bin/cat\n"), std::string::npos);
}

TEST_F(ProcFiles, TellsNoMemoryInUse) {
  host_says("smaps",
            "7ffff7d00000-7ffff7d22000 rw-p 00000000 00:00 0 \n"
            "Size:                136 kB\nRss:                  12 kB\nTHPeligible:           1\n"
            "ProtectionKey:         0\nVmFlags: rd wr mr mw me ac sd \n"
            "7ffff7fc4000-7ffff7fc8000 r--p 00000000 00:00 0                          [vvar]\n"
            "Size:                 16 kB\n");
  EXPECT_EQ(text("/proc/self/smaps"),
            "7ffff7d00000-7ffff7d22000 rw-p 00000000 00:00 0 \n"
            "Size:                136 kB\nRss:                   0 kB\nTHPeligible:           0\n"
            "VmFlags: rd wr mr mw me ac sd \n");
}

TEST_F(ProcFiles, TellsDescriptorsWithVirtualInodes) {
  host_says("fdinfo/5",
            "pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t1057\n"
            "tfd:        6 events:       19 data:                6  pos:0 ino:421 sdev:f\n");
  host_says("fd/5", "");
  EXPECT_EQ(text("/proc/self/fdinfo/5"),
            "pos:\t0\nflags:\t02000002\nmnt_id:\t1\nino:\t1\n"
            "tfd:        6 events:       19 data:                6  pos:0\n");
}

TEST_F(ProcFiles, TellsTheRewrittenAuxiliaryVector) {
  const std::uint64_t words[] = {AT_SYSINFO_EHDR, 0x7ffff7fc8000, AT_HWCAP, 1, AT_NULL, 0};
  host_says("auxv", std::string(reinterpret_cast<const char*>(words), sizeof(words)));
  const std::string told = text("/proc/self/auxv");
  ASSERT_EQ(told.size(), sizeof(words));
  std::uint64_t seen[6];
  std::memcpy(seen, told.data(), sizeof(seen));
  EXPECT_EQ(seen[0], std::uint64_t{AT_IGNORE});
  EXPECT_EQ(seen[3], world.cpu.hwcap());
}

TEST_F(ProcFiles, PassesWhatTheProcessItselfDid) {
  for (const char* name : {"cmdline", "environ", "comm", "fd/3", "exe", "limits", "ns/pid", "task",
                           "task/2/comm", "task/2/children"})
    EXPECT_EQ(file(std::string("/proc/self/") + name).kind, Kind::kPass) << name;
  EXPECT_EQ(text("/proc/thread-self/wchan"), "0");
  EXPECT_EQ(text("/proc/2/task/2/oom_score"), "0\n");
  EXPECT_EQ(text("/proc/mounts"), text("/proc/self/mounts"));
  EXPECT_EQ(file("/proc/self/pagemap").kind, Kind::kMissing);
}

TEST_F(ProcFiles, SurvivesTextsThatAreNone) {
  host_says("stat", "nonsense");
  host_says("status", "\n\n:\t\nState:\t");
  host_says("maps", "-\n\n x y z\n1-2 r 0 0:0\n");
  host_says("smaps", "Rss\n:\n");
  EXPECT_EQ(text("/proc/self/stat"), "nonsense");
  EXPECT_EQ(text("/proc/self/status"), "State:\tR (running)\n");
  EXPECT_EQ(text("/proc/self/maps"), "");
  EXPECT_EQ(text("/proc/self/smaps"), "");
}

TEST_F(ProcFiles, HasTheFilesOfSys) {
  EXPECT_EQ(text("/sys/devices/system/cpu/online"), "0\n");
  EXPECT_EQ(file("/sys/fs/cgroup").kind, Kind::kPass);
  EXPECT_EQ(file("/sys/class/dmi/id/product_uuid").kind, Kind::kPass);  // not there
}

TEST(SysTree, HasEachPathOnceAndNoFileWithinAFile) {
  std::set<std::string_view> paths;
  for (const SysFile& file : sys_files()) EXPECT_TRUE(paths.insert(file.path).second) << file.path;
  for (const SysFile& file : sys_files())
    for (std::size_t end = file.path.rfind('/'); end > 0; end = file.path.rfind('/', end - 1))
      EXPECT_FALSE(paths.contains(file.path.substr(0, end))) << file.path;
}

}  // namespace
}  // namespace tc::determinism
