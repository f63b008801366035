// The one processor that guests see: CPUID of a fixed model that the host can really run, and the
// instructions that trap into the sandbox.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace tc::determinism {

struct CpuidResult {
  std::uint32_t eax = 0;
  std::uint32_t ebx = 0;
  std::uint32_t ecx = 0;
  std::uint32_t edx = 0;
};

// Features: x86-64-v3 where the host has all of it, else v2, and never RDRAND, RDSEED, RTM, HLE,
// RDPID, XSAVEOPT, XSAVEC, AVX-512, AMX, PKU, WAITPKG. Decided by the host's CPUID once, at the
// start, before faulting is on.
class CpuModel {
 public:
  CpuModel();
  CpuidResult cpuid(std::uint32_t leaf, std::uint32_t subleaf) const;
  // For AT_HWCAP of the auxiliary vector: CPUID.1:EDX.
  std::uint64_t hwcap() const { return cpuid(1, 0).edx; }

 private:
  bool has_v3_ = false;
};

enum class TrappedInstruction : std::uint8_t { kCpuid, kRdtsc, kRdtscp };
struct Trapped {
  TrappedInstruction instruction;
  std::uint8_t length;  // bytes, prefixes included
};
// What the first bytes at the instruction pointer are, when they are one of these.
std::optional<Trapped> decode_trapped(std::span<const std::uint8_t> bytes);

// What RDTSC reads: ticks of a clock of 1 GHz since the virtual machine was started.
std::uint64_t time_stamp(std::int64_t monotonic_ns);

}  // namespace tc::determinism
