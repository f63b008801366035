#include "determinism/file_status.h"

#include <sys/sysmacros.h>

namespace tc::determinism {
namespace {

constexpr std::uint32_t kBlockSize = 4096;
constexpr std::uint64_t kSector = 512;          // the unit of st_blocks
constexpr std::uint64_t kDirectorySize = 4096;  // whatever its file system makes of it
constexpr std::uint64_t kDirectorySectors = kDirectorySize / kSector;
constexpr std::uint64_t kMountId = 1;

statx_timestamp stamp(std::int64_t ns) {
  statx_timestamp time{};
  time.tv_sec = ns / kSecondNs;
  std::int64_t rest = ns % kSecondNs;
  if (rest < 0) {  // before 1970
    rest += kSecondNs;
    --time.tv_sec;
  }
  time.tv_nsec = static_cast<std::uint32_t>(rest);
  return time;
}

FileClock fixed_clock(std::int64_t ns) {
  return {.accessed = ns, .modified = ns, .changed = ns, .born = ns};
}

sys::abi::clock_reading to_reading(const statx_timestamp& time) {
  return {{.tv_sec = {time.tv_sec}, .tv_nsec = {static_cast<std::int64_t>(time.tv_nsec)}}};
}

statx_timestamp from_reading(const sys::abi::clock_reading& reading) {
  statx_timestamp time{};
  time.tv_sec = reading.tv_sec.value;
  time.tv_nsec = static_cast<std::uint32_t>(reading.tv_nsec.value);
  return time;
}

sys::abi::statx_timestamp to_stamp(const statx_timestamp& time) {
  return {{.tv_sec = {time.tv_sec}, .tv_nsec = {time.tv_nsec}, .reserved = {}}};
}

statx_timestamp from_stamp(const sys::abi::statx_timestamp& stamp) {
  statx_timestamp time{};
  time.tv_sec = stamp.tv_sec.value;
  time.tv_nsec = stamp.tv_nsec.value;
  return time;
}

std::uint64_t sectors(const struct statx& told) {
  if (S_ISREG(told.stx_mode)) return (told.stx_size + kSector - 1) / kSector;
  return S_ISDIR(told.stx_mode) ? kDirectorySectors : 0;
}

void set_times(struct statx& told, const FileClock& times) {
  told.stx_atime = stamp(times.accessed);
  told.stx_mtime = stamp(times.modified);
  told.stx_ctime = stamp(times.changed);
  told.stx_btime = stamp(times.born);
}

}  // namespace

struct statx told_status(World& world, const struct statx& host, bool is_kernel_view) {
  const FileId file = file_id(host);
  struct statx told = host;
  const std::uint64_t device = world.inodes.device(file.device);
  told.stx_dev_major = gnu_dev_major(device);
  told.stx_dev_minor = gnu_dev_minor(device);
  told.stx_ino = world.inodes.number(file);
  told.stx_blksize = kBlockSize;
  told.stx_attributes = 0;
  told.stx_attributes_mask = 0;
  const bool is_substitute = world.substitutes.contains(file);
  if (is_substitute) {
    told.stx_mode = S_IFREG | 0444;
    told.stx_size = 0;
    told.stx_nlink = 1;
  }
  if (S_ISDIR(told.stx_mode)) {
    told.stx_size = is_kernel_view ? 0 : kDirectorySize;
    told.stx_nlink = 1;  // the subdirectories are counted by some file systems only
  }
  told.stx_blocks = sectors(told);
  if (is_substitute || is_kernel_view) {
    told.stx_blocks = 0;
    set_times(told, fixed_clock(world.settings.epoch_ns));
  } else {
    set_times(told, world.inodes.times(host, file, world.settings, world.host_started_ns,
                                       world.clock.wall_ns()));
  }
  return told;
}

sys::abi::stat to_stat(const struct statx& told) {
  sys::abi::stat status{};
  status.st_dev.value = gnu_dev_makedev(told.stx_dev_major, told.stx_dev_minor);
  status.st_ino.value = told.stx_ino;
  status.st_nlink.value = told.stx_nlink;
  status.st_mode.value = told.stx_mode;
  status.st_uid.value = told.stx_uid;
  status.st_gid.value = told.stx_gid;
  status.st_rdev.value = gnu_dev_makedev(told.stx_rdev_major, told.stx_rdev_minor);
  status.st_size.value = static_cast<std::int64_t>(told.stx_size);
  status.st_blksize.value = told.stx_blksize;
  status.st_blocks.value = told.stx_blocks;
  status.st_atim = to_reading(told.stx_atime);
  status.st_mtim = to_reading(told.stx_mtime);
  status.st_ctim = to_reading(told.stx_ctime);
  return status;
}

sys::abi::statx to_statx(const struct statx& told, std::uint32_t mask) {
  sys::abi::statx status{};
  const bool has_birth = (mask & STATX_BTIME) != 0;
  status.stx_mask.value = STATX_BASIC_STATS | STATX_MNT_ID | (has_birth ? STATX_BTIME : 0U);
  status.stx_blksize.value = told.stx_blksize;
  status.stx_nlink.value = told.stx_nlink;
  status.stx_uid.value = told.stx_uid;
  status.stx_gid.value = told.stx_gid;
  status.stx_mode.value = told.stx_mode;
  status.stx_ino.value = told.stx_ino;
  status.stx_size.value = told.stx_size;
  status.stx_blocks.value = told.stx_blocks;
  status.stx_atime = to_stamp(told.stx_atime);
  if (has_birth) status.stx_btime = to_stamp(told.stx_btime);
  status.stx_ctime = to_stamp(told.stx_ctime);
  status.stx_mtime = to_stamp(told.stx_mtime);
  status.stx_rdev_major.value = told.stx_rdev_major;
  status.stx_rdev_minor.value = told.stx_rdev_minor;
  status.stx_dev_major.value = told.stx_dev_major;
  status.stx_dev_minor.value = told.stx_dev_minor;
  status.stx_mnt_id.value = kMountId;
  return status;
}

struct statx from_stat(const sys::abi::stat& status) {
  struct statx host {};
  host.stx_dev_major = gnu_dev_major(status.st_dev.value);
  host.stx_dev_minor = gnu_dev_minor(status.st_dev.value);
  host.stx_ino = status.st_ino.value;
  host.stx_nlink = static_cast<std::uint32_t>(status.st_nlink.value);
  host.stx_mode = static_cast<std::uint16_t>(status.st_mode.value);
  host.stx_uid = status.st_uid.value;
  host.stx_gid = status.st_gid.value;
  host.stx_rdev_major = gnu_dev_major(status.st_rdev.value);
  host.stx_rdev_minor = gnu_dev_minor(status.st_rdev.value);
  host.stx_size = static_cast<std::uint64_t>(status.st_size.value);
  host.stx_atime = from_reading(status.st_atim);
  host.stx_mtime = from_reading(status.st_mtim);
  host.stx_ctime = from_reading(status.st_ctim);
  return host;
}

struct statx from_statx(const sys::abi::statx& status) {
  struct statx host {};
  host.stx_dev_major = status.stx_dev_major.value;
  host.stx_dev_minor = status.stx_dev_minor.value;
  host.stx_ino = status.stx_ino.value;
  host.stx_nlink = status.stx_nlink.value;
  host.stx_mode = status.stx_mode.value;
  host.stx_uid = status.stx_uid.value;
  host.stx_gid = status.stx_gid.value;
  host.stx_rdev_major = status.stx_rdev_major.value;
  host.stx_rdev_minor = status.stx_rdev_minor.value;
  host.stx_size = status.stx_size.value;
  host.stx_atime = from_stamp(status.stx_atime);
  host.stx_mtime = from_stamp(status.stx_mtime);
  host.stx_ctime = from_stamp(status.stx_ctime);
  return host;
}

}  // namespace tc::determinism
