// /proc, /sys and /dev of a run: the host's /proc until there is a process whose own it can be,
// /sys of the model machine (determinism/sys_tree.h), and a /dev of the few devices that are the
// same everywhere.
#pragma once

#include "sandbox/keeper.h"
#include "sandbox/options.h"

namespace tc::sandbox {

// Into the root that is open at `root`: `is_new` when it is not the present one. What cannot be had
// goes to `inside.weaker`.
void mount_kernel_directories(const Options& options, int root, bool is_new, Inside& inside);

// /dev/mqueue of the IPC namespace that this process is in now; after the root was changed.
void mount_message_queues(Inside& inside);

}  // namespace tc::sandbox
