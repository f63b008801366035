// What this host can do for tc, asked of the host itself: each answer is an attempt, not a guess
// from a version number.
#pragma once

#include <string>
#include <vector>

namespace tc::probe {

enum class Verdict {
  kOk,
  kWeak,     // works in part, or another way does
  kMissing,  // what needs it does not work
};

struct Feature {
  std::string name;
  Verdict verdict = Verdict::kOk;
  std::string detail;  // what was found, and what it means for tc
  std::string remedy;  // the command or setting that mends it; empty when there is nothing to mend
};

std::vector<Feature> host_features();

}  // namespace tc::probe
