#include "sandbox/gadget.h"

#include <sys/auxv.h>

#include <cstring>

namespace tc::sandbox {
namespace {

constexpr std::size_t kVdsoBytes = 4096;  // at least; its code begins in the first page

std::uint64_t find_syscall() {
  const std::uint64_t start = getauxval(AT_SYSINFO_EHDR);
  if (start == 0) return 0;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel tells the address as a number
  const auto* bytes = reinterpret_cast<const unsigned char*>(start);
  for (std::size_t at = 64; at + 1 < kVdsoBytes; ++at)
    if (bytes[at] == 0x0f && bytes[at + 1] == 0x05) return at;
  return 0;
}

}  // namespace

std::uint64_t vdso_syscall_offset() {
  static const std::uint64_t kOffset = find_syscall();
  return kOffset;
}

}  // namespace tc::sandbox
