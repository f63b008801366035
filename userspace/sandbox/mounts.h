// Mounts: the calls that make them, each failure naming what was to be mounted where. What is
// mounted for a run is decided in filesystem.h.
//
// Sources and targets are descriptors rather than paths: what they name does not change while other
// things are mounted above them. All need a mount namespace of one's own and CAP_SYS_ADMIN in it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace tc::sandbox {

// Nothing that is mounted from here on is seen outside.
Result<void> make_mounts_private();

// A new file system (mount(2)) on the directory that `target` is open on. `name` is its path, for
// messages.
Result<void> mount_new(const std::string& type, int target, const std::string& name,
                       unsigned long flags, const std::string& data);

// What is at `source` and all that is mounted below it, once more: a mount that is attached to no
// place yet. `name` is its path, for messages.
Result<UniqueFd> clone_mount(int source, const std::string& name);

// Directories; `lower` is seen, what is written goes to `upper`. `work` is an empty directory on
// the file system of `upper`.
struct Layers {
  int lower = -1;
  int upper = -1;
  int work = -1;
  // Directories of `lower` can be renamed, too: needs CAP_SYS_ADMIN over the host.
  bool privileged = false;
};
// An overlay of them, attached to no place yet. Fails with EINVAL when something is mounted below
// `lower` and the mount namespace was copied into a less privileged user namespace (Linux does not
// let what a mount hides be revealed).
Result<UniqueFd> overlay_mount(const Layers& layers, const std::string& name);

// Everything in a mount, and mounted below it, can be read only.
Result<void> make_read_only(int mount, const std::string& name);

// Puts a mount onto the file or directory that `target` is open on.
Result<void> attach(int mount, int target, const std::string& name);

// Makes the mount at `directory` the root of this process; the former root is gone with all that
// is mounted in it.
Result<void> change_root(int directory);

// A path within `root`, whose links do not lead out of it: the descriptor has O_PATH.
Result<UniqueFd> open_in_root(int root, const std::string& path);
// … a directory that is made, with those above it, when it is not there.
Result<UniqueFd> make_directory_in_root(int root, const std::string& path);
// … an empty file likewise.
Result<UniqueFd> make_file_in_root(int root, const std::string& path);

// A tmpfs on the directory at `path`, which is made when it is not there; `mode` in octal. The
// descriptor is of the new one.
Result<UniqueFd> mount_fresh(int root, const std::string& path, const std::string& mode);

// A name for what a descriptor is open on, as long as the /proc of this pid namespace is mounted.
std::string descriptor_path(int fd);

// A line of /proc/self/mountinfo.
struct MountPoint {
  std::string path;
  std::string type;
  bool read_only = false;
};
// Of this process, in order of mounting; only the last of those at one path.
Result<std::vector<MountPoint>> mount_points();
// The same of the text of such a file.
std::vector<MountPoint> parse_mount_points(const std::string& text);

}  // namespace tc::sandbox
