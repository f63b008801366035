// tc sandbox --verify: the command again and again from the same state, under conditions that
// change what must not matter, and whether all of it came out the same.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/options.h"

namespace tc::sandbox {

struct Verdict {
  bool equal = false;
  // What the runs had in common, or where they differ, and what to do about it: a line each.
  std::vector<std::string> lines;
  std::vector<std::string> not_promised;  // notes, and what this host could not give
};

// Runs the command `runs` times (at least twice), each with `options` but on files of which no
// change remains, its output kept from the user. Standard input is given whole to each; that of a
// terminal is empty. When `options.log` is set, the log of the first run stays there. An error when
// a run did not come to its end.
Result<Verdict> verify(const Options& options, unsigned runs);

}  // namespace tc::sandbox
