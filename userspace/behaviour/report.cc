#include "behaviour/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace tc::behaviour {
namespace {

bool must_be_seen(const Fact& fact) {
  if (fact.background) return false;
  const std::string_view group = row_of(fact.kind).group;
  return fact.risk == Risk::kHigh || group == "network" || group == "privileges";
}

// The facts of `mine` that `other` lacks, as changes; `added` says which side `mine` is.
class Difference {
 public:
  Difference(const SideFacts& mine, const FactSet& other, bool added)
      : mine_(mine), other_(other), added_(added), known_(programs_in(other)) {}

  void add_to(Report& report) {
    for (const Fact& fact : mine_.facts) {
      const auto match = other_.find(fact);
      // A fact that decides and one of the background are as good as each other here.
      if (match != other_.end()) continue;
      if (const Fact* exec = brought_by(fact)) {
        folded_[*exec].insert(fact);
      } else {
        own_.push_back(fact);
      }
    }
    for (const Fact& fact : own_) {
      Change change = {.added = added_, .fact = fact, .file = mine_.file, .runs = {}};
      if (const auto folded = folded_.find(fact); folded != folded_.end())
        change.folded = std::move(folded->second);
      (fact.background ? report.background : report.changes).push_back(std::move(change));
    }
  }

 private:
  // The exec by a program known to the other side that led to the program of this fact; null when
  // the fact stands for itself.
  const Fact* brought_by(const Fact& fact) const {
    if (must_be_seen(fact) || known_.contains(fact.subject)) return nullptr;
    std::set<std::string> seen;
    std::string program = fact.subject;
    while (seen.insert(program).second) {
      const Fact* exec = exec_of(program);
      if (exec == nullptr) return nullptr;
      if (known_.contains(exec->subject) || must_be_seen(*exec)) {
        const bool is_change = !other_.contains(*exec);
        return is_change && !(*exec == fact) ? exec : nullptr;
      }
      program = exec->subject;
    }
    return nullptr;
  }

  const Fact* exec_of(const std::string& program) const {
    for (const Fact& fact : mine_.facts) {
      if (fact.kind != Kind::kExec) break;  // they come first
      if (program_name(fact.object) == program) return &fact;
    }
    return nullptr;
  }

  const SideFacts& mine_;
  const FactSet& other_;
  bool added_;
  std::set<std::string> known_;
  std::vector<Fact> own_;
  std::map<Fact, FactSet> folded_;
};

}  // namespace

std::set<std::string> programs_in(const FactSet& facts) {
  std::set<std::string> programs = {"tc"};
  for (const Fact& fact : facts) {
    programs.insert(fact.subject);
    if (fact.kind == Kind::kExec) programs.insert(program_name(fact.object));
  }
  return programs;
}

void rank(std::vector<Change>& changes) {
  const auto key = [](const Change& change) {
    return std::make_tuple(-static_cast<int>(change.fact.risk), std::cref(change.fact),
                           !change.added);
  };
  std::sort(changes.begin(), changes.end(),
            [&](const Change& left, const Change& right) { return key(left) < key(right); });
}

void add_changes(const SideFacts& before, const SideFacts& after, Report& report) {
  Difference(after, before.facts, true).add_to(report);
  Difference(before, after.facts, false).add_to(report);
  rank(report.changes);
  rank(report.background);
}

Report report_difference(const Behaviour& before, const Behaviour& after, Level required) {
  Report report;
  report.title = "tc diff";
  report.before = before.name;
  report.after = after.name;
  report.required = required;
  report.before_status = before.effects.status;
  report.after_status = after.effects.status;
  report.comparison = compare(before, after);
  report.same = report.comparison->at(required);
  add_changes({before.effects.facts, before.name}, {after.effects.facts, after.name}, report);
  if (before.log.lost + after.log.lost > 0) {
    report.notes.push_back(
        fmt::format("records were lost ({} and {}): what is missing may have been there",
                    before.log.lost, after.log.lost));
  }
  return report;
}

}  // namespace tc::behaviour
