// The files of a run: a fresh /tmp, /dev/shm, /dev/pts and /sys, binds, another root, and the layer
// that keeps what is written apart. Made by the keeper, for itself and its children alike.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/keeper.h"
#include "sandbox/options.h"

namespace tc::sandbox {

// A directory whose content came from the run alone.
struct WrittenDirectory {
  std::string path;    // where the run sees it
  UniqueFd directory;  // also behind changes of the root
};

// Mounts all that `options` ask for and changes into the root. Needs a mount namespace of one's own
// (`inside.has_mount_namespace`). What this host does not give and nobody asked for goes to
// `inside.weaker`. `privileged`: the mounts are made with CAP_SYS_ADMIN over the host.
Result<std::vector<WrittenDirectory>> make_filesystem(const Options& options, Inside& inside,
                                                      bool privileged);

// Is /tmp to be a fresh one? By the options; without a word, unless what the command names lies in
// the host's: the program, the directory, an argument.
bool wants_fresh_tmp(const Options& options, const std::string& directory);

// The host's directories that a mount of `overlay` needs: made, and held against another tc that
// would write to the same. Called outside, before the keeper.
Result<UniqueFd> claim_overlay(const std::string& overlay);
// Takes away what overlay mounts leave behind in it beside the files.
void tidy_overlay(const std::string& overlay);

}  // namespace tc::sandbox
