// Behaviour: all that is kept of a log in order to compare it, and the comparison by levels, from
// the same bytes to the same exit status. What a reader is told of it is report.h's business.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "behaviour/facts.h"
#include "behaviour/log.h"
#include "behaviour/sequence.h"

namespace tc::behaviour {

struct Behaviour {
  std::string name;  // of the log
  LogSummary log;
  Effects effects;
  Sequences sequences;
};

enum class Loss { kRefuse, kAllow };
// A log with losses says nothing about what is missing in it: an error, unless allowed.
Result<Behaviour> read_behaviour(const std::string& path, Loss loss);

// From the strictest on. Logs that are equal at one level are so at those below, but for kCalls:
// the same effects may come from other calls.
enum class Level : std::uint8_t {
  kBytes,      // the logs are the same file
  kSequences,  // each thread does the same, in the same order
  kFolded,     // but for repetitions, retries and contention
  kEvents,     // as often, in any order and by any thread of the program
  kEffects,    // the same set of facts
  kCalls,      // each program uses the same calls
  kStatus,     // it ends alike
};
inline constexpr std::size_t kLevels = 7;
std::string_view level_name(Level level);
std::optional<Level> find_level(std::string_view name);

struct ThreadDifference {
  std::string thread;
  std::uint64_t before_lines = 0;
  std::uint64_t after_lines = 0;
  LineDifference difference;
  // The first lines that differ, in the logs; 0 where there is none any more.
  std::uint64_t before_first = 0;
  std::uint64_t after_first = 0;
};

// Calls of a program that only one side made.
struct CallDifference {
  std::string program;
  std::vector<std::string> added;
  std::vector<std::string> gone;
};

struct Comparison {
  std::array<bool, kLevels> holds{};
  std::uint64_t lines = 0;  // of both logs
  LineDifference difference;
  std::vector<ThreadDifference> threads;  // those that differ
  std::vector<CallDifference> calls;      // of programs that are in both

  bool at(Level level) const { return holds[static_cast<std::size_t>(level)]; }
  std::optional<Level> strongest() const;
};

// What the two must be comparable for: check_comparable().
Comparison compare(const Behaviour& before, const Behaviour& after);

}  // namespace tc::behaviour
