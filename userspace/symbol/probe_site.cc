#include "symbol/probe_site.h"

#include <algorithm>
#include <array>

namespace tc::symbol {

std::uint64_t probe_offset(std::span<const std::uint8_t> first_bytes) {
  constexpr std::array<std::uint8_t, 4> kEndbr64 = {0xf3, 0x0f, 0x1e, 0xfa};
  // The kernel emulates `push %reg` under a uprobe (arch/x86/kernel/uprobes.c) but single-steps
  // endbr64 out of line, with two exceptions a hit: about 40 times the cost. Behind endbr64 the
  // arguments and the return address at (%rsp) are still untouched. Only a push is known to run
  // once a call: no loop can jump back to it, since each turn would grow the stack.
  if (first_bytes.size() <= kEndbr64.size() ||
      !std::equal(kEndbr64.begin(), kEndbr64.end(), first_bytes.begin())) {
    return 0;
  }
  std::span<const std::uint8_t> next = first_bytes.subspan(kEndbr64.size());
  if (next.size() >= 2 && next[0] == 0x41) next = next.subspan(1);  // REX.B: r8 to r15
  const bool is_push = next[0] >= 0x50 && next[0] <= 0x57;
  return is_push ? kEndbr64.size() : 0;
}

}  // namespace tc::symbol
