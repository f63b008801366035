#include "determinism/listings.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/file.h"

namespace tc::determinism {
namespace {

// Readers that are in the middle of a directory at the same time; one that is forgotten reads its
// directory anew.
constexpr std::size_t kKeptListings = 64;
constexpr std::size_t kDirectoryBuffer = 64U << 10U;

// "." and ".." before all.
int rank(std::string_view name) { return name == "." ? 0 : name == ".." ? 1 : 2; }

bool is_number(std::string_view name) {
  return !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
}

bool precedes(const DirectoryEntry& a, const DirectoryEntry& b) {
  if (rank(a.name) != rank(b.name)) return rank(a.name) < rank(b.name);
  return a.name < b.name;
}

// /proc and its directories of descriptors and threads: the kernel has numbers last and in order of
// their values, and programs that print them rely on it.
bool precedes_in_proc(const DirectoryEntry& a, const DirectoryEntry& b) {
  if (is_number(a.name) != is_number(b.name)) return is_number(b.name);
  if (is_number(a.name) && a.name.size() != b.name.size()) return a.name.size() < b.name.size();
  return precedes(a, b);
}

// The records of one getdents64(2).
void append_entries(const char* records, std::size_t size, std::vector<DirectoryEntry>& entries) {
  for (std::size_t at = 0; at < size;) {
    // glibc's dirent64 is linux_dirent64 of the kernel.
    const auto* const record = reinterpret_cast<const dirent64*>(records + at);
    entries.push_back({.name = record->d_name, .inode = record->d_ino, .type = record->d_type});
    at += record->d_reclen;
  }
}

}  // namespace

const Listings::Listing* Listings::find(const FileId& directory, std::uint64_t reader) {
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Listing& listing) {
    return listing.directory == directory && listing.reader == reader;
  });
  if (found == kept_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found);
  return &kept_.front();
}

const Listings::Listing& Listings::begin(Listing listing) {
  if (find(listing.directory, listing.reader) != nullptr)
    kept_.pop_front();
  else if (kept_.size() == kKeptListings)
    kept_.pop_back();
  kept_.push_front(std::move(listing));
  return kept_.front();
}

Result<std::vector<DirectoryEntry>> read_directory(const std::string& path) {
  TC_TRY(const UniqueFd directory, base::open_file(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::vector<DirectoryEntry> entries;
  alignas(dirent64) char buffer[kDirectoryBuffer];
  for (;;) {
    const long size = ::syscall(SYS_getdents64, directory.get(), buffer, sizeof(buffer));
    if (size < 0) return system_error(errno, "read directory " + path);
    if (size == 0) break;
    append_entries(buffer, static_cast<std::size_t>(size), entries);
  }
  struct statfs file_system {};
  const bool is_proc =
      ::fstatfs(directory.get(), &file_system) == 0 && file_system.f_type == PROC_SUPER_MAGIC;
  std::sort(entries.begin(), entries.end(), is_proc ? precedes_in_proc : precedes);
  return entries;
}

}  // namespace tc::determinism
