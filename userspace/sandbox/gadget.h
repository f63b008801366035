// Where in the vDSO, which every process has at some address, there is a syscall instruction: a new
// program can be made to make a call from there before its first own step.
#pragma once

#include <cstdint>

namespace tc::sandbox {

// Bytes from the start of the vDSO; the image is the same in every process of this kernel. 0: there
// is none.
std::uint64_t vdso_syscall_offset();

}  // namespace tc::sandbox
