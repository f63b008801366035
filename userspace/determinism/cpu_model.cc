// The model: an Intel processor of the Haswell kind with one core, in as few leaves as programs can
// do with. Each CPUID of a guest is a trap, and the C library's start-up alone executes dozens:
// with Intel's vendor name and the caches described by the one-byte descriptors of leaf 2 glibc
// reads them with 12, where leaf 4 or AMD's leaves take 24 to 49. No leaf above 0xD, no HTT and no
// XSAVEC save it the loops over topology and state components.
#include "determinism/cpu_model.h"

#include <cpuid.h>

#include <algorithm>
#include <cstring>

namespace tc::determinism {
namespace {

constexpr std::uint32_t kHighestLeaf = 0xd;
constexpr std::uint32_t kHighestExtendedLeaf = 0x80000008;
constexpr std::uint32_t kSignature = (CpuModel::kModel >> 4U) << 16U | CpuModel::kFamily << 8U |
                                     (CpuModel::kModel & 15U) << 4U | CpuModel::kStepping;

// One-byte descriptors of Intel's leaf 2, none of them 0xff (which refers to leaf 4).
constexpr std::uint32_t kData32Kib = 0x2c;      // L1, 8 ways, lines of 64 bytes
constexpr std::uint32_t kCode32Kib = 0x30;      // L1, 8 ways
constexpr std::uint32_t kUnified512Kib = 0x7b;  // L2, 8 ways
// L3, 24 ways: the largest that glibc knows. From three quarters of it on memcpy goes past the
// caches, which costs half the speed of a copy that would have fitted in them.
constexpr std::uint32_t kUnified24Mib = 0xec;

// The same for leaf 4. `type`: 1 data, 2 code, 3 unified.
CpuidResult cache(std::uint32_t type, std::uint32_t level, std::uint32_t ways, std::uint32_t sets) {
  constexpr std::uint32_t kSelfInitialising = 1U << 8U;
  constexpr std::uint32_t kLineBytes = 64;
  return {.eax = type | level << 5U | kSelfInitialising,
          .ebx = (ways - 1) << 22U | (kLineBytes - 1),
          .ecx = sets - 1,
          .edx = 0};
}

CpuidResult cache(std::uint32_t subleaf) {
  switch (subleaf) {
    case 0:
      return cache(1, 1, 8, 64);
    case 1:
      return cache(2, 1, 8, 64);
    case 2:
      return cache(3, 2, 8, 1024);
    case 3:
      return cache(3, 3, 24, 16384);
    default:
      return {};
  }
}

// One thread in one core: a level of each, then the end.
CpuidResult topology(std::uint32_t subleaf) {
  constexpr std::uint32_t kThreads = 1;
  constexpr std::uint32_t kCores = 2;
  if (subleaf > 1) return {.ecx = subleaf & 0xffU};
  return {.ebx = 1, .ecx = subleaf | (subleaf == 0 ? kThreads : kCores) << 8U};
}

// The state that XSAVE saves. XCR0 cannot be hidden: XGETBV does not trap, and XSAVE writes all
// components that the kernel has enabled and the program asks for. So the size must be one that the
// host's state fits in, or a program that sizes its area by it (glibc's lazy binding, with a mask
// that includes AVX-512) overwrites its own stack.
constexpr std::uint32_t kAvx512StateBytes = 2696;  // with PKRU: any host but ones with AMX

CpuidResult saved_state(std::uint32_t subleaf, std::uint32_t bytes) {
  constexpr std::uint32_t kX87SseAvx = 7;
  if (subleaf == 0) return {.eax = kX87SseAvx, .ebx = bytes, .ecx = bytes};
  constexpr std::uint32_t kAvx = 2;
  if (subleaf == kAvx) return {.eax = 256, .ebx = 576};
  return {};
}

// A third of the processor's name, of 48 bytes.
CpuidResult brand(std::uint32_t third) {
  char name[48] = {};
  std::strncpy(name, CpuModel::kBrand, sizeof(name) - 1);
  CpuidResult result;
  std::memcpy(&result, name + third * sizeof(result), sizeof(result));
  return result;
}

CpuidResult vendor() {
  CpuidResult result{.eax = kHighestLeaf};
  std::memcpy(&result.ebx, CpuModel::kVendor, 4);
  std::memcpy(&result.edx, CpuModel::kVendor + 4, 4);
  std::memcpy(&result.ecx, CpuModel::kVendor + 8, 4);
  return result;
}

CpuidResult host_cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
  CpuidResult result;
  // Fails for leaves that the host does not have: then zeros.
  if (__get_cpuid_count(leaf, subleaf, &result.eax, &result.ebx, &result.ecx, &result.edx) == 0)
    return {};
  return result;
}

}  // namespace

