// Inodes: numbers and times of files as the guests see them: inode numbers in order of first sight,
// device numbers likewise, times of the virtual clock for what the run has made or changed, one
// fixed time for all else.
//
// What changes a file without a call that is told here (a store into a shared mapping, bind(2) of
// a Unix socket) is noticed once, when the file is first looked at: the host's clock is too coarse
// to tell of a second change reliably, and what cannot be told reliably must not be told at all.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
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
FileId file_id(const struct statx& status);
FileId file_id(const struct stat& status);

// Nanoseconds since 1970 of the virtual wall clock.
struct FileClock {
  std::int64_t accessed = 0;
  std::int64_t modified = 0;
  std::int64_t changed = 0;
  std::int64_t born = 0;
  bool operator==(const FileClock&) const = default;
};

// The host's wall clock, ns since 1970.
std::int64_t host_wall_ns();
// Returns when what the host stamps on files is not before `host_ns` any more: its stamps are of a
// coarse clock, a tick behind at most.
void await_file_stamps(std::int64_t host_ns);

class Inodes {
 public:
  // The virtual number, given on first sight.
  std::uint64_t number(const FileId& file);
  std::uint64_t device(std::uint64_t device);
  // Whether device() has given this number.
  bool has_given_device(std::uint64_t number) const { return number - 1 < devices_.size(); }

  // The file is new: a recycled number of the host's is not the file it was.
  void created(const FileId& file, std::int64_t now_ns);
  // Its contents have changed: mtime and ctime.
  void modified(const FileId& file, std::int64_t now_ns);
  // Its inode has: ctime.
  void changed(const FileId& file, std::int64_t now_ns);
  // Its times were set to these (utimensat); ctime is now.
  void set_times(const FileId& file, std::optional<std::int64_t> accessed_ns,
                 std::optional<std::int64_t> modified_ns, std::int64_t now_ns);

  // What is told of a file that the kernel tells this of. `started_ns`: the host's wall clock when
  // the run began: what changed since without being told has the time at which that was first seen.
  FileClock times(const struct statx& host, const FileId& file, const Settings& settings,
                  std::int64_t started_ns, std::int64_t now_ns);

 private:
  // What is known beside, or instead of, what the kernel tells.
  struct Told {
    std::optional<std::int64_t> accessed;
    std::optional<std::int64_t> modified;
    std::optional<std::int64_t> changed;
    std::optional<std::int64_t> born;
  };
  struct Known {
    std::uint64_t number = 0;  // 0: not given yet
    Told told;
  };
  std::unordered_map<FileId, Known, FileIdHash> files_;
  std::map<std::uint64_t, std::uint64_t> devices_;
  std::uint64_t next_number_ = 1;
};

}  // namespace tc::determinism
