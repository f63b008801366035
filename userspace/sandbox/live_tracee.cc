#include "sandbox/live_tracee.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/file.h"
#include "sandbox/task.h"

namespace tc::sandbox {
namespace {

constexpr std::uint64_t kRedZone =
    128;  // bytes below the stack pointer that belong to the function
constexpr std::uint64_t kAlignment = 16;

}  // namespace

LiveTracee::LiveTracee(Task& task) : task_(task) {}

guest::Task LiveTracee::task() const {
  return {.pid = static_cast<std::uint32_t>(task_.process->told.host_pid),
          .tid = static_cast<std::uint32_t>(task_.tid)};
}

ptrace::Memory LiveTracee::memory() const { return ptrace::Memory(task_.tid); }

Result<void> LiveTracee::read_memory(std::uint64_t address, std::span<std::byte> to) {
  if (memory().read(address, {reinterpret_cast<char*>(to.data()), to.size()})) return {};
  return system_error(EFAULT, fmt::format("read {:#x} of {}", address, task_.name));
}

Result<void> LiveTracee::write_memory(std::uint64_t address, std::span<const std::byte> from) {
  if (memory().write(address, {reinterpret_cast<const char*>(from.data()), from.size()})) return {};
  return system_error(EFAULT, fmt::format("write {:#x} of {}", address, task_.name));
}

determinism::TaskId LiveTracee::id() const { return task_.id; }
determinism::Process& LiveTracee::process() { return task_.process->told; }
pid_t LiveTracee::own_tid() const { return task_.own_tid; }
bool LiveTracee::is_made_again() const { return task_.is_made_again; }

Result<UniqueFd> LiveTracee::file(int fd) {
  const long ours = ::syscall(SYS_pidfd_getfd, task_.process->pidfd.get(), fd, 0);
  if (ours >= 0) return UniqueFd(static_cast<int>(ours));
  return system_error(errno, fmt::format("take descriptor {} of {}", fd, task_.name));
}

std::string LiveTracee::proc_name(const std::string& name) const {
  return fmt::format("{}/{}", task_.tid, name);
}

Result<std::string> LiveTracee::link(const std::string& name) {
  return base::read_link(proc_name(name));
}

Result<std::string> LiveTracee::absolute_path(int dirfd, std::uint64_t path_address) {
  std::string path(PATH_MAX, '\0');
  const auto length = memory().read_string(path_address, path);
  if (!length) return system_error(EFAULT, "read a path of " + task_.name);
  if (*length == path.size()) return system_error(ENAMETOOLONG, "read a path of " + task_.name);
  path.resize(*length);
  if (!path.starts_with('/')) {
    TC_TRY(const std::string directory,
           link(dirfd == AT_FDCWD ? "cwd" : fmt::format("fd/{}", dirfd)));
    path = path.empty() ? directory : directory + "/" + path;
  }
  std::string normal = std::filesystem::path(path).lexically_normal();
  if (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return normal;
}

Result<std::uint64_t> LiveTracee::place(std::span<const std::byte> bytes) {
  const std::uint64_t top =
      places_.empty() ? task_.registers.rsp - kRedZone : places_.back().address;
  const std::uint64_t address = (top - bytes.size()) & ~(kAlignment - 1);
  Place place = {.address = address, .former = std::vector<std::byte>(bytes.size())};
  TC_CHECK(read_memory(address, place.former));
  TC_CHECK(write_memory(address, bytes));
  places_.push_back(std::move(place));
  return address;
}

void LiveTracee::clear_places() {
  // A guest that is gone needs nothing back.
  for (auto place = places_.rbegin(); place != places_.rend(); ++place)
    if (!write_memory(place->address, place->former)) break;
  places_.clear();
}

}  // namespace tc::sandbox
