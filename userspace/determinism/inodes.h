// Inodes: numbers and times of files as the guests see them: inode numbers in order of first sight,
// device numbers likewise, times of the virtual clock for what the run has made or changed, one
// fixed time for all else.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>

#include "determinism/settings.h"

namespace tc::determinism {

// A file of the host.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileId&) const = default;
};
struct FileIdHash {
  std::size_t operator()(const FileId& file) const {
    return file.inode * 0x9e3779b97f4a7c15U ^ file.device;
  }
};

// Nanoseconds since 1970 of the virtual wall clock.
struct FileClock {
  std::int64_t accessed = 0;
  std::int64_t modified = 0;
  std::int64_t changed = 0;
  std::int64_t born = 0;
};

class Inodes {
 public:
  // The virtual number, given on first sight.
  std::uint64_t number(const FileId& file);
  std::uint64_t device(std::uint64_t device);

  // The file is new: a recycled number of the host's is not the file it was.
  void created(const FileId& file, std::int64_t now_ns);
  // Its contents have changed: mtime and ctime.
  void modified(const FileId& file, std::int64_t now_ns);
  // Its times were set to these (utimensat); ctime is now.
  void set_times(const FileId& file, std::optional<std::int64_t> accessed_ns,
                 std::optional<std::int64_t> modified_ns, std::int64_t now_ns);

  // What is told of a file that the kernel tells this of. `started_ns`: the host's wall clock when
  // the run began: a directory that changed since has the time at which that was first seen.
  FileClock times(const struct statx& host, const FileId& file, const Settings& settings,
                  std::int64_t started_ns, std::int64_t now_ns);

 private:
  struct Known {
    std::uint64_t number = 0;
    std::optional<FileClock> times;
    std::int64_t seen_changed_ns = 0;  // the host's ctime when it was last looked at
  };
  std::unordered_map<FileId, Known, FileIdHash> files_;
  std::map<std::uint64_t, std::uint64_t> devices_;
  std::uint64_t next_number_ = 1;
};

}  // namespace tc::determinism
