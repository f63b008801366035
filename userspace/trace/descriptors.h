// Descriptors: what is open behind the numbers of a process, and the name each open description
// is told by. Knows nothing of system calls; books.h turns calls into changes of these tables.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trace/ordinals.h"

namespace tc::trace {

enum class Behind : std::uint8_t {
  kOther,   // a pipe, a socket, an event counter…
  kFile,    // has a path
  kState,   // a file of /proc or /sys: its content is the host's state
  kRandom,  // /dev/urandom and its kin
};

// An open description: what dup(2) and fork(2) share.
struct Description {
  std::string token;   // "/etc/passwd", "pipe#1:r"
  std::string path;    // as opened, absolute and lexical; empty for what has none
  std::string traits;  // of a socket: "(inet,stream)"
  Behind behind = Behind::kOther;
  std::uint64_t kind = 0;     // descriptions of the same kind tell themselves apart by
  std::uint32_t ordinal = 0;  // this number; 0: they need not
  // Something that is no text has gone through it: what follows may look like text by chance.
  mutable bool is_binary = false;
};
using SharedDescription = std::shared_ptr<const Description>;

// The descriptors of a process, or of several that share them (CLONE_FILES). A copy is what fork
// makes.
class DescriptorTable {
 public:
  // Null for one that is not known.
  const Description* find(std::int64_t descriptor) const;
  SharedDescription share(std::int64_t descriptor) const;

  // The number now leads there; what it had before is closed.
  void set(std::int64_t descriptor, SharedDescription description, bool close_on_exec);
  // The same when the kernel chose the number as a free one. If it is in use, then another thread's
  // close has taken effect but is told only later: that close is awaited.
  void open(std::int64_t descriptor, SharedDescription description, bool close_on_exec,
            std::uint32_t thread);
  // Closed by the thread numbered `thread`.
  void close(std::int64_t descriptor, std::uint32_t thread);
  // What a close by the thread closes: perhaps what the number led to before.
  SharedDescription closing(std::int64_t descriptor, std::uint32_t thread) const;
  void close_range(std::uint64_t first, std::uint64_t last);
  void set_close_on_exec(std::int64_t descriptor, bool close_on_exec);
  void set_close_on_exec_range(std::uint64_t first, std::uint64_t last);
  void exec();
  // This is the copy that a new process has: nothing of other threads is awaited in it.
  void forked() { overtaken_.clear(); }
  // Names what is open beside the three standard ones "inherited:N".
  void mark_inherited();

  // A file by its path. A second one that is open at the same time is told "PATH#2". `shown` is
  // the path as it is told.
  SharedDescription file(std::string_view path, std::string_view shown, std::string_view label);
  // "pipe#1:r": the smallest number of the kind that is not taken. `like` gives the number of one
  // made before, for the other end.
  SharedDescription other(std::string_view what, std::string_view suffix, std::string_view label,
                          const Description* like = nullptr, std::string_view traits = {});

 private:
  struct Entry {
    SharedDescription description;
    bool close_on_exec = false;
    std::uint32_t opener = 0;  // the number of a thread
  };
  // Descriptions whose number was given out again before their close was told.
  using Overtaken = std::vector<std::pair<std::int64_t, SharedDescription>>;

  void clear(std::int64_t descriptor);
  Overtaken::const_iterator overtaken(std::int64_t descriptor, std::uint32_t thread) const;

  std::vector<Entry> entries_;
  Overtaken overtaken_;
  Ordinals ordinals_;
};

// Is it a file whose content differs from moment to moment?
Behind behind_path(std::string_view path);

}  // namespace tc::trace
