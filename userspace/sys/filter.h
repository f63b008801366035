// seccomp programs made from the table, and a machine that evaluates them, so that what a filter
// does can be proved and not only hoped (seccomp(2); Documentation/networking/filter.rst).
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "sys/selection.h"
#include "sys/table.h"

namespace tc::sys {

// What the kernel side of seccomp is to do with a call; values are SECCOMP_RET_….
struct FilterActions {
  std::uint32_t foreign;  // another architecture than x86-64 (i386), and x32
  std::uint32_t unknown;  // x86-64 numbers above the table
  // For each number of 0 … TC_CALLS_MAX-1.
  std::function<std::uint32_t(std::uint32_t number)> of;
};

using FilterProgram = std::vector<sock_filter>;

// Checks the architecture, then finds the number by halving. At most 4096 instructions.
FilterProgram compile_filter(const FilterActions& actions);

// What the program returns for the call; an error when the program is not a valid filter (runs
// off its end, jumps out, reads outside seccomp_data).
Result<std::uint32_t> evaluate_filter(std::span<const sock_filter> program,
                                      const seccomp_data& call);

// Stops (SECCOMP_RET_TRACE) at the selected calls, and at foreign and unknown ones; lets the
// others pass.
FilterProgram trace_filter(const CallSelection& selection);
// By the policy column: Pass passes, everything else stops, also what the table does not know.
FilterProgram policy_filter();

}  // namespace tc::sys
