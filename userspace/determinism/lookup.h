// Lookup: the file that a guest's path names, found by calls of ours, which costs a tenth of
// letting the guest make one more. Possible because the guests live in our mount namespace; where
// their view is not ours all the same, the answer is that it is unknown, and never a guess.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "determinism/inodes.h"
#include "determinism/tracee.h"
#include "sys/calls.h"

namespace tc::determinism {

// A path as a call has it: relative to a descriptor of the guest, or to AT_FDCWD.
struct GuestPath {
  int dirfd = AT_FDCWD;
  std::string text;
};

struct FoundFile {
  UniqueFd file;  // ours; by look_up: O_PATH
  struct statx status {};
  bool is_kernel_view = false;  // of /proc, /sys and the like: not a file that was ever written

  FileId id() const { return file_id(status); }
  unsigned type() const { return status.stx_mode & S_IFMT; }
};

// Exactly one of three: found, an errno that the kernel would give as well, or neither.
struct Lookup {
  std::optional<FoundFile> found;
  int error = 0;

  bool is_unknown() const { return !found && error == 0; }
  bool is_missing() const { return error == ENOENT; }
};

// The path in the guest's memory. The code of an error is what the kernel gives: EFAULT,
// ENAMETOOLONG.
Result<std::string> read_path(Tracee& guest, std::uint64_t address);

enum class LastLink : std::uint8_t { kFollow, kKeep };
// `resolve`: RESOLVE_… of openat2(2). Unknown are files behind /proc/self and magic links (proc(5)
// "/proc/pid/fd"), and all files of a guest with a root or a user of its own.
Lookup look_up(Tracee& guest, const GuestPath& path, LastLink last, std::uint64_t resolve = 0);
// Of an open file of the guest; never unknown.
Lookup look_at(Tracee& guest, int fd);
// The same, of a descriptor of our own.
std::optional<FoundFile> look_at(UniqueFd file);

// For a path that is unknown to us: the guest's own call that tells of it, to be injected, and then
// what it told. `flags`: AT_… of newfstatat(2).
Result<sys::call::newfstatat> make_status_call(Tracee& guest, int dirfd, std::uint64_t path_address,
                                               std::uint32_t flags);
struct ToldFile {
  FileId id;
  unsigned type = 0;  // S_IF…
};
std::optional<ToldFile> read_status_call(Tracee& guest, const sys::call::newfstatat& call,
                                         std::int64_t result);

// Where the last component of a path is to be found: "a" and "b" of "a/b/". Lexical.
struct SplitPath {
  GuestPath directory;
  std::string name;
};
SplitPath split_path(const GuestPath& path);

// The absolute and lexically normal name under /proc or /sys that a path leads to, also through
// symbolic links like /etc/mtab; nothing when it leads elsewhere. Links inside of /proc and /sys
// are not followed.
std::optional<std::string> kernel_view_name(Tracee& guest, const GuestPath& path);
// Whether such a name can lead out again: /proc/self/fd/3, /proc/1/root/etc.
bool leads_through_magic_link(std::string_view name);

}  // namespace tc::determinism
