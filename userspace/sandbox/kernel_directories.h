// /proc, /sys and /dev of a run: the host's /proc until there is a process whose own it can be,
// /sys of the model machine (determinism/sys_tree.h), and a /dev of the few devices that are the
// same everywhere.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/keeper.h"
#include "sandbox/options.h"

namespace tc::sandbox {

class KernelDirectories {
 public:
  // Takes hold of what is the host's, before anything is mounted over it. `is_new`: they go into
  // another root than the present one.
  KernelDirectories(const Options& options, bool is_new);

  // Into the root that is open at `root`. What cannot be had goes to `inside.weaker`.
  void mount(int root, Inside& inside) const;

 private:
  // Of the host.
  struct Taken {
    std::string path;
    Result<UniqueFd> mount;
  };
  static Taken take(const std::string& path);
  static void show(const Taken& taken, int root, Inside& inside);
  void mount_devices(int root, Inside& inside) const;

  std::vector<Taken> directories_;  // shown as they are
  std::vector<Taken> devices_;
  bool has_own_sys_;
};

// /dev/mqueue of the IPC namespace that this process is in now; after the root was changed.
void mount_message_queues(Inside& inside);

}  // namespace tc::sandbox
