#include "probe/features.h"

#include <asm/prctl.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include "base/file.h"
#include "probe/btf.h"
#include "probe/privilege.h"
#include "probe/tracefs.h"

namespace tc::probe {
namespace {

Feature kernel_release() {
  utsname host{};
  uname(&host);
  return {"kernel", Verdict::kOk, fmt::format("{} {}", host.release, host.machine), ""};
}

std::vector<Feature> type_information() {
  const OwnedBtf types(btf__parse("/sys/kernel/btf/vmlinux", nullptr));
  if (!types)
    return {{"BTF", Verdict::kMissing,
             "the kernel gives no type information: nothing can be observed",
             "boot a kernel with CONFIG_DEBUG_INFO_BTF=y, or give tc observe --btf FILE"}};
  const auto has = [&](const char* name, unsigned kind) {
    return btf__find_by_name_kind(types.get(), name, kind) > 0;
  };
  std::vector<Feature> features = {{"BTF", Verdict::kOk, "/sys/kernel/btf/vmlinux", ""}};
  if (has("bpf_uprobe_multi_link", BTF_KIND_STRUCT))
    features.push_back({"multi-uprobes", Verdict::kOk, "thousands of functions in one step", ""});
  else
    features.push_back({"multi-uprobes", Verdict::kWeak,
                        "functions are probed one by one; hundreds take seconds to remove",
                        "Linux 6.6 or later"});
  if (has("bpf_iter_task_vma_new", BTF_KIND_FUNC))
    features.push_back({"mappings at exec", Verdict::kOk, "symbols of the shortest process", ""});
  else
    features.push_back({"mappings at exec", Verdict::kWeak,
                        "read from /proc: processes that end at once may stay without symbols",
                        "Linux 6.7 or later"});
  return features;
}

std::vector<Feature> capabilities() {
  std::vector<Feature> features;
  for (const Capability& wanted : wanted_capabilities()) {
    const bool held = has_capability(wanted.number);
    const bool essential = std::string_view(wanted.name) == "CAP_BPF" ||
                           std::string_view(wanted.name) == "CAP_PERFMON";
    features.push_back({wanted.name,
                        held        ? Verdict::kOk
                        : essential ? Verdict::kMissing
                                    : Verdict::kWeak,
                        std::string(held ? "may " : "may not ") + wanted.purpose,
                        held ? "" : "run tc with sudo"});
  }
  return features;
}

Feature tracefs() {
  const Result<Tracefs> found = Tracefs::open();
  if (found) return {"tracefs", Verdict::kOk, found->where(), ""};
  return {"tracefs", Verdict::kWeak,
          found.error().text() +
              "; system calls are seen through the raw tracepoint, which slows "
              "every call of the host by some 40 ns",
          "sudo mount -t tracefs tracefs /sys/kernel/tracing"};
}

Feature lockdown() {
  const Result<std::string> text = base::read_file("/sys/kernel/security/lockdown");
  if (!text || text->find("[confidentiality]") == std::string::npos)
    return {"lockdown", Verdict::kOk, text ? "allows reading memory" : "not in force", ""};
  return {"lockdown", Verdict::kMissing, "confidentiality mode: eBPF may not read memory",
          "boot with lockdown=integrity"};
}

Feature cgroups() {
  struct statfs system {};
  if (statfs("/sys/fs/cgroup", &system) != 0)
    return {"cgroups", Verdict::kWeak, "/sys/fs/cgroup is not mounted: no --cgroup, no --container",
            "sudo mount -t cgroup2 none /sys/fs/cgroup"};
  if (system.f_type == CGROUP2_SUPER_MAGIC) return {"cgroups", Verdict::kOk, "version 2", ""};
  const bool hybrid = access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0;
  return {"cgroups", Verdict::kOk, hybrid ? "hybrid: version 1 and 2" : "version 1", ""};
}

// Runs `attempt` in a child, which may change itself in ways that cannot be undone.
template <class Attempt>
bool child_can(Attempt&& attempt) {
  const pid_t pid = fork();
  if (pid < 0) return false;
  if (pid == 0) _exit(attempt() ? 0 : 1);
  int status = 0;
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::vector<Feature> determinism() {
  std::vector<Feature> features;
  const bool namespaces =
      child_can([] { return unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) == 0; });
  features.push_back({"user namespaces", namespaces ? Verdict::kOk : Verdict::kWeak,
                      namespaces ? "may be made" : "may not be made by this user",
                      namespaces ? "" : "sudo sysctl kernel.unprivileged_userns_clone=1"});
  const bool cpuid = child_can([] { return syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0) == 0; });
  features.push_back(
      {"CPUID faulting", cpuid ? Verdict::kOk : Verdict::kWeak,
       cpuid ? "the processor can be given a fixed identity" : "programs see the real processor",
       ""});
  const bool tsc = child_can([] { return prctl(PR_SET_TSC, PR_TSC_SIGSEGV) == 0; });
  features.push_back({"TSC trap", tsc ? Verdict::kOk : Verdict::kWeak,
                      tsc ? "the cycle counter can be virtual" : "programs see the real counter",
                      ""});
  return features;
}

}  // namespace

std::vector<Feature> host_features() {
  std::vector<Feature> features = {kernel_release()};
  const auto append = [&](std::vector<Feature> more) {
    features.insert(features.end(), more.begin(), more.end());
  };
  append(type_information());
  append(capabilities());
  append({tracefs(), lockdown(), cgroups()});
  append(determinism());
  return features;
}

}  // namespace tc::probe
