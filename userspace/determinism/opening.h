// Opening: what open(2), creat(2), openat(2) and openat2(2) have in common: one request to open a
// file by its path. And what becomes of it, which is not the same for a file, a FIFO and a name
// under /proc.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "determinism/lookup.h"
#include "determinism/tracee.h"
#include "determinism/world.h"
#include "guest/handler.h"

namespace tc::determinism {

struct Opening {
  guest::RawCall call = {};  // as the guest made it
  int dirfd = AT_FDCWD;
  std::uint64_t path_address = 0;
  std::uint64_t flags = 0;  // O_…
  std::uint64_t mode = 0;
  std::uint64_t resolve = 0;  // RESOLVE_…
  bool has_how = false;       // openat2
  std::string path = {};      // what lies at path_address

  bool has(int flag) const { return (flags & static_cast<unsigned>(flag)) != 0; }
  bool reads() const { return (flags & O_ACCMODE) != O_WRONLY; }
  bool writes() const { return (flags & O_ACCMODE) != O_RDONLY; }
  bool is_temporary() const { return (flags & O_TMPFILE) == O_TMPFILE; }
  bool may_create() const { return has(O_CREAT) || is_temporary(); }
  bool is_exclusive() const { return has(O_CREAT) && has(O_EXCL); }
  GuestPath guest_path() const { return {.dirfd = dirfd, .text = path}; }
};

// The same request with more flags, as a call to be injected. It may place memory of the guest's.
Result<guest::RawCall> with_flags(const Opening& opening, int more_flags, Tracee& guest);

// Opens a file that is made or emptied by it. `is_new`: there was none of the name.
guest::Handler open_changing(World& world, Opening opening, bool is_new, Tracee& guest);

// Opens what may be a FIFO: never waits in the kernel for its other end, but here. `fifo` is empty
// when it is not known what the path leads to.
guest::Handler open_waiting(World& world, Opening opening, std::optional<FileId> fifo,
                            Tracee& guest);

// Opens `text` in the place of `name`, a file under /proc or /sys: a file in memory.
guest::Handler open_text(World& world, Opening opening, std::string name, std::string text,
                         Tracee& guest);

// The open descriptor `fd` of the guest is that of a file that was made (`is_new`) or emptied.
void tell_opened(World& world, Tracee& guest, const Opening& opening, const UniqueFd& file,
                 bool is_new);

}  // namespace tc::determinism
