// The stack of a program that has just been executed: argument vector, environment and auxiliary
// vector, in which some entries differ from run to run or from host to host (getauxval(3)).
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "determinism/cpu_model.h"
#include "determinism/tracee.h"

namespace tc::determinism {

// Elf64_auxv_t.
struct AuxiliaryEntry {
  std::uint64_t type = 0;
  std::uint64_t value = 0;
};

// Of an auxiliary vector: AT_SYSINFO_EHDR (vDSO: time without a call) and AT_RSEQ_* become
// AT_IGNORE; AT_HWCAP, AT_HWCAP2, AT_MINSIGSTKSZ are those of the model.
void rewrite_auxiliary_vector(std::span<AuxiliaryEntry> entries, const CpuModel& model);

struct ProgramStack {
  std::uint64_t vdso = 0;  // where the vDSO was mapped; 0: none
};

// Rewrites what lies at the stack pointer of a new program: the auxiliary vector as above, and
// AT_RANDOM's bytes, which come from the process's stream. An error is a stack that is not one.
Result<ProgramStack> rewrite_program_stack(Tracee& guest, std::uint64_t stack_pointer,
                                           const CpuModel& model);

}  // namespace tc::determinism
