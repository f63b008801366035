#include "behaviour/baseline.h"

#include <fmt/format.h>

#include <algorithm>

namespace tc::behaviour {
namespace {

// The facts of a run that a baseline is about.
FactSet told_facts(const Behaviour& run, bool tells_calls) {
  FactSet facts;
  for (const Fact& fact : run.effects.facts)
    if (!fact.background) facts.insert(fact);
  if (!tells_calls) return facts;
  for (const auto& [program, calls] : run.effects.calls)
    for (const std::string& call : calls)
      facts.insert({.kind = Kind::kSyscall, .object = call, .subject = program});
  return facts;
}

// In how many of the runs each fact was seen, with its evidence from the first of them.
std::map<Fact, std::uint64_t> count_facts(std::span<const Behaviour> runs, bool tells_calls) {
  std::map<Fact, std::uint64_t> counts;
  for (const Behaviour& run : runs)
    for (const Fact& fact : told_facts(run, tells_calls)) ++counts[fact];
  return counts;
}

// In the background, too: what is known need not decide in every run.
std::uint64_t runs_with(std::span<const Behaviour> runs, const Fact& fact) {
  const auto has = [&](const Behaviour& run) {
    if (fact.kind != Kind::kSyscall) return run.effects.facts.contains(fact);
    const auto calls = run.effects.calls.find(fact.subject);
    return calls != run.effects.calls.end() && calls->second.contains(fact.object);
  };
  return static_cast<std::uint64_t>(std::count_if(runs.begin(), runs.end(), has));
}

std::string in_runs(std::uint64_t seen, std::uint64_t runs) {
  return runs < 2 ? std::string() : fmt::format("in {} of {} runs", seen, runs);
}

// The first run that has the fact, whose file the evidence is in.
const Behaviour& first_with(std::span<const Behaviour> runs, const Fact& fact, bool tells_calls) {
  for (const Behaviour& run : runs)
    if (told_facts(run, tells_calls).contains(fact)) return run;
  return runs.front();
}

// A change and what is folded under it go together.
void for_each_fact(const Change& change, const auto& act) {
  act(change.fact);
  for (const Fact& fact : change.folded) act(fact);
}

}  // namespace

Result<Baseline> learn(std::span<const Behaviour> runs, bool tells_calls) {
  TC_ASSERT(!runs.empty());
  for (const Behaviour& run : runs)
    TC_CHECK(
        check_comparable(runs.front().log.header, runs.front().name, run.log.header, run.name));
  Baseline baseline;
  baseline.header = runs.front().log.header;
  baseline.runs = runs.size();
  baseline.tells_calls = tells_calls;
  for (const auto& [fact, count] : count_facts(runs, tells_calls))
    baseline.facts.emplace(fact, Baseline::Sight{.always = count == runs.size(),
                                                 .runs = count == runs.size() ? 0 : count});
  return baseline;
}

Result<Check> check_runs(const Baseline& baseline, const std::string& baseline_name,
                         std::span<const Behaviour> runs) {
  TC_ASSERT(!runs.empty());
  for (const Behaviour& run : runs)
    TC_CHECK(check_comparable(baseline.header, baseline_name, run.log.header, run.name));
  Check check;
  check.updated = baseline;
  const auto counts = count_facts(runs, baseline.tells_calls);
  // What is expected, and what would have to be there for nothing to be said.
  FactSet before;
  FactSet after;
  for (const auto& [fact, sight] : baseline.facts) {
    const std::uint64_t count = runs_with(runs, fact);
    before.insert(fact);
    if (count == runs.size() || !sight.always) {
      after.insert(fact);
      continue;
    }
    if (count == 0)
      check.updated.facts.erase(fact);
    else
      check.updated.facts[fact].always = false;
  }
  for (const auto& [fact, count] : counts) {
    if (baseline.facts.contains(fact)) continue;
    after.insert(fact);
    check.updated.facts.emplace(fact, Baseline::Sight{.always = count == runs.size(),
                                                      .runs = count == runs.size() ? 0 : count,
                                                      .evidence = fact.record});
  }
  Report& report = check.report;
  report.title = "tc baseline check";
  report.before = baseline_name;
  report.after = runs.size() == 1 ? runs.front().name : fmt::format("{} runs", runs.size());
  add_changes({before, baseline_name}, {after, {}}, report);
  for (Change& change : report.changes) {
    change.runs = in_runs(runs_with(runs, change.fact), runs.size());
    if (change.added) change.file = first_with(runs, change.fact, baseline.tells_calls).name;
  }
  report.same = report.changes.empty();
  return check;
}

std::vector<Change> changes_between(const Baseline& current, const Baseline& proposed) {
  FactSet before;
  FactSet after;
  Report report;
  for (const auto& [fact, sight] : current.facts) before.insert(fact);
  for (const auto& [fact, sight] : proposed.facts) {
    Fact shown = fact;
    shown.record = sight.evidence;
    const auto known = current.facts.find(fact);
    after.insert(shown);
    if (known == current.facts.end() || known->second.always == sight.always) continue;
    report.changes.push_back({.added = true,
                              .fact = std::move(shown),
                              .file = {},
                              .runs = sight.always ? "now always" : "now sometimes"});
  }
  add_changes({before, {}}, {after, {}}, report);
  return std::move(report.changes);
}

void apply_change(const Change& change, const Baseline& proposed, Baseline& baseline) {
  for_each_fact(change, [&](const Fact& fact) {
    if (!change.added) {
      baseline.facts.erase(fact);
      return;
    }
    const auto found = proposed.facts.find(fact);
    TC_ASSERT(found != proposed.facts.end());
    Baseline::Sight sight = found->second;
    sight.evidence.clear();
    baseline.facts.insert_or_assign(fact, std::move(sight));
  });
}

void reject_change(const Change& change, const Baseline& current, Baseline& proposed) {
  for_each_fact(change, [&](const Fact& fact) {
    const auto known = current.facts.find(fact);
    if (known == current.facts.end())
      proposed.facts.erase(fact);
    else
      proposed.facts.insert_or_assign(fact, known->second);
  });
}

bool is_named(const Change& change, std::string_view name) {
  return name == change.fact.text() || name == change.fact.object || name == fact_id(change.fact);
}

}  // namespace tc::behaviour
