// How a run in the sandbox ended.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tc::sandbox {

// Stops by kind, for --stats.
struct Statistics {
  std::uint64_t stops = 0;
  std::uint64_t determinised = 0;  // calls with a handler
  std::uint64_t passed = 0;        // calls that stopped and passed
  std::uint64_t refused = 0;
  std::uint64_t tsc_traps = 0;
  std::uint64_t cpuid_traps = 0;
  std::uint64_t signals = 0;
  std::uint64_t switches = 0;  // of the running task
  std::uint64_t tasks = 0;
  std::uint64_t spins = 0;  // found waiting in user space
  std::int64_t virtual_ns = 0;
  std::map<std::string, std::uint64_t> calls;  // determinised ones, by name
};

struct Outcome {
  enum class Kind : std::uint8_t {
    kEnded,
    kDeadlock,     // every task waits for another
    kTimeout,      // --timeout
    kNoCommand,    // could not be executed: `status` is 126 or 127
    kInterrupted,  // tc was told to end: `status` is 128 + the signal
  };
  Kind kind = Kind::kEnded;
  int status = 0;                   // exit status as a shell has it
  std::string report;               // of a deadlock: who waits for what
  std::vector<std::string> notes;   // what could not be promised
  std::vector<std::string> weaker;  // what this host could not give: filled in by run_kept()
  Statistics statistics;
};

// Exit statuses of tc sandbox beside the command's own.
inline constexpr int kDeadlockStatus = 123;
inline constexpr int kTimeoutStatus = 124;

}  // namespace tc::sandbox
