// Sending signals and waiting for them. The kernel sends, keeps and delivers them, as ever; here a
// task that waits for one lets the others run, and the scheduler is told when one may have been
// sent. Signal descriptors are read by calls_transfer.cc.
#include <signal.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "determinism/calls.h"
#include "determinism/signal_files.h"

namespace tc::determinism {
namespace {

using sys::call::kill;
using sys::call::pause;
using sys::call::pidfd_send_signal;
using sys::call::restart_syscall;
using sys::call::rt_sigqueueinfo;
using sys::call::rt_sigsuspend;
using sys::call::rt_sigtimedwait;
using sys::call::rt_tgsigqueueinfo;
using sys::call::tgkill;
using sys::call::tkill;

constexpr std::uint64_t kSetSize = 8;  // bytes of the kernel's sigset_t

constexpr std::uint64_t signal_bit(int signal) { return 1ULL << static_cast<unsigned>(signal - 1); }
// No mask blocks these.
constexpr std::uint64_t kUnblockable = signal_bit(SIGKILL) | signal_bit(SIGSTOP);

// --- sending -------------------------------------------------------------------------------------

// The scheduler is told when it has been sent, and not before.
template <class T>
guest::Handler send_signal(World& world, T call, Tracee& guest) {
  const std::int64_t result = co_await guest.inject(call);
  world.requests.signals_sent = true;
  co_return result;
}

guest::Handler answer_kill(World& world, kill call, Tracee& guest) {
  // To all processes: without a pid namespace that would be those of the host.
  const bool shares_numbers = guest.process().pid == guest.process().host_pid;
  if (call.pid.value == -1 && shares_numbers) co_return -EPERM;
  const std::int64_t result = co_await guest.inject(call);
  world.requests.signals_sent = true;
  co_return result;
}

// --- waiting -------------------------------------------------------------------------------------

// In both the kernel makes the call once a signal is there that acts: it sees the signal at once,
// and does what it does behind it (handler, mask, EINTR).

guest::Handler answer_pause(World& /*world*/, pause /*call*/, Tracee& /*guest*/) {
  guest::Wait wait;
  wait.what = "a signal";
  (void)co_await Tracee::wait(std::move(wait));
  co_return guest::pass();
}

guest::Handler answer_rt_sigsuspend(World& /*world*/, rt_sigsuspend call, Tracee& guest) {
  if (call.sigsetsize.value != kSetSize) co_return -EINVAL;
  const Result<sys::SignalSet> mask = guest.read(call.unewset);
  if (!mask) co_return -EFAULT;
  guest::Wait wait;
  wait.signal_mask = mask->value & ~kUnblockable;
  wait.what = "a signal that its temporary mask lets through";
  (void)co_await Tracee::wait(std::move(wait));
  co_return guest::pass();
}

// What a siginfo tells of the host: the processor time of a child that has ended. And the overrun
// of a timer, which the kernel does not know.
void rewrite_signal_info(World& world, Tracee& guest,
                         const sys::RemotePointer<sys::abi::siginfo>& info) {
  const Result<sys::abi::siginfo> told = guest.read(info);
  if (!told) return;  // then the kernel has said EFAULT
  if (told->signo.value == SIGCHLD && told->code.value > 0) {
    const sys::RemotePointer<sys::abi::child_info> child_info = {info.address};
    Result<sys::abi::child_info> child = guest.read(child_info);
    if (!child) return;
    child->utime = {};
    child->stime = {};
    (void)guest.write(child_info, *child);
  }
  if (told->code.value != SI_TIMER) return;
  sys::abi::siginfo amended = *told;
  // si_timerid and si_overrun lie where pid and uid do.
  if (told->pid.value >= 0) {
    const std::int64_t overrun =
        world.timers.delivered({.process = guest.process().order, .number = told->pid.value});
    amended.uid.value = static_cast<std::uint32_t>(overrun);
  } else {  // alarm and setitimer: the kernel itself sends those
    amended.code.value = SI_KERNEL;
    amended.pid.value = 0;
    amended.uid.value = 0;
  }
  (void)guest.write(info, amended);
}

guest::Handler answer_rt_sigtimedwait(World& world, rt_sigtimedwait call, Tracee& guest) {
  if (call.sigsetsize.value != kSetSize) co_return -EINVAL;
  const Result<sys::SignalSet> set = guest.read(call.uthese);
  if (!set) co_return -EFAULT;
  guest::Wait wait;
  wait.accepted_signals = set->value & ~kUnblockable;
  wait.what = "one of the signals it accepts";
  if (call.uts.address != 0) {
    const Result<sys::abi::wait_limit> limit = guest.read(call.uts);
    if (!limit) co_return -EFAULT;
    const std::optional<std::int64_t> duration =
        duration_ns(limit->tv_sec.value, limit->tv_nsec.value);
    if (!duration) co_return -EINVAL;
    wait.deadline_ns = add_ns(world.clock.monotonic_ns(), *duration);
  }
  const sys::abi::wait_limit at_once{};
  const Result<std::uint64_t> zero = guest.place(std::as_bytes(std::span(&at_once, 1)));
  if (!zero) co_return -EFAULT;
  const bool may_wait = !wait.deadline_ns || *wait.deadline_ns > world.clock.monotonic_ns();
  call.uts.address = *zero;
  while (true) {
    const std::int64_t result = co_await guest.inject(call);
    if (result > 0 && call.uinfo.address != 0) rewrite_signal_info(world, guest, call.uinfo);
    if (result != -EAGAIN || !may_wait) co_return result;
    const guest::Woken woken = co_await Tracee::wait(wait);
    if (woken == guest::Woken::kDeadline) co_return -EAGAIN;
    // Never made again, whatever the handler's flags say (signal(7)).
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(-EINTR);
  }
}

// Calls that waited here are made again as themselves. What the kernel wants to go on with is a
// poll(2) that passed because it would not wait, and met a signal that does nothing.
guest::Handler answer_restart_syscall(World& /*world*/, restart_syscall /*call*/,
                                      Tracee& /*guest*/) {
  co_return guest::pass();
}

}  // namespace

void add_signal_calls(guest::Handlers& handlers, World& world) {
  on<kill>(handlers, world, answer_kill);
  on<tkill>(handlers, world, send_signal<tkill>);
  on<tgkill>(handlers, world, send_signal<tgkill>);
  on<rt_sigqueueinfo>(handlers, world, send_signal<rt_sigqueueinfo>);
  on<rt_tgsigqueueinfo>(handlers, world, send_signal<rt_tgsigqueueinfo>);
  on<pidfd_send_signal>(handlers, world, send_signal<pidfd_send_signal>);
  on<pause>(handlers, world, answer_pause);
  on<rt_sigsuspend>(handlers, world, answer_rt_sigsuspend);
  on<rt_sigtimedwait>(handlers, world, answer_rt_sigtimedwait);
  on<restart_syscall>(handlers, world, answer_restart_syscall);
}

}  // namespace tc::determinism
