// The stack of a program that has just been executed: argument vector, environment and auxiliary
// vector, in which some entries differ from run to run or from host to host (getauxval(3)).
#pragma once

#include <cstdint>

#include "base/result.h"
#include "determinism/cpu_model.h"
#include "determinism/tracee.h"

namespace tc::determinism {

struct ProgramStack {
  std::uint64_t vdso = 0;  // where the vDSO was mapped; 0: none
};

// Rewrites what lies at the stack pointer of a new program: AT_RANDOM's bytes come from the
// process's stream, AT_SYSINFO_EHDR (vDSO: time without a call) and AT_RSEQ_* become AT_IGNORE,
// AT_HWCAP, AT_HWCAP2, AT_MINSIGSTKSZ are those of the model.
Result<ProgramStack> rewrite_program_stack(Tracee& guest, std::uint64_t stack_pointer,
                                           const CpuModel& model);

}  // namespace tc::determinism
