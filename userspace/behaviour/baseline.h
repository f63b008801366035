// Baseline: the effects that a program is known to have, as a small file that people review: a
// header, then one fact a line as canonical JSON, sorted by bytes, so that two branches merge line
// by line. What is in the background is not in it.
//
// baseline  calls command profile runs schema tells_calls
// fact      kind object risk runs? seen subject    runs: in how many, when only sometimes
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "behaviour/behaviour.h"
#include "behaviour/report.h"

namespace tc::behaviour {

struct Baseline {
  LogHeader header;
  std::uint64_t runs = 0;
  bool tells_calls = false;  // the names of the calls of each program are facts, too
  struct Sight {
    bool always = true;         // else only sometimes
    std::uint64_t runs = 0;     // of those sometimes there: in how many of the runs; 0: not known
    std::string evidence = {};  // in a proposal: the record that told it first
  };
  std::map<Fact, Sight> facts;
};

// What runs of one command have in common and what some of them do. They must be comparable.
Result<Baseline> learn(std::span<const Behaviour> runs, bool tells_calls);

// A proposal's evidence is written, too; a baseline has none.
std::string write_baseline(const Baseline& baseline);
// An error reads "NAME:LINE:COLUMN: error: [id] text" with a way on.
Result<Baseline> parse_baseline(std::string_view text, const std::string& name);
Result<Baseline> read_baseline(const std::string& path);

// What runs do that the baseline does not know, and what it says is always done and some of them
// did not do. `updated` is the baseline that would have nothing to say about them.
struct Check {
  Report report;
  Baseline updated;
};
Result<Check> check_runs(const Baseline& baseline, const std::string& baseline_name,
                         std::span<const Behaviour> runs);

// The changes that lead from one baseline to the other, folded as a report folds them: what is
// under an exec goes with it. "seen always" becoming "sometimes", and back, is an added fact.
std::vector<Change> changes_between(const Baseline& current, const Baseline& proposed);
// Makes the change in `baseline`, as `proposed` has it.
void apply_change(const Change& change, const Baseline& proposed, Baseline& baseline);

// Takes the change back in `proposed`, so that it is as in `current`.
void reject_change(const Change& change, const Baseline& current, Baseline& proposed);

// Whether the text of a fact ("exec /usr/bin/id"), its object or its id is `name`.
bool is_named(const Change& change, std::string_view name);

}  // namespace tc::behaviour
