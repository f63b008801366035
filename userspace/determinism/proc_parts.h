// The parts that proc_files.cc puts together, one file a subject. Names are relative to what the
// function is named for: machine_file("cpuinfo"), network_file("dev").
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "determinism/proc_files.h"
#include "determinism/tracee.h"
#include "determinism/world.h"

namespace tc::determinism {

inline ProcFile proc_text(std::string text) {
  return {.kind = ProcFile::Kind::kText, .text = std::move(text)};
}
inline ProcFile proc_missing() { return {.kind = ProcFile::Kind::kMissing, .text = {}}; }
inline ProcFile proc_pass() { return {}; }

constexpr std::int64_t kProcTickNs = 10'000'000;  // USER_HZ is 100

// --- proc_machine.cc: of the machine as a whole; nothing for names that it has not -------------
std::optional<std::string> machine_file(const World& world, std::string_view name);

// --- proc_network.cc: /proc/net ----------------------------------------------------------------
ProcFile network_file(std::string_view name);

// --- proc_settings.cc: /proc/sys ---------------------------------------------------------------
ProcFile kernel_setting(World& world, Tracee& guest, std::string_view name);

// --- proc_process.cc: /proc/PID and /proc/PID/task/TID -----------------------------------------

// Of whom: numbers as the guests see them.
struct ProcSubject {
  pid_t pid = 0;
  std::optional<pid_t> tid;  // when it was named by its thread
};
ProcFile process_file(World& world, Tracee& guest, const ProcSubject& subject,
                      std::string_view name);

// --- proc_status.cc, proc_mappings.cc: the host's texts, rewritten -----------------------------

// What the texts of a process say beside what the host knows.
struct ProcessView {
  bool is_running = false;      // it is the one that asks
  std::int64_t started_ns = 0;  // monotonic
  std::int64_t cpu_ns = 0;
  bool is_init = false;  // the sandbox's own first process
  int launch_nice = 0;   // World::launch_nice
};
std::string rewrite_stat(std::string_view host, const ProcessView& view);
std::string rewrite_status(std::string_view host, const ProcessView& view);
// `root`: of the guest, as the host's text names it; taken off the names of files.
std::string rewrite_maps(World& world, std::string_view host, std::string_view root);
// Also of smaps_rollup.
std::string rewrite_smaps(World& world, std::string_view host, std::string_view root);
// `inode` is what the file's is told to be.
std::string rewrite_descriptor_info(std::string_view host, std::uint64_t inode);

}  // namespace tc::determinism
