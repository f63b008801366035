#include "observe/container.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <vector>

#include "base/file.h"
#include "proc/cgroup.h"
#include "proc/source.h"
#include "proc/tree.h"

namespace tc::observe {
namespace {

struct Mount {
  std::string point;
  bool unified;
};

// Every mounted cgroup hierarchy; the unified one first, since one test of it tells all.
Result<std::vector<Mount>> cgroup_mounts() {
  TC_TRY(const std::string table, base::read_file("/proc/self/mountinfo"));
  std::vector<Mount> mounts;
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    // proc_pid_mountinfo(5): the fifth word is the mount point, the type follows " - ".
    std::istringstream words(line);
    std::string word;
    std::string point;
    for (int i = 0; i < 5; ++i) words >> (i == 4 ? point : word);
    const std::size_t separator = line.find(" - ");
    if (separator == std::string::npos) continue;
    const std::string type =
        line.substr(separator + 3, line.find(' ', separator + 3) - separator - 3);
    if (type == "cgroup2") mounts.insert(mounts.begin(), {point, true});
    if (type == "cgroup") mounts.push_back({point, false});
  }
  return mounts;
}

}  // namespace

Result<std::string> container_cgroup(const std::string& id) {
  const proc::LiveProc live;
  TC_TRY(const std::vector<proc::ProcessLink> processes, proc::process_links());
  std::map<std::string, std::string> found;  // container id -> cgroup path
  for (const proc::ProcessLink& process : processes) {
    const Result<std::string> text = live.cgroup(process.pid);
    if (!text) continue;
    const proc::ContainerIdentity identity = proc::identify_container(*text);
    if (!identity.container_id.starts_with(id)) continue;
    // The shortest path of a container is its own group, longer ones lie inside it.
    std::string& path = found[identity.container_id];
    if (path.empty() || identity.cgroup.size() < path.size()) path = identity.cgroup;
  }
  if (found.empty())
    return error(
        "container {}: no running process belongs to it; `tc observe --all --duration 1s` "
        "shows the container_id of what runs",
        id);
  if (found.size() > 1)
    return error("container {}: {} running containers begin so; give more of the id", id,
                 found.size());
  TC_TRY(const std::vector<Mount> mounts, cgroup_mounts());
  for (const Mount& mount : mounts) {
    const std::string directory = mount.point + found.begin()->second;
    struct stat info {};
    if (stat(directory.c_str(), &info) == 0) return directory;
  }
  return error("container {}: its cgroup {} is in no mounted hierarchy", id, found.begin()->second);
}

}  // namespace tc::observe
