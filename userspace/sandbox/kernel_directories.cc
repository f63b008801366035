#include "sandbox/kernel_directories.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "determinism/sys_tree.h"
#include "sandbox/mounts.h"

namespace tc::sandbox {
namespace {

constexpr const char* kDevices[] = {"full", "null", "random", "tty", "urandom", "zero"};
constexpr std::pair<const char*, const char*> kDeviceLinks[] = {{"fd", "/proc/self/fd"},
                                                                {"ptmx", "pts/ptmx"},
                                                                {"stderr", "/proc/self/fd/2"},
                                                                {"stdin", "/proc/self/fd/0"},
                                                                {"stdout", "/proc/self/fd/1"}};

void tell_lacking(Inside& inside, const Error& failure, const std::string& consequence) {
  inside.weaker.push_back(failure.text() + ": " + consequence);
}

// The directories above `path`, and it itself, below `directory`. In a file system of our own:
// there are no links to lead elsewhere.
void make_directories(int directory, const std::string& path) {
  for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1))
    mkdirat(directory, path.substr(0, end).c_str(), 0755);
  mkdirat(directory, path.c_str(), 0755);
}

Result<void> fill_sys(int directory) {
  constexpr std::string_view kRoot = "/sys/";
  for (const determinism::SysFile& file : determinism::sys_files()) {
    TC_ASSERT(file.path.starts_with(kRoot));
    const std::string path(file.path.substr(kRoot.size()));
    if (!file.text) {
      make_directories(directory, path);
      continue;
    }
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    UniqueFd made(openat(directory, path.c_str(), kFlags, 0444));
    if (!made && errno == ENOENT) {
      make_directories(directory, path.substr(0, path.find_last_of('/')));
      made = UniqueFd(openat(directory, path.c_str(), kFlags, 0444));
    }
    if (!made) return system_error(errno, "make " + std::string(file.path));
    TC_CHECK(base::write_all(made.get(), *file.text, std::string(file.path)));
  }
  return {};
}

void mount_sys(int root, Inside& inside) {
  const Result<UniqueFd> sys = mount_fresh(root, "/sys", "0755");
  if (!sys) return tell_lacking(inside, sys.error(), "/sys is the host's");
  inside.has_own_sys = true;
  if (const Result<void> filled = fill_sys(sys->get()); !filled)
    tell_lacking(inside, filled.error(), "files of /sys are missing");
}

void mount_terminals(int root, Inside& inside) {
  constexpr const char* kPath = "/dev/pts";
  constexpr unsigned long kFlags = MS_NOSUID | MS_NOEXEC;
  const Result<UniqueFd> target = open_in_root(root, kPath);
  if (!target) return;
  const std::string options = "newinstance,ptmxmode=0666,mode=0620";
  // Group 5 is "tty"; an ordinary user has no such group inside.
  Result<void> mounted = mount_new("devpts", target->get(), kPath, kFlags, options + ",gid=5");
  if (!mounted) mounted = mount_new("devpts", target->get(), kPath, kFlags, options);
  if (!mounted) tell_lacking(inside, mounted.error(), "there are no pseudo terminals");
}

// Read-only: nothing about the host's node can be changed, and a device can be written to all the
// same.
Result<void> show_device(int directory, int mount, const std::string& path) {
  TC_CHECK(make_read_only(mount, path));
  const std::string name = path.substr(path.find_last_of('/') + 1);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  const UniqueFd target(openat(directory, name.c_str(), kFlags, 0644));
  if (!target) return system_error(errno, "make " + path);
  return attach(mount, target.get(), path);
}

}  // namespace

KernelDirectories::KernelDirectories(const Options& options, bool is_new)
    : has_own_sys_(!options.settings.real_proc) {
  // The host's /proc stays below the one that the first guest mounts: the kernel gives a user
  // namespace a new one only where it sees an old one.
  if (is_new) directories_.push_back(take("/proc"));
  if (is_new && !has_own_sys_) directories_.push_back(take("/sys"));
  for (const char* name : kDevices) devices_.push_back(take(std::string("/dev/") + name));
}

KernelDirectories::Taken KernelDirectories::take(const std::string& path) {
  const Result<UniqueFd> source = base::open_file(path, O_PATH);
  return {.path = path,
          .mount = source ? clone_mount(source->get(), path) : Result<UniqueFd>(source.error())};
}

void KernelDirectories::show(const Taken& taken, int root, Inside& inside) {
  const auto attached = [&]() -> Result<void> {
    if (!taken.mount) return taken.mount.error();
    TC_TRY(const UniqueFd target, make_directory_in_root(root, taken.path));
    return attach(taken.mount->get(), target.get(), taken.path);
  }();
  if (!attached) tell_lacking(inside, attached.error(), "the command has no " + taken.path);
}

void KernelDirectories::mount(int root, Inside& inside) const {
  for (const Taken& directory : directories_) show(directory, root, inside);
  if (has_own_sys_) mount_sys(root, inside);
  mount_devices(root, inside);
}

void KernelDirectories::mount_devices(int root, Inside& inside) const {
  const Result<UniqueFd> directory = mount_fresh(root, "/dev", "0755");
  if (!directory) return tell_lacking(inside, directory.error(), "devices are the host's");
  for (const Taken& device : devices_) {
    // One that the host has not is none that the command could expect.
    if (!device.mount && device.mount.error().code() == ENOENT) continue;
    const Result<void> shown = device.mount
                                   ? show_device(directory->get(), device.mount->get(), device.path)
                                   : Result<void>(device.mount.error());
    if (!shown) tell_lacking(inside, shown.error(), "the command has no " + device.path);
  }
  for (const auto& [name, target] : kDeviceLinks) symlinkat(target, directory->get(), name);
  for (const char* name : {"mqueue", "pts", "shm"}) mkdirat(directory->get(), name, 0755);
  mount_terminals(root, inside);
  if (const auto shared = mount_fresh(root, "/dev/shm", "1777"); !shared)
    tell_lacking(inside, shared.error(), "POSIX shared memory may be missing");
}

void mount_message_queues(Inside& inside) {
  constexpr const char* kPath = "/dev/mqueue";
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  const Result<UniqueFd> target = base::open_file(kPath, O_PATH);
  if (!target) return;
  const Result<void> mounted = mount_new("mqueue", target->get(), kPath, kFlags, "");
  if (!mounted) tell_lacking(inside, mounted.error(), "message queues have no names in /dev");
}

}  // namespace tc::sandbox
