// The one processor that guests see: CPUID of a fixed model that the host can really run, and the
// instructions that trap into the sandbox.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace tc::determinism {

struct CpuidResult {
  std::uint32_t eax = 0;
  std::uint32_t ebx = 0;
  std::uint32_t ecx = 0;
  std::uint32_t edx = 0;
};

// The features come in steps, of which the model has the highest that the host has all of: what
// guests are told is one of three things, whatever the host. Never RDRAND, RDSEED, RTM, HLE, RDPID,
// XSAVEOPT, XSAVEC, AVX-512, AMX, PKU, WAITPKG: they tell of chance or of the host, and no trap
// catches them. Decided by the host's CPUID once, at the start, before faulting is on.
class CpuModel {
 public:
  enum class Level : std::uint8_t {
    kV2,          // x86-64-v2
    kV3,          // x86-64-v3, AES-NI and PCLMULQDQ
    kV3WithHash,  // … SHA-NI and ADX
  };

  CpuModel();

  // Of leaves and subleaves that the model has not: zeros.
  CpuidResult cpuid(std::uint32_t leaf, std::uint32_t subleaf) const;

  Level level() const { return level_; }
  // The features by the names of /proc/cpuinfo, with spaces between.
  std::string feature_names() const;
  // For the auxiliary vector (getauxval(3)). AT_HWCAP is CPUID.1:EDX.
  std::uint64_t hwcap() const { return words_[kLeaf1Edx]; }
  static constexpr std::uint64_t kHwcap2 = 0;
  // AT_MINSIGSTKSZ where the kernel does not need more: enough for AVX-512 frames, which a host may
  // save though the model does not have them.
  static constexpr std::uint64_t kSignalStackBytes = 3632;

  static constexpr std::uint32_t kFamily = 6;
  static constexpr std::uint32_t kModel = 63;
  static constexpr std::uint32_t kStepping = 2;
  static constexpr const char* kVendor = "GenuineIntel";
  static constexpr const char* kBrand = "Testchamber Virtual Processor";
  static constexpr std::uint32_t kCacheKib = 24576;  // of the last level

 private:
  // The registers that hold feature bits.
  enum Word : std::uint8_t { kLeaf1Ecx, kLeaf1Edx, kLeaf7Ebx, kExtendedEcx, kExtendedEdx, kWords };
  struct Feature {
    Word word;
    std::uint8_t bit;
    Level level;
    const char* name;
  };
  // All that the highest level has, in the order of /proc/cpuinfo.
  static std::span<const Feature> features();
  static std::array<std::uint32_t, kWords> host_words();

  Level level_ = Level::kV2;
  std::array<std::uint32_t, kWords> words_{};
  std::uint32_t saved_state_bytes_ = 0;  // CPUID.0xD:EBX
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
