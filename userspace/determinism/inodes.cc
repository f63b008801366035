#include "determinism/inodes.h"

#include <sys/sysmacros.h>
#include <time.h>

namespace tc::determinism {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t host_clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

std::int64_t nanoseconds(const statx_timestamp& time) {
  return time.tv_sec * kSecond + static_cast<std::int64_t>(time.tv_nsec);
}

// Pipes, sockets and devices have the times at which the host last used them.
bool keeps_its_times(const struct statx& host) {
  const unsigned type = host.stx_mode & S_IFMT;
  return type == S_IFREG || type == S_IFDIR || type == S_IFLNK;
}

}  // namespace

FileId file_id(const struct statx& status) {
  return {.device = gnu_dev_makedev(status.stx_dev_major, status.stx_dev_minor),
          .inode = status.stx_ino};
}

FileId file_id(const struct stat& status) {
  return {.device = status.st_dev, .inode = status.st_ino};
}

std::int64_t host_wall_ns() { return host_clock_ns(CLOCK_REALTIME); }

void await_file_stamps(std::int64_t host_ns) {
  constexpr timespec kShort = {.tv_sec = 0, .tv_nsec = 500'000};  // half of the shortest tick
  while (host_clock_ns(CLOCK_REALTIME_COARSE) < host_ns) ::nanosleep(&kShort, nullptr);
}

std::uint64_t Inodes::number(const FileId& file) {
  Known& known = files_[file];
  if (known.number == 0) known.number = next_number_++;
  return known.number;
}

std::uint64_t Inodes::device(std::uint64_t device) {
  return devices_.try_emplace(device, devices_.size() + 1).first->second;
}

void Inodes::created(const FileId& file, std::int64_t now_ns) {
  files_[file] = {
      .number = next_number_++,
      .told = {.accessed = now_ns, .modified = now_ns, .changed = now_ns, .born = now_ns}};
}

void Inodes::modified(const FileId& file, std::int64_t now_ns) {
  Told& told = files_[file].told;
  told.modified = now_ns;
  told.changed = now_ns;
}

void Inodes::changed(const FileId& file, std::int64_t now_ns) {
  files_[file].told.changed = now_ns;
}

void Inodes::set_times(const FileId& file, std::optional<std::int64_t> accessed_ns,
                       std::optional<std::int64_t> modified_ns, std::int64_t now_ns) {
  Told& told = files_[file].told;
  if (accessed_ns) told.accessed = accessed_ns;
  if (modified_ns) told.modified = modified_ns;
  told.changed = now_ns;
}

FileClock Inodes::times(const struct statx& host, const FileId& file, const Settings& settings,
                        std::int64_t started_ns, std::int64_t now_ns) {
  Told& told = files_[file].told;
  // Both: mtime may have been set to the future long ago, ctime changes with the mode.
  const bool has_changed = keeps_its_times(host) && nanoseconds(host.stx_mtime) >= started_ns &&
                           nanoseconds(host.stx_ctime) >= started_ns;
  if (has_changed && !told.modified) {
    told.modified = now_ns;
    if (!told.changed) told.changed = now_ns;
  }
  const bool keeps = settings.file_times == FileTimes::kKeep && keeps_its_times(host);
  // Of what changed unseen, the time that it had before is lost.
  const std::int64_t base = keeps && !has_changed ? nanoseconds(host.stx_mtime) : settings.epoch_ns;
  return {.accessed = told.accessed.value_or(base),
          .modified = told.modified.value_or(base),
          .changed = told.changed.value_or(base),
          .born = told.born.value_or(base)};
}

}  // namespace tc::determinism
