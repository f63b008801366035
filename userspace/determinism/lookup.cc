#include "determinism/lookup.h"

#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>

#include "base/file.h"

namespace tc::determinism {
namespace {

constexpr std::uint64_t kGuestPage = 4096;
constexpr std::uint64_t kPathChunk = 256;  // most paths are shorter
constexpr int kMostLinks = 40;             // as in the kernel (MAXSYMLINKS)
// Linked files of /proc show the keeper's view, not the guest's, or another mount's file.
constexpr std::uint64_t kOurResolve = RESOLVE_NO_MAGICLINKS;

UniqueFd open_path(int directory, const std::string& path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(O_PATH | O_CLOEXEC | flags);
  how.resolve = resolve;
  return UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof(how))));
}

bool is_view_of_kernel(int file) {
  struct statfs file_system {};
  if (::fstatfs(file, &file_system) != 0) return false;
  switch (file_system.f_type) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
      return true;
    default:
      return false;
  }
}

// Where relative paths begin: a descriptor of ours, or AT_FDCWD for absolute ones.
struct StartingPoint {
  UniqueFd owned;
  int directory = AT_FDCWD;
  int error = 0;
  bool is_unknown = false;
};

StartingPoint starting_point(Tracee& guest, const GuestPath& path) {
  StartingPoint start;
  if (path.text.starts_with('/')) return start;
  if (path.dirfd == AT_FDCWD) {
    start.owned = open_path(AT_FDCWD, guest.proc_name("cwd"), O_DIRECTORY, 0);
    start.is_unknown = !start.owned;
  } else if (Result<UniqueFd> file = guest.file(path.dirfd); file) {
    start.owned = std::move(*file);
  } else {
    start.error = file.error().code();
  }
  start.directory = start.owned.get();
  return start;
}