// ERMS and FSRM are left out though hosts have them: on AMD's Zen 3
// REP MOVSB of misaligned buffers runs at a tenth of the speed of vector code, and glibc avoids
// that there only as long as it knows the processor.
std::span<const CpuModel::Feature> CpuModel::features() {
  using enum Level;
  static constexpr Feature kAll[] = {
      {kLeaf1Edx, 0, kV2, "fpu"},
      {kLeaf1Edx, 1, kV2, "vme"},
      {kLeaf1Edx, 2, kV2, "de"},
      {kLeaf1Edx, 3, kV2, "pse"},
      {kLeaf1Edx, 4, kV2, "tsc"},
      {kLeaf1Edx, 5, kV2, "msr"},
      {kLeaf1Edx, 6, kV2, "pae"},
      {kLeaf1Edx, 7, kV2, "mce"},
      {kLeaf1Edx, 8, kV2, "cx8"},
      {kLeaf1Edx, 9, kV2, "apic"},
      {kLeaf1Edx, 11, kV2, "sep"},
      {kLeaf1Edx, 12, kV2, "mtrr"},
      {kLeaf1Edx, 13, kV2, "pge"},
      {kLeaf1Edx, 14, kV2, "mca"},
      {kLeaf1Edx, 15, kV2, "cmov"},
      {kLeaf1Edx, 16, kV2, "pat"},
      {kLeaf1Edx, 17, kV2, "pse36"},
      {kLeaf1Edx, 19, kV2, "clflush"},
      {kLeaf1Edx, 23, kV2, "mmx"},
      {kLeaf1Edx, 24, kV2, "fxsr"},
      {kLeaf1Edx, 25, kV2, "sse"},
      {kLeaf1Edx, 26, kV2, "sse2"},
      {kExtendedEdx, 11, kV2, "syscall"},
      {kExtendedEdx, 20, kV2, "nx"},
      {kExtendedEdx, 27, kV2, "rdtscp"},
      {kExtendedEdx, 29, kV2, "lm"},
      {kLeaf1Ecx, 0, kV2, "pni"},
      {kLeaf1Ecx, 1, kV3, "pclmulqdq"},
      {kLeaf1Ecx, 9, kV2, "ssse3"},
      {kLeaf1Ecx, 12, kV3, "fma"},
      {kLeaf1Ecx, 13, kV2, "cx16"},
      {kLeaf1Ecx, 19, kV2, "sse4_1"},
      {kLeaf1Ecx, 20, kV2, "sse4_2"},
      {kLeaf1Ecx, 22, kV3, "movbe"},
      {kLeaf1Ecx, 23, kV2, "popcnt"},
      {kLeaf1Ecx, 25, kV3, "aes"},
      {kLeaf1Ecx, 26, kV3, "xsave"},
      {kLeaf1Ecx, 27, kV3, nullptr},  // OSXSAVE, which /proc/cpuinfo does not tell
      {kLeaf1Ecx, 28, kV3, "avx"},
      {kLeaf1Ecx, 29, kV3, "f16c"},
      {kExtendedEcx, 0, kV2, "lahf_lm"},
      {kExtendedEcx, 5, kV3, "abm"},
      {kLeaf7Ebx, 3, kV3, "bmi1"},
      {kLeaf7Ebx, 5, kV3, "avx2"},
      {kLeaf7Ebx, 8, kV3, "bmi2"},
      {kLeaf7Ebx, 19, kV3WithHash, "adx"},
      {kLeaf7Ebx, 29, kV3WithHash, "sha_ni"},
  };
  return kAll;
}

std::array<std::uint32_t, CpuModel::kWords> CpuModel::host_words() {
  std::array<std::uint32_t, kWords> words{};
  const CpuidResult basic = host_cpuid(1, 0);
  const CpuidResult structured = host_cpuid(7, 0);
  const CpuidResult extended = host_cpuid(0x80000001, 0);
  words[kLeaf1Ecx] = basic.ecx;
  words[kLeaf1Edx] = basic.edx;
  words[kLeaf7Ebx] = structured.ebx;
  words[kExtendedEcx] = extended.ecx;
  words[kExtendedEdx] = extended.edx;
  return words;
}

