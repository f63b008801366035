#include "determinism/program_stack.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace tc::determinism {
namespace {

constexpr std::uint64_t kStackPageBytes = 4096;
constexpr std::uint64_t kWordBytes = 8;
// The kernel gives arguments and environment at most 6 MiB (fs/exec.c), a pointer takes 8 bytes.
constexpr std::uint64_t kMostPointers = (6U << 20U) / kWordBytes * 2;
constexpr std::uint64_t kMostAuxiliaryEntries = 256;

// Words from an address up, read a page at a time: behind the last page there is nothing.
class StackReader {
 public:
  StackReader(Tracee& guest, std::uint64_t address) : guest_(guest), next_(address) {}

  std::uint64_t address() const { return next_; }

  Result<std::uint64_t> word() {
    if (next_ < begin_ || next_ + kWordBytes > begin_ + size_) TC_CHECK(fill());
    const std::uint64_t word = words_[(next_ - begin_) / kWordBytes];
    next_ += kWordBytes;
    return word;
  }

  void skip(std::uint64_t words) { next_ += words * kWordBytes; }

 private:
  Result<void> fill() {
    begin_ = next_;
    size_ = kStackPageBytes - next_ % kStackPageBytes;
    return guest_.read_memory(begin_, std::as_writable_bytes(std::span(words_)).first(size_));
  }

  Tracee& guest_;
  std::uint64_t next_;
  std::uint64_t begin_ = 0;
  std::uint64_t size_ = 0;
  std::array<std::uint64_t, kStackPageBytes / kWordBytes> words_;
};

// Leaves the reader at the auxiliary vector.
Result<void> skip_vectors(StackReader& reader) {
  TC_TRY(const std::uint64_t arguments, reader.word());
  if (arguments > kMostPointers) return error("a new program has {} arguments", arguments);
  reader.skip(arguments + 1);
  for (std::uint64_t count = 0;; ++count) {
    TC_TRY(const std::uint64_t variable, reader.word());
    if (variable == 0) return {};
    if (count > kMostPointers) return error("the environment of a new program does not end");
  }
}

Result<std::vector<AuxiliaryEntry>> read_auxiliary_vector(StackReader& reader) {
  std::vector<AuxiliaryEntry> entries;
  while (entries.size() < kMostAuxiliaryEntries) {
    TC_TRY(const std::uint64_t type, reader.word());
    TC_TRY(const std::uint64_t value, reader.word());
    entries.push_back({.type = type, .value = value});
    if (type == AT_NULL) return entries;
  }
  return error("the auxiliary vector of a new program does not end");
}

std::uint64_t value_of(std::span<const AuxiliaryEntry> entries, std::uint64_t type) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [type](const auto& entry) { return entry.type == type; });
  return found == entries.end() ? 0 : found->value;
}

}  // namespace

void rewrite_auxiliary_vector(std::span<AuxiliaryEntry> entries, const CpuModel& model) {
  // Not in the C library's header yet (include/uapi/linux/auxvec.h).
  constexpr std::uint64_t kRseqFeatureSize = 27;
  constexpr std::uint64_t kRseqAlign = 28;
  constexpr std::uint64_t kHwcap3 = 29;
  constexpr std::uint64_t kHwcap4 = 30;
  for (AuxiliaryEntry& entry : entries) {
    switch (entry.type) {
      case AT_SYSINFO_EHDR:
      case kRseqFeatureSize:
      case kRseqAlign:
      case kHwcap3:
      case kHwcap4:
        entry = {.type = AT_IGNORE, .value = 0};
        break;
      case AT_HWCAP:
        entry.value = model.hwcap();
        break;
      case AT_HWCAP2:
        entry.value = CpuModel::kHwcap2;
        break;
      case AT_MINSIGSTKSZ:
        entry.value = std::max(entry.value, CpuModel::kSignalStackBytes);
        break;
      default:
        break;
    }
  }
}

Result<ProgramStack> rewrite_program_stack(Tracee& guest, std::uint64_t stack_pointer,
                                           const CpuModel& model) {
  if (stack_pointer % kWordBytes != 0)
    return error("the stack of a new program is at {:#x}", stack_pointer);
  StackReader reader(guest, stack_pointer);
  TC_CHECK(skip_vectors(reader));
  const std::uint64_t auxiliary = reader.address();
  TC_TRY(std::vector<AuxiliaryEntry> entries, read_auxiliary_vector(reader));

  const ProgramStack result{.vdso = value_of(entries, AT_SYSINFO_EHDR)};
  if (const std::uint64_t address = value_of(entries, AT_RANDOM); address != 0) {
    std::array<std::byte, 16> bytes;
    guest.process().random.fill(bytes);
    TC_CHECK(guest.write_memory(address, bytes));
  }
  rewrite_auxiliary_vector(entries, model);
  TC_CHECK(guest.write_memory(auxiliary, std::as_bytes(std::span(entries))));
  return result;
}

}  // namespace tc::determinism
