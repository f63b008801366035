#include "ptrace/signal_event.h"

namespace tc::ptrace {
namespace {

// Did a process send it, or a child cause it, so that the sender's fields of siginfo_t are valid
// (sigaction(2))?
bool has_sender(int signal, int code) {
  if (code == SI_USER || code == SI_QUEUE || code == SI_MESGQ || code == SI_TKILL) return true;
  return signal == SIGCHLD && code > 0 && code != SI_KERNEL;
}

bool has_fault_address(int signal, int code) {
  const bool is_fault =
      signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL;
  return is_fault && code > 0 && code != SI_KERNEL;
}

}  // namespace

guest::Signalled signal_event(guest::Task task, int signal, const siginfo_t& info,
                              std::uint64_t time_ns) {
  guest::Signalled event = {.task = task,
                            .time_ns = time_ns,
                            .signal = static_cast<std::uint32_t>(signal),
                            .code = info.si_code};
  if (has_sender(signal, info.si_code)) {
    event.sender_pid = static_cast<std::uint32_t>(info.si_pid);
    event.sender_uid = info.si_uid;
  } else if (has_fault_address(signal, info.si_code)) {
    event.fault_address = reinterpret_cast<std::uint64_t>(info.si_addr);
  }
  return event;
}

}  // namespace tc::ptrace
