#include "ptrace/held_call.h"

#include <sys/syscall.h>

#include "tc/capture.h"

namespace tc::ptrace {
namespace {

constexpr std::int64_t kRestartSys = 512;
constexpr std::int64_t kRestartNoIntr = 513;
constexpr std::int64_t kRestartNoHand = 514;
constexpr std::int64_t kRestartBlock = 516;
constexpr std::uint64_t kI386RestartSyscall = 0;

}  // namespace

bool is_to_be_restarted(std::int64_t result) {
  return result == -kRestartSys || result == -kRestartNoIntr || result == -kRestartNoHand ||
         result == -kRestartBlock;
}

bool is_restart(const CallEntry& entry) {
  return entry.abi == TC_ABI_I386 ? entry.number == kI386RestartSyscall
                                  : entry.number == SYS_restart_syscall;
}

HeldCall::HeldCall(const guest::Called& event, const CallEntry& entry)
    : event_(event), entry_(entry) {
  bytes_.reserve(event.call.pieces.size());
  for (const sys::Piece& piece : event.call.pieces) {
    pieces_.push_back(piece);
    pieces_.back().bytes = bytes_.emplace_back(piece.bytes);
  }
  event_.call.pieces = pieces_;
}

bool HeldCall::is_remade_by(const CallEntry& next) const {
  if (!was_ignored_ || next.abi != entry_.abi) return false;
  return next.number == entry_.number || is_restart(next);
}

}  // namespace tc::ptrace
