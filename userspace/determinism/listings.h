// Listings: directories as they are read: sorted by name, as they were when reading began. The
// position in a directory is the ordinal of the next entry and lives in the guest's own open file
// description, where lseek(2), dup(2) and fork(2) treat it as they should.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "base/result.h"
#include "determinism/inodes.h"

namespace tc::determinism {

struct DirectoryEntry {
  std::string name;
  std::uint64_t inode = 0;  // the host's
  std::uint8_t type = 0;    // DT_…
};

class Listings {
 public:
  struct Listing {
    FileId directory;
    std::uint64_t reader = 0;  // the process that reads
    std::vector<DirectoryEntry> entries;
  };
  // The one that the reader has begun, or nothing.
  const Listing* find(const FileId& directory, std::uint64_t reader);
  // A new one takes the place of the reader's former one; few are kept.
  const Listing& begin(Listing listing);

 private:
  std::list<Listing> kept_;  // latest used first
};

// All entries, sorted by the bytes of their names (numbers in /proc by value), "." and ".." first.
// `path` may be any name of an open directory (/proc/PID/fd/N).
Result<std::vector<DirectoryEntry>> read_directory(const std::string& path);

}  // namespace tc::determinism
