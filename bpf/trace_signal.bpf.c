/* Internal event 69, signal_deliver: a signal acts on a followed thread. Signals that are ignored
 * do not act. SIGKILL is seen in how the thread ends, and its delivery is not the same on every
 * run: the kernel also uses it on threads whose process exits. */
#include "emit.h"
#include "selection.h"

#define SIGILL 4
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGSEGV 11
#define SIGCHLD 17
#define SIGCONT 18
#define SIGURG 23
#define SIGWINCH 28
#define SIG_DFL 0
#define SIG_IGN 1
/* si_code: sent by a process (sigaction(2)); those of faults are positive. */
#define SI_USER 0
#define SI_QUEUE -1
#define SI_MESGQ -3
#define SI_TKILL -6
#define SI_KERNEL 0x80

static __always_inline bool is_ignored(int signal, __u64 handler) {
  if (handler == SIG_IGN) return true;
  return handler == SIG_DFL &&
         (signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH);
}

static __always_inline bool has_sender(int signal, int code) {
  if (code == SI_USER || code == SI_QUEUE || code == SI_MESGQ || code == SI_TKILL) return true;
  return signal == SIGCHLD && code > 0 && code != SI_KERNEL;
}

static __always_inline bool has_fault_address(int signal, int code) {
  return code > 0 && code != SI_KERNEL &&
         (signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL);
}

SEC("tp_btf/signal_deliver") int trace_signal(__u64* ctx) {
  const int signal = ctx[0];
  const struct kernel_siginfo* const info = (const struct kernel_siginfo*)ctx[1];
  const struct k_sigaction* const action = (const struct k_sigaction*)ctx[2];
  if (signal == SIGKILL || !is_selected()) return 0;
  if (is_ignored(signal, (__u64)BPF_CORE_READ(action, sa.sa_handler))) return 0;

  struct tc_signal_deliver event;
  __builtin_memset(&event, 0, sizeof(event));
  fill_thread(&event.header);
  event.signal = signal;
  event.code = BPF_CORE_READ(info, si_code);
  if (has_sender(signal, event.code)) {
    event.sender_pid = BPF_CORE_READ(info, _sifields._kill._pid);
    event.sender_uid = BPF_CORE_READ(info, _sifields._kill._uid);
  } else if (has_fault_address(signal, event.code)) {
    event.fault_address = (__u64)BPF_CORE_READ(info, _sifields._sigfault._addr);
  }
  emit_as(&event.header, TC_EVENT_signal_deliver, sizeof(event));
  return 0;
}
