// The layer that takes what a run writes (--overlay, --discard, --verify): overlays over the root
// and over every other mount that the run can reach, their upper directories one tree of files.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace tc::sandbox {

// What is seen at `path` of the new root, before anything is written.
struct LowerTree {
  std::string path;
  UniqueFd source;  // a directory or a file, O_PATH
  bool read_only = false;
};

// A mount, and where it goes.
struct PlacedMount {
  std::string path;
  UniqueFd mount;
  bool is_directory = true;
};

class WriteLayer {
 public:
  // `files` gets the tree of what is written; `work` is an empty directory on the same file system.
  WriteLayer(UniqueFd files, UniqueFd work, bool privileged);

  // Mounts in which all of `trees` can be written to without a change to their sources, in the
  // order in which they are to be attached; what cannot be is made read-only and named in
  // `weaker`. `skipped`: paths that something else is mounted on later. `used`: directories that
  // are going to be written in. The first tree is "/".
  Result<std::vector<PlacedMount>> over(std::vector<LowerTree> trees,
                                        const std::vector<std::string>& skipped,
                                        const std::vector<std::string>& used,
                                        std::vector<std::string>& weaker);

 private:
  Result<void> cover(const LowerTree& tree);
  Result<UniqueFd> overlay(const LowerTree& tree);
  Result<void> cover_entries(const LowerTree& tree);
  Result<void> cover_entry(const LowerTree& tree, int upper, const std::string& name);
  Result<void> seal(const LowerTree& tree);
  Result<UniqueFd> upper_directory(const std::string& path);
  Result<std::string> resolve(const std::string& path) const;
  bool is_covered(const std::string& path) const;
  bool has_covered_below(const std::string& path) const;

  UniqueFd files_;
  UniqueFd work_;
  bool privileged_;
  unsigned next_work_ = 0;
  int root_ = -1;                     // the source of "/"; borrowed
  std::vector<std::string> covered_;  // paths with a tree or a mount of their own
  std::vector<PlacedMount> made_;
  std::vector<std::string>* weaker_ = nullptr;
};

// Is `path` the same as `above`, or below it? Both absolute and normal.
bool lies_in(const std::string& path, const std::string& above);

}  // namespace tc::sandbox
