// Report: what a comparison has found, in the order of importance, ready for any format. Made by
// `tc diff` of two logs and by `tc baseline check` of a baseline and a run.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "behaviour/behaviour.h"
#include "behaviour/fact.h"

namespace tc::behaviour {

struct Change {
  bool added = true;  // else it is gone
  Fact fact;
  std::string file;     // where its line is found
  std::string runs;     // of a baseline: "in 1 of 3 runs"; else empty
  FactSet folded = {};  // facts of a program that came, or went, with this exec
};

struct Report {
  std::string title;   // "tc diff"
  std::string before;  // names of what was compared
  std::string after;
  bool same = false;  // at the level required: the exit status
  Level required = Level::kEffects;
  std::vector<Change> changes;           // that decide; riskiest first
  std::vector<Change> background;        // that do not
  std::optional<Comparison> comparison;  // of two logs
  std::string before_status;             // "exit 0"
  std::string after_status;
  std::vector<std::string> notes;
};

// The facts that only one side has. Those of a program that the other side does not know are folded
// under the exec that brought it, but for those a reviewer has to see: whom it talks to, its
// privileges, whatever is of high risk.
struct SideFacts {
  const FactSet& facts;
  std::string file;
};
void add_changes(const SideFacts& before, const SideFacts& after, Report& report);

// Riskiest first; within a risk by kind, then by object.
void rank(std::vector<Change>& changes);

// The programs that a set of facts tells of.
std::set<std::string> programs_in(const FactSet& facts);

Report report_difference(const Behaviour& before, const Behaviour& after, Level required);

}  // namespace tc::behaviour
