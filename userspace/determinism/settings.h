// Settings: what the user chose of a run's inputs, as the handlers need it. Everything that a run's
// result may depend on is here, in the command, or in files.
#pragma once

#include <cstdint>
#include <string>

namespace tc::determinism {

enum class FileTimes : std::uint8_t {
  kFixed,  // files that the run has not touched have one time: the epoch
  kKeep,   // … the one they have
};

struct Settings {
  std::int64_t epoch_ns = 1'735'689'600LL * 1'000'000'000;  // 2025-01-01T00:00:00Z
  std::int64_t clock_step_ns = 1'000;
  std::uint64_t seed = 0;
  FileTimes file_times = FileTimes::kFixed;
  std::string host_name = "testchamber";
  bool real_proc = false;     // /proc and /sys as they are
  bool host_network = false;  // connections leave the sandbox: ports are the kernel's
};

}  // namespace tc::determinism
