#include "probe/cgroup.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>

#include "base/file.h"
#include "probe/btf.h"
#include "tc/config.h"

namespace tc::probe {
namespace {

// The value of NAME_cgrp_id in the running kernel's enum cgroup_subsys_id.
std::optional<std::uint32_t> subsystem_index(const std::string& controller) {
  const OwnedBtf types(btf__load_vmlinux_btf());
  const int id =
      types ? btf__find_by_name_kind(types.get(), "cgroup_subsys_id", BTF_KIND_ENUM) : -1;
  if (id < 0) return std::nullopt;
  // The block I/O controller is called blkio in version 1 and io in the kernel.
  const std::string wanted = (controller == "blkio" ? "io" : controller) + "_cgrp_id";
  const btf_type* type = btf__type_by_id(types.get(), static_cast<std::uint32_t>(id));
  for (std::uint32_t i = 0; i < btf_vlen(type); ++i) {
    const struct btf_enum& value = btf_enum(type)[i];
    if (btf__name_by_offset(types.get(), value.name_off) == wanted)
      return static_cast<std::uint32_t>(value.val);
  }
  return std::nullopt;
}

// The super block options of the mount on `device`: for cgroup version 1 they name controllers
// (proc_pid_mountinfo(5)).
std::string mount_options(const std::string& device) {
  const Result<std::string> mounts = base::read_file("/proc/self/mountinfo");
  if (!mounts) return {};
  std::istringstream lines(*mounts);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string id;
    std::string parent;
    std::string number;
    words >> id >> parent >> number;
    if (number == device) return line.substr(line.rfind(' ') + 1);
  }
  return {};
}

Result<std::uint32_t> version_1_subsystem(const std::string& directory, dev_t device) {
  const std::string options = mount_options(fmt::format("{}:{}", major(device), minor(device)));
  std::istringstream words(options);
  for (std::string word; std::getline(words, word, ',');)
    if (const auto index = subsystem_index(word)) return *index;
  return error(
      "cgroup {}: its hierarchy ({}) has no controller the kernel side could follow; name the same "
      "group in the memory or pids hierarchy, or in the unified one",
      directory, options);
}

}  // namespace

Result<CgroupSelection> select_cgroup(const std::string& directory) {
  struct stat info {};
  struct statfs system {};
  if (stat(directory.c_str(), &info) != 0 || statfs(directory.c_str(), &system) != 0)
    return system_error(errno, "cgroup " + directory);
  CgroupSelection selection;
  selection.id = info.st_ino;
  if (system.f_type == CGROUP2_SUPER_MAGIC) {
    selection.subsystem = TC_CGROUP_V2;
    return selection;
  }
  if (system.f_type != CGROUP_SUPER_MAGIC)
    return error("cgroup {}: not in a cgroup file system; the groups are under /sys/fs/cgroup",
                 directory);
  TC_TRY(selection.subsystem, version_1_subsystem(directory, info.st_dev));
  return selection;
}

}  // namespace tc::probe
