// The keeper: the process between tc and the guests. It lives in the sandbox's namespaces, traces
// the guests, and takes them and its mounts with it when it ends, however it ends; tc outside only
// waits for it.
//
// It enters user, mount, network, IPC and UTS namespaces; its children get a pid namespace of their
// own, which the first of them must give a /proc by finish_world().
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/options.h"
#include "sandbox/outcome.h"

namespace tc::sandbox {

// The world as the keeper finds it when it is inside.
struct Inside {
  UniqueFd proc;          // of the host's /proc, in which every guest has an entry by its host pid
  std::string directory;  // where the command starts
  // An empty directory that guests can name, for files that stand in the place of others; empty
  // when there is none. It goes with the run.
  std::string substitutes;
  std::vector<std::string> weaker;  // what this host could not give, in words: "no pid namespace"
  bool has_pid_namespace = true;    // the first child is process 1 of it
  bool has_mount_namespace = true;
  bool has_own_sys = false;  // /sys holds determinism/sys_tree.h and nothing of the host
  UniqueFd late_weaker;      // finish_world() tells here, a line each, what it could not give
  int tc = -1;               // for introduce_init()
};

// In the first child of the keeper, before it is traced: mounts /proc of its pid namespace and
// changes into the root and the directory. Async-signal-safety is not needed: it was forked by a
// process of one thread.
Result<void> finish_world(const Options& options, const Inside& inside);

// In the keeper: tells tc outside who the first child is, and waits until run_kept()'s `meet_init`
// has returned there; its error is the one here.
Result<void> introduce_init(const Inside& inside, pid_t init);

// Forks the keeper, makes the world in it, and runs `work` there; its outcome comes back. Signals
// that end tc end the keeper. An error of `work`, or the keeper's own death, is an error here.
// `meet_init` is called in tc, which has the privileges that the keeper has given up.
Result<Outcome> run_kept(
    const Options& options, const std::function<Result<Outcome>(const Inside&)>& work,
    const std::function<Result<void>(pid_t)>& meet_init = [](pid_t) { return Result<void>(); });

}  // namespace tc::sandbox
