// Which part of /proc and /sys a path belongs to; the parts are in proc_*.cc and sys_tree.cc.
#include "determinism/proc_files.h"

#include "base/number.h"
#include "determinism/proc_parts.h"
#include "determinism/sys_tree.h"

namespace tc::determinism {
namespace {

// Takes what is before the first slash off the text.
std::string_view take_component(std::string_view& path) {
  const std::size_t end = path.find('/');
  const std::string_view component = path.substr(0, end);
  path.remove_prefix(end == path.npos ? path.size() : end + 1);
  return component;
}

std::optional<pid_t> to_pid(std::string_view text) {
  const auto number = base::parse_unsigned<std::uint32_t>(text);
  constexpr std::uint32_t kMostPid = 1U << 22U;  // PID_MAX_LIMIT
  if (!number || *number == 0 || *number > kMostPid) return std::nullopt;
  return static_cast<pid_t>(*number);
}

// `rest` is behind the process's number.
ProcFile file_of(World& world, Tracee& guest, pid_t pid, std::string_view rest) {
  std::string_view name = rest;
  if (take_component(name) != "task")
    return process_file(world, guest, {.pid = pid, .tid = {}}, rest);
  const auto tid = to_pid(take_component(name));
  if (!tid) return proc_pass();
  return process_file(world, guest, {.pid = pid, .tid = tid}, name);
}

ProcFile sys_file(std::string_view path) {
  for (const SysFile& file : sys_files())
    if (path == file.path && file.text) return proc_text(std::string(*file.text));
  return proc_pass();
}

// Directories of machine files, which are read by name only.
bool is_directory(std::string_view name) {
  return name == "net" || name == "sys" || name == "tty" || name == "sysvipc" || name == "pressure";
}

}  // namespace

ProcFile proc_file(World& world, Tracee& guest, std::string_view path) {
  if (world.settings.real_proc) return proc_pass();
  if (path.starts_with("/sys/")) return sys_file(path);
  constexpr std::string_view kProc = "/proc/";
  if (!path.starts_with(kProc)) return proc_pass();
  const std::string_view name = path.substr(kProc.size());
  std::string_view rest = name;
  const std::string_view first = take_component(rest);
  if (first == "self") return file_of(world, guest, guest.process().pid, rest);
  if (first == "thread-self")
    return process_file(world, guest, {.pid = guest.process().pid, .tid = guest.own_tid()}, rest);
  if (const auto pid = to_pid(first)) return file_of(world, guest, *pid, rest);
  if (rest.empty() && is_directory(first)) return proc_pass();
  if (first == "net") return network_file(rest);
  if (first == "sys") return kernel_setting(world, guest, rest);
  // The links of old times: /proc/mounts leads to /proc/self/mounts.
  if (name == "mounts")
    return process_file(world, guest, {.pid = guest.process().pid, .tid = {}}, name);
  if (auto text = machine_file(world, name)) return proc_text(std::move(*text));
  return proc_missing();
}

}  // namespace tc::determinism
