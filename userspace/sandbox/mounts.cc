#include "sandbox/mounts.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/file.h"

namespace tc::sandbox {
namespace {

// What the kernel says of a mount that it refuses: "e overlay: Unknown parameter 'x'".
std::string refusal(int configuration) {
  std::array<char, 512> line{};
  const ssize_t size = read(configuration, line.data(), line.size());
  std::string text(line.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.empty() ? text : " (" + text + ")";
}

Result<void> set_option(int configuration, const char* key, const std::string& value,
                        const std::string& name) {
  if (fsconfig(configuration, FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0) return {};
  const int code = errno;
  return system_error(code, "overlay " + name + ": " + key + "=" + value + refusal(configuration));
}

// mountinfo writes blanks and the like in names as \040.
std::string without_escapes(const std::string& text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 3 >= text.size()) {
      plain += text[at];
      continue;
    }
    const int byte = (text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0');
    plain += static_cast<char>(byte);
    at += 3;
  }
  return plain;
}

bool has_option(const std::string& options, const std::string& option) {
  return ("," + options + ",").find("," + option + ",") != std::string::npos;
}

}  // namespace

std::string descriptor_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Result<void> make_mounts_private() {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return system_error(errno, "keep mounts from being seen outside");
  return {};
}

Result<void> mount_new(const std::string& type, int target, const std::string& name,
                       unsigned long flags, const std::string& data) {
  const std::string path = descriptor_path(target);
  if (mount(type.c_str(), path.c_str(), type.c_str(), flags, data.c_str()) != 0)
    return system_error(errno, "mount " + type + " on " + name);
  return {};
}

Result<UniqueFd> clone_mount(int source, const std::string& name) {
  UniqueFd clone(
      open_tree(source, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!clone) return system_error(errno, "bind " + name);
  return clone;
}

Result<UniqueFd> overlay_mount(const Layers& layers, const std::string& name) {
  const UniqueFd configuration(fsopen("overlay", FSOPEN_CLOEXEC));
  if (!configuration) return system_error(errno, "overlay " + name);
  const int fd = configuration.get();
  TC_CHECK(set_option(fd, "lowerdir", descriptor_path(layers.lower), name));
  TC_CHECK(set_option(fd, "upperdir", descriptor_path(layers.upper), name));
  TC_CHECK(set_option(fd, "workdir", descriptor_path(layers.work), name));
  if (layers.privileged) {
    TC_CHECK(set_option(fd, "redirect_dir", "on", name));
    TC_CHECK(set_option(fd, "index", "off", name));
  } else if (fsconfig(fd, FSCONFIG_SET_FLAG, "userxattr", nullptr, 0) != 0) {
    return system_error(errno, "overlay " + name + " as an ordinary user");
  }
  if (fsconfig(fd, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    const int code = errno;
    return system_error(code, "overlay " + name + refusal(fd));
  }
  UniqueFd made(fsmount(fd, FSMOUNT_CLOEXEC, 0));
  if (!made) return system_error(errno, "overlay " + name);
  return made;
}

Result<void> make_read_only(int mount, const std::string& name) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof(attributes)) != 0)
    return system_error(errno, "make " + name + " read-only");
  return {};
}

Result<void> attach(int mount, int target, const std::string& name) {
  if (move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return system_error(errno, "mount on " + name);
  return {};
}

Result<void> change_root(int directory) {
  // pivot_root(2), "." twice: the former root lies over the new one until it is detached.
  if (fchdir(directory) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
      umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
    return system_error(errno, "change the root directory");
  return {};
}

Result<UniqueFd> open_in_root(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how))));
  if (!fd) return system_error(errno, "open " + path);
  return fd;
}

Result<UniqueFd> make_directory_in_root(int root, const std::string& path) {
  Result<UniqueFd> there = open_in_root(root, path);
  const std::size_t slash = path.find_last_of('/');
  if (there || there.error().code() != ENOENT || path.empty()) return there;
  const std::string parent = slash == std::string::npos ? "" : path.substr(0, slash);
  TC_TRY(const UniqueFd above, make_directory_in_root(root, parent.empty() ? "/" : parent));
  const std::string last = path.substr(slash == std::string::npos ? 0 : slash + 1);
  if (!last.empty() && mkdirat(above.get(), last.c_str(), 0755) != 0 && errno != EEXIST)
    return system_error(errno, "make the directory " + path);
  return open_in_root(root, path);
}

Result<UniqueFd> make_file_in_root(int root, const std::string& path) {
  Result<UniqueFd> there = open_in_root(root, path);
  if (there || there.error().code() != ENOENT) return there;
  const std::size_t slash = path.find_last_of('/');
  const std::string parent = slash == std::string::npos ? "" : path.substr(0, slash);
  TC_TRY(const UniqueFd above, make_directory_in_root(root, parent.empty() ? "/" : parent));
  const std::string last = path.substr(slash == std::string::npos ? 0 : slash + 1);
  const UniqueFd made(
      openat(above.get(), last.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!made) return system_error(errno, "make the file " + path);
  return open_in_root(root, path);
}

Result<UniqueFd> mount_fresh(int root, const std::string& path, const std::string& mode) {
  TC_TRY(const UniqueFd target, make_directory_in_root(root, path));
  TC_CHECK(mount_new("tmpfs", target.get(), path, MS_NOSUID | MS_NODEV, "mode=" + mode));
  return open_in_root(root, path);
}

std::vector<MountPoint> parse_mount_points(const std::string& text) {
  std::vector<MountPoint> points;
  std::map<std::string, std::size_t> places;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string ignored;
    std::string path;
    std::string options;
    // ID, parent, device, root of the mount within its file system
    words >> ignored >> ignored >> ignored >> ignored >> path >> options;
    MountPoint point{.path = without_escapes(path), .type = {}, .read_only = false};
    for (std::string word; words >> word && word != "-";) continue;
    std::string source;
    std::string super_options;
    words >> point.type >> source >> super_options;
    point.read_only = has_option(options, "ro") || has_option(super_options, "ro");
    const auto [place, is_new] = places.emplace(point.path, points.size());
    if (is_new)
      points.push_back(std::move(point));
    else
      points[place->second] = std::move(point);
  }
  return points;
}

Result<std::vector<MountPoint>> mount_points() {
  TC_TRY(const std::string text, base::read_file("/proc/self/mountinfo"));
  return parse_mount_points(text);
}

}  // namespace tc::sandbox
