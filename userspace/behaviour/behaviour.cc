#include "behaviour/behaviour.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>

namespace tc::behaviour {
namespace {

constexpr std::array<std::string_view, kLevels> kNames = {
    "bytes", "sequences", "folded", "events", "effects", "calls", "status"};

// Steps of comparing lines: a second or so.
constexpr std::uint64_t kEffort = 400'000'000;

const Sequence& sequence_of(const Sequences& sequences, const std::string& thread) {
  static const Sequence kNone;
  const auto found = sequences.find(thread);
  return found == sequences.end() ? kNone : found->second;
}

std::set<std::string> threads_of(const Behaviour& before, const Behaviour& after) {
  std::set<std::string> threads;
  for (const auto& [thread, sequence] : before.sequences) threads.insert(thread);
  for (const auto& [thread, sequence] : after.sequences) threads.insert(thread);
  return threads;
}

void compare_sequences(const Behaviour& before, const Behaviour& after, Comparison& result) {
  std::uint64_t effort = kEffort;
  for (const std::string& thread : threads_of(before, after)) {
    const Sequence& left = sequence_of(before.sequences, thread);
    const Sequence& right = sequence_of(after.sequences, thread);
    result.lines += left.lines.size() + right.lines.size();
    if (left.lines == right.lines) continue;
    ThreadDifference difference = {
        .thread = thread,
        .before_lines = left.lines.size(),
        .after_lines = right.lines.size(),
        .difference = count_differences(left.lines, right.lines, effort)};
    const auto [in_left, in_right] =
        std::mismatch(left.lines.begin(), left.lines.end(), right.lines.begin(), right.lines.end());
    const auto number = [](const Sequence& sequence, auto at) -> std::uint64_t {
      return at == sequence.lines.end()
                 ? 0
                 : sequence.numbers[static_cast<std::size_t>(at - sequence.lines.begin())];
    };
    difference.before_first = number(left, in_left);
    difference.after_first = number(right, in_right);
    result.difference.lines += difference.difference.lines;
    result.difference.exact = result.difference.exact && difference.difference.exact;
    result.threads.push_back(std::move(difference));
  }
}

using Folded = std::map<std::string, std::vector<EventHash>>;

Folded fold(const Behaviour& behaviour) {
  Folded threads;
  for (const auto& [thread, sequence] : behaviour.sequences) {
    std::vector<EventHash> events = folded(sequence.events);
    if (!events.empty()) threads[thread] = std::move(events);
  }
  return threads;
}

bool same_events(const Folded& before, const Folded& after) {
  const auto sorted = [](const Folded& threads) {
    std::vector<EventHash> all;
    for (const auto& [thread, events] : threads)
      all.insert(all.end(), events.begin(), events.end());
    std::sort(all.begin(), all.end());
    return all;
  };
  return sorted(before) == sorted(after);
}

// What decides on one side is on the other, where it may be of the background.
bool same_effects(const FactSet& before, const FactSet& after) {
  const auto all_in = [](const FactSet& some, const FactSet& other) {
    return std::all_of(some.begin(), some.end(),
                       [&](const Fact& fact) { return fact.background || other.contains(fact); });
  };
  return all_in(before, after) && all_in(after, before);
}

void compare_calls(const Effects& before, const Effects& after, Comparison& result) {
  for (const auto& [program, calls] : before.calls) {
    const auto other = after.calls.find(program);
    if (other == after.calls.end() || other->second == calls) continue;
    CallDifference difference = {.program = program, .added = {}, .gone = {}};
    std::set_difference(other->second.begin(), other->second.end(), calls.begin(), calls.end(),
                        std::back_inserter(difference.added));
    std::set_difference(calls.begin(), calls.end(), other->second.begin(), other->second.end(),
                        std::back_inserter(difference.gone));
    result.calls.push_back(std::move(difference));
  }
}

}  // namespace

std::string_view level_name(Level level) { return kNames[static_cast<std::size_t>(level)]; }

std::optional<Level> find_level(std::string_view name) {
  const auto* found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Level>(found - kNames.begin());
}

std::optional<Level> Comparison::strongest() const {
  const auto* first = std::find(holds.begin(), holds.end(), true);
  if (first == holds.end()) return std::nullopt;
  return static_cast<Level>(first - holds.begin());
}

Result<Behaviour> read_behaviour(const std::string& path, Loss loss) {
  Behaviour behaviour;
  behaviour.name = path == "-" ? "standard input" : path;
  FactCollector collector;
  Result<LogSummary> log = read_log(path, [&](const LogLine& line) {
    collector.take(line);
    add_line(behaviour.sequences, line, collector.program());
  });
  if (!log) return log.error();
  behaviour.log = std::move(log).value();
  if (behaviour.log.lost > 0 && loss == Loss::kRefuse) {
    return error(
        "{}: {} records were lost, so nothing can be said about what is missing; record it again "
        "(tc trace --engine ptrace loses none), or take it with --allow-loss",
        behaviour.name, behaviour.log.lost);
  }
  behaviour.effects = collector.finish();
  return behaviour;
}

Comparison compare(const Behaviour& before, const Behaviour& after) {
  Comparison result;
  const auto set = [&](Level level, bool holds) {
    result.holds[static_cast<std::size_t>(level)] = holds;
  };
  compare_sequences(before, after, result);
  compare_calls(before.effects, after.effects, result);
  set(Level::kBytes, before.log.digest == after.log.digest);
  set(Level::kSequences, result.at(Level::kBytes) || result.threads.empty());
  const bool in_order = result.at(Level::kSequences);
  const Folded left = in_order ? Folded() : fold(before);
  const Folded right = in_order ? Folded() : fold(after);
  set(Level::kFolded, in_order || left == right);
  set(Level::kEvents, result.at(Level::kFolded) || same_events(left, right));
  set(Level::kEffects,
      result.at(Level::kEvents) || same_effects(before.effects.facts, after.effects.facts));
  // What folding leaves out is in the sets of calls, and no difference.
  const bool alike = result.at(Level::kFolded);
  set(Level::kCalls, alike || before.effects.calls == after.effects.calls);
  set(Level::kStatus, alike || before.effects.status == after.effects.status);
  return result;
}

}  // namespace tc::behaviour