CpuModel::CpuModel() {
  const std::array<std::uint32_t, kWords> host = host_words();
  const auto host_has = [&host](const Feature& feature) {
    return (host[feature.word] >> feature.bit & 1U) != 0;
  };
  const auto has_all_of = [&](Level level) {
    return std::all_of(features().begin(), features().end(), [&](const Feature& feature) {
      return feature.level > level || host_has(feature);
    });
  };
  for (const Level level : {Level::kV3, Level::kV3WithHash})
    if (has_all_of(level)) level_ = level;
  for (const Feature& feature : features())
    if (feature.level <= level_ && host_has(feature)) words_[feature.word] |= 1U << feature.bit;
  saved_state_bytes_ = std::max(kAvx512StateBytes, host_cpuid(0xd, 0).ebx);
}

CpuidResult CpuModel::cpuid(std::uint32_t leaf, std::uint32_t subleaf) const {
  switch (leaf) {
    case 0:
      return vendor();
    case 1:  // lines of 8 × 8 bytes for CLFLUSH, one logical processor, APIC id 0
      return {.eax = kSignature,
              .ebx = 1U << 16U | 8U << 8U,
              .ecx = words_[kLeaf1Ecx],
              .edx = words_[kLeaf1Edx]};
    case 2:  // low byte: to be executed once
      return {.eax = kUnified512Kib << 24U | kCode32Kib << 16U | kData32Kib << 8U | 1U,
              .edx = kUnified24Mib};
    case 4:
      return cache(subleaf);
    case 7:
      if (subleaf != 0) return {};
      return {.ebx = words_[kLeaf7Ebx]};
    case 0xb:
      return topology(subleaf);
    case 0xd:
      if (level_ == Level::kV2) return {};
      return saved_state(subleaf, saved_state_bytes_);
    case 0x80000000:
      return {.eax = kHighestExtendedLeaf};
    case 0x80000001:
      return {.ecx = words_[kExtendedEcx], .edx = words_[kExtendedEdx]};
    case 0x80000002:
    case 0x80000003:
    case 0x80000004:
      return brand(leaf - 0x80000002);
    case 0x80000006:  // L2: 512 KiB, 8 ways, lines of 64 bytes
      return {.ecx = 512U << 16U | 6U << 12U | 64U};
    case 0x80000008:  // addresses: 46 bits physical, 48 virtual
      return {.eax = 48U << 8U | 46U};
    default:
      return {};
  }
}

std::string CpuModel::feature_names() const {
  std::string names;
  for (const Feature& feature : features()) {
    if (feature.name == nullptr || (words_[feature.word] >> feature.bit & 1U) == 0) continue;
    if (!names.empty()) names += ' ';
    names += feature.name;
  }
  return names;
}

std::optional<Trapped> decode_trapped(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kLongestInstruction = 15;
  bytes = bytes.first(std::min(bytes.size(), kLongestInstruction));
  constexpr std::uint8_t kLegacyPrefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64,
                                              0x65, 0x66, 0x67, 0xf2, 0xf3};
  std::size_t at = 0;
  while (at < bytes.size() && std::find(std::begin(kLegacyPrefixes), std::end(kLegacyPrefixes),
                                        bytes[at]) != std::end(kLegacyPrefixes))
    ++at;
  if (at < bytes.size() && (bytes[at] & 0xf0U) == 0x40) ++at;  // REX is the last prefix
  const std::span<const std::uint8_t> opcode = bytes.subspan(at);
  if (opcode.size() < 2 || opcode[0] != 0x0f) return std::nullopt;
  const auto trapped = [at](TrappedInstruction instruction, std::size_t size) {
    return Trapped{.instruction = instruction, .length = static_cast<std::uint8_t>(at + size)};
  };
  if (opcode[1] == 0xa2) return trapped(TrappedInstruction::kCpuid, 2);
  if (opcode[1] == 0x31) return trapped(TrappedInstruction::kRdtsc, 2);
  if (opcode.size() >= 3 && opcode[1] == 0x01 && opcode[2] == 0xf9)
    return trapped(TrappedInstruction::kRdtscp, 3);
  return std::nullopt;
}

std::uint64_t time_stamp(std::int64_t monotonic_ns) {
  return static_cast<std::uint64_t>(monotonic_ns);
}

}  // namespace tc::determinism
