#include "sandbox/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "json/digest.h"

namespace tc::sandbox {
namespace {

// Bytes that would break a line or could not be shown, as \ooo.
std::string line_safe(std::string_view text) {
  std::string safe;
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    if (value > 0x20 && value != 0x7f && value != '\\')
      safe += byte;
    else
      safe += fmt::format("\\{:03o}", value);
  }
  return safe;
}

Result<std::vector<std::string>> sorted_names(int directory, const std::string& path) {
  UniqueFd fd(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return system_error(errno, "open " + path);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(fd.get()), closedir);
  if (!stream) return system_error(errno, "read the directory " + path);
  [[maybe_unused]] const int owned_by_stream = fd.release();
  std::vector<std::string> names;
  while (const dirent* entry = readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::string> content_digest(int directory, const std::string& name,
                                   const std::string& path) {
  const UniqueFd file(openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return system_error(errno, "open " + path);
  json::Sha256 digest;
  std::array<char, 65536> chunk;
  while (true) {
    const ssize_t got = read(file.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno, "read " + path);
    if (got == 0) return digest.hex();
    digest.update({chunk.data(), static_cast<std::size_t>(got)});
  }
}

std::string link_target(int directory, const std::string& name) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = readlinkat(directory, name.c_str(), target.data(), target.size());
  return {target.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

// The directory of the layer hides the one below it: what was in there is gone.
bool is_opaque(int directory) {
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
    std::array<char, 4> value{};
    if (fgetxattr(directory, name, value.data(), value.size()) == 1 && value[0] == 'y') return true;
  }
  return false;
}

class TreeDescriber {
 public:
  Result<void> visit(int directory, const std::string& path);
  std::string take() { return std::move(text_); }

 private:
  Result<void> tell(int directory, const std::string& name, const std::string& path);
  Result<void> tell_directory(int directory, const std::string& name, const std::string& path,
                              const struct stat& status);

  std::string text_;
};

std::string owner_of(const struct stat& status) {
  return fmt::format("{}:{}", status.st_uid, status.st_gid);
}

std::string mode_of(const struct stat& status) {
  return fmt::format("{:04o}", status.st_mode & 07777);
}

Result<void> TreeDescriber::visit(int directory, const std::string& path) {
  TC_TRY(const std::vector<std::string> names, sorted_names(directory, path));
  for (const std::string& name : names)
    TC_CHECK(tell(directory, name, fmt::format("{}/{}", path == "/" ? "" : path, name)));
  return {};
}

Result<void> TreeDescriber::tell(int directory, const std::string& name, const std::string& path) {
  struct stat status {};
  if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return system_error(errno, "stat " + path);
  const std::string shown = line_safe(path);
  const std::string owner = owner_of(status);
  switch (status.st_mode & S_IFMT) {
    case S_IFDIR:
      return tell_directory(directory, name, path, status);
    case S_IFREG: {
      TC_TRY(const std::string digest, content_digest(directory, name, path));
      text_ += fmt::format("file {} {} {} sha256:{} {}\n", mode_of(status), owner, status.st_size,
                           digest, shown);
      return {};
    }
    case S_IFLNK:
      text_ +=
          fmt::format("link {} {} {}\n", owner, line_safe(link_target(directory, name)), shown);
      return {};
    case S_IFCHR:
      if (status.st_rdev == 0) {
        text_ += fmt::format("deleted {}\n", shown);
        return {};
      }
      [[fallthrough]];
    default:
      text_ += fmt::format("special {:o} {} {}:{} {}\n", status.st_mode, owner,
                           major(status.st_rdev), minor(status.st_rdev), shown);
      return {};
  }
}

Result<void> TreeDescriber::tell_directory(int directory, const std::string& name,
                                           const std::string& path, const struct stat& status) {
  const UniqueFd inner(
      openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!inner) return system_error(errno, "open " + path);
  text_ += fmt::format("{} {} {} {}\n", is_opaque(inner.get()) ? "replaced-directory" : "directory",
                       mode_of(status), owner_of(status), line_safe(path));
  return visit(inner.get(), path);
}

}  // namespace

Result<std::string> describe_tree(int directory, const std::string& path) {
  TreeDescriber describer;
  TC_CHECK(describer.visit(directory, path));
  return describer.take();
}

}  // namespace tc::sandbox
