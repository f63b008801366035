// getdents(2): directories in the order of their names (listings.h).
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "determinism/calls.h"
#include "determinism/listings.h"

namespace tc::determinism {
namespace {

using guest::Handler;

// The two layouts of include/linux/dirent.h and fs/readdir.c.
enum class RecordLayout : std::uint8_t {
  kOld,     // struct linux_dirent: the type is the last byte of the record
  kCurrent  // struct linux_dirent64: the type stands before the name
};
constexpr std::size_t kRecordAlignment = 8;
constexpr std::size_t kInodeAt = 0;
constexpr std::size_t kOffsetAt = 8;
constexpr std::size_t kLengthAt = 16;
constexpr std::size_t kOldNameAt = 18;
constexpr std::size_t kTypeAt = 18;
constexpr std::size_t kNameAt = 19;

std::size_t record_size(const DirectoryEntry& entry, RecordLayout layout) {
  const std::size_t name = entry.name.size() + 1;
  const std::size_t size = layout == RecordLayout::kOld ? kOldNameAt + name + 1 : kNameAt + name;
  return (size + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

template <class T>
void put(std::span<std::byte> record, std::size_t at, T value) {
  std::memcpy(record.data() + at, &value, sizeof(value));
}

// `record` has the size of the entry's record, and is zero.
void put_record(std::span<std::byte> record, const DirectoryEntry& entry, RecordLayout layout,
                std::uint64_t number, std::uint64_t next) {
  const bool is_old = layout == RecordLayout::kOld;
  put(record, kInodeAt, number);
  put(record, kOffsetAt, next);
  put(record, kLengthAt, static_cast<std::uint16_t>(record.size()));
  put(record, is_old ? record.size() - 1 : kTypeAt, entry.type);
  std::memcpy(record.data() + (is_old ? kOldNameAt : kNameAt), entry.name.data(),
              entry.name.size());
}

struct OpenDirectory {
  UniqueFd file;
  FileId id;
  std::uint64_t position = 0;
};

// The code of an error is what getdents(2) gives.
Result<OpenDirectory> open_directory(Tracee& guest, int fd) {
  OpenDirectory directory;
  TC_TRY(directory.file, guest.file(fd));
  struct stat status {};
  if (::fstat(directory.file.get(), &status) != 0)
    return system_error(errno, "look at a directory");
  const int flags = ::fcntl(directory.file.get(), F_GETFL);
  if (flags < 0 || (flags & O_PATH) != 0) return system_error(EBADF, "read a directory");
  if (!S_ISDIR(status.st_mode)) return system_error(ENOTDIR, "read a directory");
  if (status.st_nlink == 0) return system_error(ENOENT, "read a removed directory");
  directory.id = file_id(status);
  const off_t position = ::lseek(directory.file.get(), 0, SEEK_CUR);
  if (position < 0) return system_error(errno, "read the position in a directory");
  directory.position = static_cast<std::uint64_t>(position);
  return directory;
}

Result<const Listings::Listing*> listing_of(World& world, Tracee& guest, int fd,
                                            const OpenDirectory& directory) {
  const std::uint64_t reader = guest.process().order;
  // At the beginning it is read anew, as after rewinddir(3).
  if (directory.position != 0)
    if (const auto* const begun = world.listings.find(directory.id, reader)) return begun;
  TC_TRY(std::vector<DirectoryEntry> entries,
         read_directory(guest.proc_name("fd/" + std::to_string(fd))));
  return &world.listings.begin(
      {.directory = directory.id, .reader = reader, .entries = std::move(entries)});
}

// As many records as fit.
std::vector<std::byte> make_records(World& world, const Listings::Listing& listing,
                                    std::size_t room, RecordLayout layout, std::uint64_t& next) {
  std::vector<std::byte> records;
  for (; next < listing.entries.size(); ++next) {
    const DirectoryEntry& entry = listing.entries[next];
    const std::size_t size = record_size(entry, layout);
    if (size > room - records.size()) break;
    const std::size_t at = records.size();
    records.resize(at + size);
    const FileId file{.device = listing.directory.device, .inode = entry.inode};
    put_record(std::span(records).subspan(at), entry, layout, world.inodes.number(file), next + 1);
  }
  return records;
}

std::int64_t list_directory(World& world, Tracee& guest, int fd, std::uint64_t address,
                            std::size_t room, RecordLayout layout) {
  const Result<OpenDirectory> directory = open_directory(guest, fd);
  if (!directory) return -directory.error().code();
  const Result<const Listings::Listing*> listing = listing_of(world, guest, fd, *directory);
  if (!listing) return -listing.error().code();
  std::uint64_t next = directory->position;
  if (next >= (*listing)->entries.size()) return 0;
  const std::vector<std::byte> records = make_records(world, **listing, room, layout, next);
  if (records.empty()) return -EINVAL;  // not even one
  if (!guest.write_memory(address, records)) return -EFAULT;
  if (::lseek(directory->file.get(), static_cast<off_t>(next), SEEK_SET) < 0) return -errno;
  return static_cast<std::int64_t>(records.size());
}

Handler answer_getdents(World& world, sys::call::getdents call, Tracee& guest) {
  co_return list_directory(world, guest, call.fd.value, call.dirent.address, call.count.value,
                           RecordLayout::kOld);
}

Handler answer_getdents64(World& world, sys::call::getdents64 call, Tracee& guest) {
  co_return list_directory(world, guest, call.fd.value, call.dirent.address, call.count.value,
                           RecordLayout::kCurrent);
}

}  // namespace

void add_directory_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::getdents>(handlers, world, answer_getdents);
  on<sys::call::getdents64>(handlers, world, answer_getdents64);
}

}  // namespace tc::determinism
