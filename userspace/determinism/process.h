// Process: what the sandbox knows of one process of a run. Data; the books of world.h keep the
// rest.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "determinism/random.h"

namespace tc::determinism {

// A task (thread) of the run, in order of creation, from 1. Never reused.
using TaskId = std::uint32_t;
// An address space; a new one with each fork and exec.
using SpaceId = std::uint32_t;

// The name of the sandbox's own first process, which executes nothing and only reaps.
inline constexpr const char* kInitName = "init";

struct Process {
  std::string name;                 // its creation path: "p1.2", or kInitName
  pid_t pid = 0;                    // as it sees itself
  pid_t parent = 0;                 // of the process that made it, likewise
  pid_t host_pid = 0;               // as we see it
  SpaceId space = 0;                // shared with a vfork child until that executes
  std::uint64_t order = 0;          // of all processes, by creation, from 1
  std::uint32_t execs = 0;          // how many programs it has executed
  std::int64_t started_ns = 0;      // virtual, monotonic
  std::int64_t busy_before_ns = 0;  // VirtualClock::busy_ns() when it was made
  Random random{0, 0};
  bool reads_tsc = true;          // prctl(PR_SET_TSC): PR_TSC_ENABLE as the guest believes
  bool runs_cpuid = true;         // arch_prctl(ARCH_CPUID) likewise
  bool is_dumpable = true;        // prctl(PR_SET_DUMPABLE) likewise: we could not trace it else
  bool has_filter = false;        // it has made itself a seccomp filter, beside ours
  bool has_own_root = false;      // chroot or pivot_root: names of ours are not its names
  bool has_changed_user = false;  // set*id: what it may open is not what we may
};

}  // namespace tc::determinism
