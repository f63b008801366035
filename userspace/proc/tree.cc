#include "proc/tree.h"

#include <dirent.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "base/file.h"
#include "base/number.h"

namespace tc::proc {
namespace {

// The fourth field of /proc/PID/stat (proc_pid_stat(5)). The second, the name, may itself hold
// spaces and parentheses, so counting starts behind its last ')'.
std::optional<std::uint32_t> parent_in(std::string_view stat) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || stat.size() < name_end + 4) return std::nullopt;
  std::string_view rest = stat.substr(name_end + 4);  // skips ") S "
  return base::parse_unsigned<std::uint32_t>(rest.substr(0, rest.find(' ')));
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

}  // namespace

Result<std::vector<ProcessLink>> process_links(const std::string& root) {
  const std::unique_ptr<DIR, CloseDirectory> directory(opendir(root.c_str()));
  if (!directory) return system_error(errno, "list " + root);
  std::vector<ProcessLink> links;
  while (const dirent* entry = readdir(directory.get())) {
    const auto pid = base::parse_unsigned<std::uint32_t>(entry->d_name);
    if (!pid) continue;
    const Result<std::string> stat = base::read_file(root + "/" + entry->d_name + "/stat");
    const auto parent = stat ? parent_in(*stat) : std::nullopt;
    if (parent) links.push_back({*pid, *parent});
  }
  return links;
}

bool process_exists(std::uint32_t pid, const std::string& root) {
  // /proc/TID exists for threads too, but is not listed; its status names another Tgid.
  const Result<std::string> status = base::read_file(fmt::format("{}/{}/status", root, pid));
  return status && status->find(fmt::format("\nTgid:\t{}\n", pid)) != std::string::npos;
}

}  // namespace tc::proc
