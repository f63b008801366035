#include "sandbox/filesystem.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "sandbox/environment.h"
#include "sandbox/kernel_directories.h"
#include "sandbox/mounts.h"
#include "sandbox/overlay.h"

namespace tc::sandbox {
namespace {

constexpr unsigned long kNoDevices = MS_NOSUID | MS_NODEV;
constexpr const char* kFilesOfOverlay = "files";
constexpr const char* kWorkOfOverlay = "work";

// File systems that are views of the kernel, not files that could be written over.
bool is_view_of_kernel(const std::string& type) {
  static constexpr const char* kViews[] = {
      "autofs", "binfmt_misc", "bpf",        "cgroup",     "cgroup2",   "configfs", "debugfs",
      "devpts", "devtmpfs",    "efivarfs",   "fusectl",    "hugetlbfs", "mqueue",   "nsfs",
      "proc",   "pstore",      "rpc_pipefs", "securityfs", "selinuxfs", "sysfs",    "tracefs"};
  return std::find(std::begin(kViews), std::end(kViews), type) != std::end(kViews);
}

Result<UniqueFd> open_path(const std::string& path) { return base::open_file(path, O_PATH); }

// Makes and removes files, so that the next one gets another inode number than on the last run.
void shift_inodes(int directory, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const UniqueFd file(openat(directory, ".tc-shift", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    unlinkat(directory, ".tc-shift", 0);
  }
}

std::string absolute_in(const std::string& path, const std::string& directory) {
  const std::filesystem::path given(path);
  return (given.is_absolute() ? given : std::filesystem::path(directory) / given)
      .lexically_normal()
      .string();
}

class FilesystemMaker {
 public:
  FilesystemMaker(const Options& options, Inside& inside, bool privileged)
      : options_(options), inside_(inside), privileged_(privileged) {}

  Result<std::vector<WrittenDirectory>> make();

 private:
  struct Bind {
    std::string source;
    std::string target;
    UniqueFd file;
    bool is_directory = false;
  };

  std::string root_path() const {
    std::string path = absolute_in(options_.root, std::filesystem::current_path().string());
    while (path.ends_with('/')) path.pop_back();
    return path;
  }
  bool keeps_writes_apart() const { return options_.discard || !options_.overlay.empty(); }
  Result<void> open_binds();
  Result<void> make_root();
  Result<UniqueFd> make_stage();
  Result<std::vector<PlacedMount>> layered_mounts(int stage, std::vector<LowerTree> trees);
  Result<std::vector<LowerTree>> lower_trees(UniqueFd source);
  std::vector<std::string> mounted_over() const;
  Result<void> attach_at(int mount, const std::string& path, bool is_directory);
  Result<void> attach_bind(const Bind& bind);
  void mount_temporary_files();
  void hide_services();
  void hide_counters();
  void give_home();
  void place_substitutes();
  // Mounts a tmpfs and tells in `weaker` when it cannot be had.
  UniqueFd mount_fresh_or_tell(const std::string& path, const std::string& mode,
                               const std::string& consequence);

  const Options& options_;
  Inside& inside_;
  bool privileged_;
  bool fresh_tmp_ = false;
  bool new_root_ = false;
  bool home_is_closed_ = false;
  UniqueFd root_;     // of the files being made
  UniqueFd overlay_;  // --overlay
  std::vector<Bind> binds_;
  std::vector<WrittenDirectory> written_;
};

Result<std::vector<WrittenDirectory>> FilesystemMaker::make() {
  TC_CHECK(make_mounts_private());
  fresh_tmp_ = wants_fresh_tmp(options_, inside_.directory);
  new_root_ = !options_.root.empty() || keeps_writes_apart();
  // As it is below an overlay, too, which shows it open to everybody.
  const std::string home = options_.root + "/root";
  home_is_closed_ = faccessat(AT_FDCWD, home.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) != 0;
  const KernelDirectories kernel_directories(options_, new_root_);
  TC_CHECK(open_binds());
  if (!options_.overlay.empty()) {
    TC_TRY(overlay_, open_path(options_.overlay));
  }
  if (new_root_) {
    TC_CHECK(make_root());
  } else {
    TC_TRY(root_, open_path("/"));
  }
  kernel_directories.mount(root_.get(), inside_);
  mount_temporary_files();
  hide_services();
  hide_counters();
  give_home();
  place_substitutes();
  for (const Bind& bind : binds_)
    if (!keeps_writes_apart() || !bind.is_directory) TC_CHECK(attach_bind(bind));
  if (new_root_) TC_CHECK(change_root(root_.get()));
  return std::move(written_);
}

Result<void> FilesystemMaker::open_binds() {
  for (const auto& [source, target] : options_.binds) {
    Bind bind{.source = source, .target = target, .file = {}, .is_directory = false};
    TC_TRY(bind.file, open_path(source));
    struct stat status {};
    if (fstat(bind.file.get(), &status) != 0) return system_error(errno, "stat " + source);
    bind.is_directory = S_ISDIR(status.st_mode);
    bind.target = absolute_in(target, "/");
    binds_.push_back(std::move(bind));
  }
  return {};
}

// A directory for mounts that are put together before they are seen: a tmpfs over a directory of
// the root that is going to be left, and of which nothing is wanted any more.
Result<UniqueFd> FilesystemMaker::make_stage() {
  for (const char* place : {"/sys", "/dev"}) {
    const Result<UniqueFd> target = open_path(place);
    if (!target) continue;
    TC_CHECK(mount_new("tmpfs", target->get(), place, kNoDevices, "mode=0755"));
    TC_TRY(UniqueFd stage, open_path(place));
    for (const char* name : {"root", kFilesOfOverlay, kWorkOfOverlay})
      if (mkdirat(stage.get(), name, 0755) != 0)
        return system_error(errno, std::string("make the directory ") + name);
    return stage;
  }
  return Error("there is no /sys to put a root together in");
}

Result<void> FilesystemMaker::make_root() {
  const std::string source_name = options_.root.empty() ? "/" : options_.root;
  TC_TRY(UniqueFd source, base::open_file(source_name, O_PATH | O_DIRECTORY));
  std::vector<PlacedMount> mounts;
  std::vector<LowerTree> trees;
  if (keeps_writes_apart()) {
    TC_TRY(trees, lower_trees(std::move(source)));
  } else {
    TC_TRY(UniqueFd clone, clone_mount(source.get(), source_name));
    mounts.push_back({.path = "/", .mount = std::move(clone)});
  }
  // From here on what lies below the stage can be had by its descriptor only.
  TC_TRY(const UniqueFd stage, make_stage());
  if (keeps_writes_apart()) {
    TC_TRY(mounts, layered_mounts(stage.get(), std::move(trees)));
  }
  for (const PlacedMount& placed : mounts) {
    if (placed.path == "/") {
      TC_TRY(const UniqueFd place, open_in_root(stage.get(), "root"));
      TC_CHECK(attach(placed.mount.get(), place.get(), "/"));
      TC_TRY(root_, open_in_root(stage.get(), "root"));
    } else {
      TC_CHECK(attach_at(placed.mount.get(), placed.path, placed.is_directory));
    }
  }
  return {};
}

Result<void> FilesystemMaker::attach_at(int mount, const std::string& path, bool is_directory) {
  TC_TRY(const UniqueFd target, is_directory ? make_directory_in_root(root_.get(), path)
                                             : make_file_in_root(root_.get(), path));
  return attach(mount, target.get(), path);
}

Result<std::vector<PlacedMount>> FilesystemMaker::layered_mounts(int stage,
                                                                 std::vector<LowerTree> trees) {
  UniqueFd home;  // where the layer's own two directories are
  if (options_.discard) {
    TC_TRY(home, open_in_root(stage, "/"));
  } else {
    home = std::move(overlay_);
  }
  TC_TRY(UniqueFd files, open_in_root(home.get(), kFilesOfOverlay));
  TC_TRY(UniqueFd work, open_in_root(home.get(), kWorkOfOverlay));
  if (options_.discard) shift_inodes(stage, options_.shift);
  TC_TRY(UniqueFd kept, open_in_root(files.get(), "/"));
  written_.push_back({.path = "/", .directory = std::move(kept)});
  WriteLayer layer(std::move(files), std::move(work), privileged_);
  const std::vector<std::string> used = {inside_.directory, "/tmp", "/var/tmp"};
  return layer.over(std::move(trees), mounted_over(), used, inside_.weaker);
}

// The root, what is mounted in it, and the binds.
Result<std::vector<LowerTree>> FilesystemMaker::lower_trees(UniqueFd source) {
  std::vector<LowerTree> trees;
  trees.push_back({.path = "/", .source = std::move(source)});
  const std::string root = options_.root.empty() ? "" : root_path();
  const std::vector<std::string> skipped = mounted_over();
  TC_TRY(const std::vector<MountPoint> points, mount_points());
  for (const MountPoint& point : points) {
    if (!root.empty() && !lies_in(point.path, root)) continue;
    const std::string path = point.path.substr(root.size());
    const auto covers = [&](const std::string& above) { return lies_in(path, above); };
    if (path.empty() || path == "/" || std::any_of(skipped.begin(), skipped.end(), covers))
      continue;
    Result<UniqueFd> file = open_path(point.path);
    if (!file) continue;  // another mount hides it
    trees.push_back({.path = path,
                     .source = std::move(file).value(),
                     .read_only = point.read_only || is_view_of_kernel(point.type)});
  }
  for (Bind& bind : binds_) {
    TC_TRY(UniqueFd file, base::open_file(descriptor_path(bind.file.get()), O_PATH));
    trees.push_back(
        {.path = bind.target, .source = std::move(file), .read_only = !bind.is_directory});
  }
  return trees;
}

std::vector<std::string> FilesystemMaker::mounted_over() const {
  std::vector<std::string> paths = {"/proc", "/sys", "/dev"};
  if (fresh_tmp_) paths.emplace_back("/tmp");
  return paths;
}

void FilesystemMaker::mount_temporary_files() {
  if (!fresh_tmp_) return;
  UniqueFd directory = mount_fresh_or_tell("/tmp", "1777", "/tmp is the host's");
  if (!directory) {
    fresh_tmp_ = false;
    return;
  }
  shift_inodes(directory.get(), options_.shift);
  written_.push_back({.path = "/tmp", .directory = std::move(directory)});
}

UniqueFd FilesystemMaker::mount_fresh_or_tell(const std::string& path, const std::string& mode,
                                              const std::string& consequence) {
  Result<UniqueFd> directory = mount_fresh(root_.get(), path, mode);
  if (directory) return std::move(directory).value();
  inside_.weaker.push_back(directory.error().text() + ": " + consequence);
  return {};
}

// Sockets of the host's services, which would answer from outside: names of users, mostly.
void FilesystemMaker::hide_services() {
  if (options_.network == Network::kHost) return;
  for (const char* path : {"/run/dbus", "/run/nscd", "/run/systemd", "/run/uuidd"})
    if (open_in_root(root_.get(), path))
      mount_fresh_or_tell(path, "0755", "services of the host answer");
}

// Where libuuid counts what it has given out on this host: each run would find the last one's
// count.
void FilesystemMaker::hide_counters() {
  constexpr const char* kPath = "/var/lib/libuuid";
  if (open_in_root(root_.get(), kPath))
    mount_fresh_or_tell(kPath, "0755", "UUIDs by time count on from run to run");
}

// /root of the host is closed to an ordinary user, who is root inside: many programs take a home
// that they cannot look into for an error.
void FilesystemMaker::give_home() {
  if (!home_is_closed_ || !open_in_root(root_.get(), "/root")) return;
  mount_fresh_or_tell("/root", "0700", "the home directory cannot be read");
}

void FilesystemMaker::place_substitutes() {
  std::vector<std::string> places;
  if (inside_.has_own_sys) places.emplace_back("/sys/.tc");
  if (fresh_tmp_) places.emplace_back("/tmp/.tc");
  places.emplace_back("/dev/shm/.tc");
  for (const std::string& place : places) {
    if (!make_directory_in_root(root_.get(), place)) continue;
    inside_.substitutes = place;
    return;
  }
}

Result<void> FilesystemMaker::attach_bind(const Bind& bind) {
  TC_TRY(const UniqueFd clone, clone_mount(bind.file.get(), bind.source));
  if (keeps_writes_apart()) TC_CHECK(make_read_only(clone.get(), bind.source));
  // A place to bind to is made only where that leaves nothing behind on the host.
  const bool may_make =
      new_root_ || (fresh_tmp_ && lies_in(bind.target, "/tmp")) || lies_in(bind.target, "/dev");
  if (!may_make) {
    const Result<UniqueFd> there = open_in_root(root_.get(), bind.target);
    if (!there)
      return error("--bind {}:{}: there is no {}; make it, or add --discard or --overlay DIR",
                   bind.source, bind.target, bind.target);
    return attach(clone.get(), there->get(), bind.target);
  }
  return attach_at(clone.get(), bind.target, bind.is_directory);
}

}  // namespace

Result<std::vector<WrittenDirectory>> make_filesystem(const Options& options, Inside& inside,
                                                      bool privileged) {
  return FilesystemMaker(options, inside, privileged).make();
}

bool wants_fresh_tmp(const Options& options, const std::string& directory) {
  if (options.temporary_files != TemporaryFiles::kAuto)
    return options.temporary_files == TemporaryFiles::kFresh;
  if (lies_in(directory, "/tmp")) return false;
  if (options.command.empty()) return true;
  const std::string program = guest_program(options);
  if (program.find('/') != std::string::npos && lies_in(absolute_in(program, directory), "/tmp"))
    return false;
  return std::none_of(
      options.command.begin() + 1, options.command.end(), [&](const std::string& argument) {
        // --file=/tmp/x names /tmp/x.
        const std::size_t equals = argument.find("=/");
        const std::string named = absolute_in(
            equals == std::string::npos ? argument : argument.substr(equals + 1), directory);
        return named != "/tmp" && lies_in(named, "/tmp") &&
               access((options.root + named).c_str(), F_OK) == 0;
      });
}

Result<UniqueFd> claim_overlay(const std::string& overlay) {
  std::error_code failure;
  for (const char* name : {kFilesOfOverlay, kWorkOfOverlay}) {
    std::filesystem::create_directories(overlay + "/" + name, failure);
    if (failure) return system_error(failure.value(), "make the directory " + overlay + "/" + name);
  }
  TC_TRY(UniqueFd directory, base::open_file(overlay, O_RDONLY | O_DIRECTORY));
  if (flock(directory.get(), LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? Error("--overlay " + overlay + ": another tc writes to it")
                                : system_error(errno, "lock " + overlay);
  return directory;
}

void tidy_overlay(const std::string& overlay) {
  const std::string work = overlay + "/" + kWorkOfOverlay;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(work, ignored))
    // The kernel lets nobody look into these.
    for (const char* name : {"work", "index"}) chmod((entry.path() / name).c_str(), 0700);
  std::filesystem::remove_all(work, ignored);
}

}  // namespace tc::sandbox
