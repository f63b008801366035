// Names: what is random in the names of files (temporary names, pids) and where they begin: how a
// path is told so that it is the same on every run. Recognises a temporary name when it is made,
// and from then on wherever it appears.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "trace/lineage.h"

namespace tc::trace {

// `path` behind `directory`, without ".", ".." and doubled slashes; links are not followed. Empty
// when it is relative and the directory is not known.
std::string absolute_path(std::string_view directory, std::string_view path);

// An attempt to make a file that must not exist yet.
struct Creation {
  std::string_view path;  // absolute
  bool directory = false;
  std::uint64_t flags = 0;  // of open(2)
  std::uint64_t mode = 0;
  bool random_before = false;  // the thread has just asked for random bytes
};
// The part of the last component that looks made up: by mkstemp(3), mktemp(1), Python's tempfile,
// a compiler; empty when none does.
std::string_view random_part(const Creation& creation);

class Names {
 public:
  Names(bool enabled, Lineage& lineage) : enabled_(enabled), lineage_(lineage) {}

  // What is told "$CWD".
  void set_origin(std::string_view directory);
  // From here on `random` is told as the thread's next "tmp#1", wherever it stands.
  void learn(std::string_view random, Thread& thread);

  // A path as it is told. `directory` is where a relative one begins. The view is of `path` itself
  // or of this object, until the next call.
  std::string_view path(std::string_view path, Thread& thread, std::string_view directory = {});
  // Any other text: temporary names only, and in what looks like a path, pids.
  std::string_view text(std::string_view text, Thread& thread);
  // Bytes of a buffer: temporary names and pids, as in a path.
  std::string_view data(std::string_view data, Thread& thread);

 private:
  // Where the rest of a text begins and what of it is copied to out_ already.
  struct Progress {
    std::size_t copied = 0;
    std::size_t at = 0;
  };

  std::string_view replace(std::string_view text, Thread* thread, Progress progress);
  void replace_until(std::string_view text, Progress& progress, std::size_t end,
                     std::string_view by);
  bool process_directory(std::string_view path, std::size_t at, Thread& thread, Progress& progress);
  std::string_view temporary_at(std::string_view text, std::size_t at, std::size_t& length) const;
  bool pid_at(std::string_view text, std::size_t at, std::size_t length, Thread& thread);

  bool enabled_;
  Lineage& lineage_;
  std::string origin_;
  std::unordered_map<std::string, std::string> temporary_;
  std::bitset<64> lengths_;                              // of temporary names
  std::bitset<1U << 16U> beginnings_;                    // their first two bytes
  std::unordered_map<std::uint32_t, std::string> pids_;  // that stand in names
  std::string out_;
  std::string pid_;
};

}  // namespace tc::trace
