#include "sandbox/overlay.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "base/file.h"
#include "sandbox/mounts.h"

namespace tc::sandbox {
namespace {

// A file in a directory that cannot be overlaid is copied when it is not larger, else read-only.
constexpr off_t kCopiedAtMost = 16 << 20;

std::string below(const std::string& directory, const std::string& name) {
  return directory == "/" ? "/" + name : directory + "/" + name;
}

// Owner and permissions of `source`, as far as we may: the directory stands in for it.
void look_like(int source, int directory) {
  struct stat status {};
  if (fstat(source, &status) != 0) return;
  [[maybe_unused]] const int owned =
      fchownat(directory, "", status.st_uid, status.st_gid, AT_EMPTY_PATH);
  chmod(descriptor_path(directory).c_str(), status.st_mode & 07777);
}

Result<std::vector<std::string>> entry_names(int directory, const std::string& path) {
  TC_TRY(UniqueFd fd, base::open_file(descriptor_path(directory), O_RDONLY | O_DIRECTORY));
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

Result<void> copy_file(int source, int directory, const std::string& name, mode_t mode) {
  TC_TRY(const std::string bytes,
         base::read_file(descriptor_path(source), static_cast<std::size_t>(kCopiedAtMost)));
  const UniqueFd copy(
      openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!copy) return system_error(errno, "copy " + name);
  return base::write_all(copy.get(), bytes, name);
}

}  // namespace

bool lies_in(const std::string& path, const std::string& above) {
  return above == "/" || path == above ||
         (path.size() > above.size() && path.starts_with(above) && path[above.size()] == '/');
}

WriteLayer::WriteLayer(UniqueFd files, UniqueFd work, bool privileged)
    : files_(std::move(files)), work_(std::move(work)), privileged_(privileged) {}

Result<std::vector<PlacedMount>> WriteLayer::over(std::vector<LowerTree> trees,
                                                  const std::vector<std::string>& skipped,
                                                  const std::vector<std::string>& used,
                                                  std::vector<std::string>& weaker) {
  TC_ASSERT(!trees.empty() && trees.front().path == "/");
  weaker_ = &weaker;
  root_ = trees.front().source.get();
  covered_ = skipped;
  for (const LowerTree& tree : trees) covered_.push_back(tree.path);
  // From the bottom up: an overlay of a directory whose upper directory lies in that of an overlay
  // already mounted makes the kernel complain.
  std::stable_sort(trees.begin(), trees.end(), [](const LowerTree& a, const LowerTree& b) {
    return std::count(a.path.begin(), a.path.end(), '/') + (a.path != "/") >
           std::count(b.path.begin(), b.path.end(), '/') + (b.path != "/");
  });
  // The kernel makes the upper directories when something is written in them, but of owners that a
  // user namespace does not know it cannot: /var/tmp, of root, for an ordinary user.
  if (!privileged_)
    for (const std::string& path : used)
      if (const Result<std::string> resolved = resolve(path)) TC_CHECK(upper_directory(*resolved));
  for (const LowerTree& tree : trees) TC_CHECK(cover(tree));
  std::stable_sort(made_.begin(), made_.end(),
                   [](const PlacedMount& a, const PlacedMount& b) { return a.path < b.path; });
  return std::move(made_);
}

Result<void> WriteLayer::cover(const LowerTree& tree) {
  if (tree.read_only) return seal(tree);
  Result<UniqueFd> mount = overlay(tree);
  if (mount) {
    made_.push_back({.path = tree.path, .mount = std::move(mount).value()});
    return {};
  }
  if (mount.error().code() == EINVAL && has_covered_below(tree.path)) return cover_entries(tree);
  // Whoever asked for a layer did so to keep the host from being written to.
  if (tree.path == "/") return mount.error();
  weaker_->push_back(mount.error().text() + ": " + tree.path + " is read-only");
  return seal(tree);
}

Result<UniqueFd> WriteLayer::overlay(const LowerTree& tree) {
  const bool is_new = !open_in_root(files_.get(), tree.path);
  TC_TRY(const UniqueFd upper, upper_directory(tree.path));
  if (is_new) look_like(tree.source.get(), upper.get());
  const std::string name = std::to_string(next_work_++);
  TC_TRY(const UniqueFd work, make_directory_in_root(work_.get(), "/" + name));
  Layers layers = {.lower = tree.source.get(),
                   .upper = upper.get(),
                   .work = work.get(),
                   .privileged = privileged_};
  Result<UniqueFd> mount = overlay_mount(layers, tree.path);
  if (mount || !privileged_ || mount.error().code() != EPERM) return mount;
  // Root, but of a user namespace: of a container, say.
  privileged_ = layers.privileged = false;
  return overlay_mount(layers, tree.path);
}

// The kernel overlays no directory that has mounts below it for an ordinary user. So the upper
// directory takes its place, and each of its entries is overlaid by itself.
Result<void> WriteLayer::cover_entries(const LowerTree& tree) {
  TC_TRY(const UniqueFd upper, upper_directory(tree.path));
  TC_TRY(UniqueFd mount, clone_mount(upper.get(), tree.path));
  made_.push_back({.path = tree.path, .mount = std::move(mount)});
  TC_TRY(const std::vector<std::string> names, entry_names(tree.source.get(), tree.path));
  for (const std::string& name : names)
    if (!is_covered(below(tree.path, name))) TC_CHECK(cover_entry(tree, upper.get(), name));
  return {};
}

Result<void> WriteLayer::cover_entry(const LowerTree& tree, int upper, const std::string& name) {
  LowerTree entry{.path = below(tree.path, name), .source = {}};
  struct stat there {};
  // Of a former run with the same --overlay: written, deleted and made again are all told by it.
  const bool is_kept = fstatat(upper, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
  if (is_kept && !S_ISDIR(there.st_mode)) return {};
  entry.source = UniqueFd(openat(tree.source.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!entry.source || fstat(entry.source.get(), &status) != 0) return {};
  if (S_ISDIR(status.st_mode)) return cover(entry);
  if (S_ISLNK(status.st_mode)) {
    TC_TRY(const std::string target,
           base::read_link(descriptor_path(tree.source.get()) + "/" + name));
    if (symlinkat(target.c_str(), upper, name.c_str()) != 0)
      return system_error(errno, "link " + entry.path);
    return {};
  }
  if (S_ISREG(status.st_mode) && status.st_size <= kCopiedAtMost &&
      copy_file(entry.source.get(), upper, name, status.st_mode & 07777))
    return {};
  return seal(entry);
}

Result<void> WriteLayer::seal(const LowerTree& tree) {
  TC_TRY(UniqueFd mount, clone_mount(tree.source.get(), tree.path));
  TC_CHECK(make_read_only(mount.get(), tree.path));
  struct stat status {};
  const bool is_directory = fstat(tree.source.get(), &status) == 0 && S_ISDIR(status.st_mode);
  made_.push_back({.path = tree.path, .mount = std::move(mount), .is_directory = is_directory});
  return {};
}

// Made with those above it, each like the directory of the root that it stands over.
Result<UniqueFd> WriteLayer::upper_directory(const std::string& path) {
  for (std::size_t end = 0; end < path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    const std::string above = path.substr(0, end);
    if (open_in_root(files_.get(), above)) continue;
    TC_TRY(const UniqueFd made, make_directory_in_root(files_.get(), above));
    if (const Result<UniqueFd> source = open_in_root(root_, above))
      look_like(source->get(), made.get());
  }
  return open_in_root(files_.get(), path);
}

// Where the links in it lead, within the root.
Result<std::string> WriteLayer::resolve(const std::string& path) const {
  TC_TRY(const UniqueFd file, open_in_root(root_, path));
  TC_TRY(const std::string whole, base::read_link(descriptor_path(file.get())));
  TC_TRY(const std::string root, base::read_link(descriptor_path(root_)));
  // Not of "/", which has no name to take away.
  return root.size() == 1 ? whole : whole.substr(std::min(root.size(), whole.size()));
}

bool WriteLayer::is_covered(const std::string& path) const {
  return std::find(covered_.begin(), covered_.end(), path) != covered_.end();
}

bool WriteLayer::has_covered_below(const std::string& path) const {
  return std::any_of(covered_.begin(), covered_.end(), [&](const std::string& covered) {
    return covered != path && lies_in(covered, path);
  });
}

}  // namespace tc::sandbox