// ENOENT is what we also get behind /proc/self, where the guest finds itself and we nothing. It is
// certain when no symbolic link was met before the missing name, or when the directory that should
// have the name was reached.
bool is_surely_missing(int directory, const std::string& path) {
  if (path.empty()) return true;
  const UniqueFd itself = open_path(directory, path, O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
  if (itself) return false;  // a link that leads nowhere, or to /proc/self
  if (errno == ENOENT) return true;
  const SplitPath split = split_path({.dirfd = directory, .text = path});
  const UniqueFd parent = open_path(directory, split.directory.text, O_DIRECTORY, kOurResolve);
  if (!parent || is_view_of_kernel(parent.get())) return false;
  struct stat status {};
  return ::fstatat(parent.get(), split.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 &&
         errno == ENOENT;
}

std::string lexically_normal(const std::string& path) {
  std::string normal = std::filesystem::path(path).lexically_normal();
  if (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return normal;
}

bool is_within(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

bool is_kernel_name(std::string_view path) {
  return is_within(path, "/proc") || is_within(path, "/sys");
}

// As the guest itself would say it. Links of /proc speak of our root, not of the guest's.
Result<std::string> absolute_name(Tracee& guest, const GuestPath& path) {
  if (path.text.starts_with('/')) return lexically_normal(path.text);
  TC_TRY(std::string directory,
         guest.link(path.dirfd == AT_FDCWD ? "cwd" : "fd/" + std::to_string(path.dirfd)));
  if (guest.process().has_own_root) {
    const Result<std::string> root = guest.link("root");
    if (!root) return root.error();
    const bool is_below = root->size() > 1 && is_within(directory, *root);
    if (is_below) directory.erase(0, root->size());
  }
  return lexically_normal(directory + "/" + path.text);
}

// The path with its first symbolic link replaced by what that says; nothing when there is none. To
// be asked for paths that do not lie in /proc yet. `root`: a name of ours for the guest's root.
std::optional<std::string> replace_first_link(const std::string& path, const std::string& root) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string prefix = path.substr(0, end);
    if (const Result<std::string> target = base::read_link(root + prefix); target) {
      const std::string rest = end == std::string::npos ? "" : path.substr(end);
      if (target->starts_with('/')) return lexically_normal(*target + rest);
      const std::string parent = prefix.substr(0, prefix.rfind('/'));
      return lexically_normal(parent + "/" + *target + rest);
    }
    if (end == std::string::npos) return std::nullopt;
  }
}

}  // namespace

Result<std::string> read_path(Tracee& guest, std::uint64_t address) {
  std::string path;
  while (path.size() < PATH_MAX) {
    const std::uint64_t to_page_end = kGuestPage - address % kGuestPage;
    std::array<char, kPathChunk>
        chunk;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
    const std::size_t size = std::min<std::uint64_t>(to_page_end, chunk.size());
    TC_CHECK(guest.read_memory(address, std::as_writable_bytes(std::span(chunk).first(size))));
    const auto end = std::find(chunk.begin(), chunk.begin() + size, '\0');
    path.append(chunk.begin(), end);
    if (end != chunk.begin() + size) break;
    address += size;
  }
  if (path.size() >= PATH_MAX) return system_error(ENAMETOOLONG, "read a path of the guest");
  return path;
}

std::optional<FoundFile> look_at(UniqueFd file) {
  FoundFile found;
  if (::statx(file.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &found.status) != 0)
    return std::nullopt;
  // What lies on a disk is no view of the kernel's, and neither are pipes, sockets and devices.
  const bool may_be_view = found.status.stx_dev_major == 0 &&
                           (S_ISREG(found.status.stx_mode) || S_ISDIR(found.status.stx_mode) ||
                            S_ISLNK(found.status.stx_mode));
  found.is_kernel_view = may_be_view && is_view_of_kernel(file.get());
  found.file = std::move(file);
  return found;
}

Lookup look_at(Tracee& guest, int fd) {
  Result<UniqueFd> file = guest.file(fd);
  if (!file) return {.found = std::nullopt, .error = file.error().code()};
  Lookup lookup{.found = look_at(std::move(*file))};
  if (!lookup.found) lookup.error = EIO;
  return lookup;
}

Lookup look_up(Tracee& guest, const GuestPath& path, LastLink last, std::uint64_t resolve) {
  const Process& process = guest.process();
  if (process.has_own_root || process.has_changed_user) return {};
  if (path.text.empty()) return {.found = std::nullopt, .error = ENOENT};
  const StartingPoint start = starting_point(guest, path);
  if (start.is_unknown || start.error != 0) return {.found = std::nullopt, .error = start.error};
  UniqueFd file = open_path(start.directory, path.text, last == LastLink::kKeep ? O_NOFOLLOW : 0,
                            resolve | kOurResolve);
  if (file) return {.found = look_at(std::move(file))};
  const bool is_certain = errno == ENOTDIR || errno == ENAMETOOLONG;
  if (is_certain) return {.found = std::nullopt, .error = errno};
  if (errno == ENOENT && is_surely_missing(start.directory, path.text))
    return {.found = std::nullopt, .error = ENOENT};
  return {};
}

Result<sys::call::newfstatat> make_status_call(Tracee& guest, int dirfd, std::uint64_t path_address,
                                               std::uint32_t flags) {
  const std::array<std::byte, sizeof(sys::abi::stat)> room{};
  TC_TRY(const std::uint64_t address, guest.place(room));
  sys::call::newfstatat call{};
  call.dfd.value = dirfd;
  call.filename.address = path_address;
  call.statbuf.address = address;
  call.flag.value = flags;
  return call;
}

std::optional<ToldFile> read_status_call(Tracee& guest, const sys::call::newfstatat& call,
                                         std::int64_t result) {
  if (result != 0) return std::nullopt;
  const Result<sys::abi::stat> status = guest.read(call.statbuf);
  if (!status) return std::nullopt;
  return ToldFile{.id = {.device = status->st_dev.value, .inode = status->st_ino.value},
                  .type = status->st_mode.value & S_IFMT};
}

SplitPath split_path(const GuestPath& path) {
  const std::size_t last = path.text.find_last_not_of('/');
  if (last == std::string::npos) return {.directory = path, .name = "."};  // "/"
  const std::size_t slash = path.text.rfind('/', last);
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  const std::string directory = name == 0 ? "." : path.text.substr(0, name);
  return {.directory = {.dirfd = path.dirfd, .text = directory},
          .name = path.text.substr(name, last + 1 - name)};
}

std::optional<std::string> kernel_view_name(Tracee& guest, const GuestPath& path) {
  const Result<std::string> absolute = absolute_name(guest, path);
  if (!absolute) return std::nullopt;
  const std::string root = guest.process().has_own_root ? guest.proc_name("root") : "";
  std::optional<std::string> name = *absolute;
  for (int links = 0; name && links <= kMostLinks; ++links) {
    if (is_kernel_name(*name)) return name;
    name = replace_first_link(*name, root);
  }
  return std::nullopt;
}

bool leads_through_magic_link(std::string_view name) {
  if (!is_within(name, "/proc")) return false;
  for (const std::string_view link : {"/fd/", "/cwd/", "/root/", "/map_files/"})
    if (name.find(link) != std::string_view::npos) return true;
  for (const std::string_view link : {"/cwd", "/root", "/exe"})
    if (name.ends_with(link)) return true;
  return false;
}

}  // namespace tc::determinism
