// Making processes, and what a process may say about itself: clone, prctl, arch_prctl, seccomp.
// Ends and new programs the engine sees by itself; waiting for children is in calls_wait.cc,
// scheduling in calls_schedule.cc, users and roots in calls_credentials.cc.
#include <asm/prctl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "determinism/calls.h"

namespace tc::determinism {
namespace {

using sys::call::arch_prctl;
using sys::call::clone;
using sys::call::clone3;
using sys::call::kcmp;
using sys::call::prctl;
using sys::call::ptrace;
using sys::call::sched_yield;
using sys::call::seccomp;

// --- new tasks -----------------------------------------------------------------------------------

// A child with a mount or user namespace of its own sees files that we do not. It has the flags of
// its parent, so the parent goes the slower way with it.
void note_namespaces(Process& process, std::uint64_t flags) {
  if ((flags & CLONE_NEWNS) != 0) process.has_own_root = true;
  if ((flags & CLONE_NEWUSER) != 0) process.has_changed_user = true;
}

guest::Handler answer_clone(World& /*world*/, clone call, Tracee& guest) {
  note_namespaces(guest.process(), call.clone_flags.value);
  if ((call.clone_flags.value & CLONE_UNTRACED) == 0) co_return guest::pass();
  // Nobody gets out of the sandbox.
  call.clone_flags.value &= ~static_cast<std::uint64_t>(CLONE_UNTRACED);
  co_return guest::pass_as(call);
}

guest::Handler answer_clone3(World& /*world*/, clone3 call, Tracee& guest) {
  constexpr std::uint64_t kMostBytes = 4096;  // the kernel's own limit, a page
  std::uint64_t flags = 0;
  const bool has_flags = call.size.value >= sizeof(flags) && call.size.value <= kMostBytes;
  if (!has_flags) co_return guest::pass();  // EINVAL or E2BIG
  std::vector<std::byte> arguments(call.size.value);
  if (!guest.read_memory(call.uargs.address, arguments)) co_return -EFAULT;
  std::memcpy(&flags, arguments.data(), sizeof(flags));
  note_namespaces(guest.process(), flags);
  if ((flags & CLONE_UNTRACED) == 0) co_return guest::pass();
  flags &= ~static_cast<std::uint64_t>(CLONE_UNTRACED);
  std::memcpy(arguments.data(), &flags, sizeof(flags));
  const Result<std::uint64_t> placed = guest.place(arguments);
  if (!placed) co_return -EFAULT;
  call.uargs.address = *placed;
  co_return guest::pass_as(call);
}

guest::Handler answer_sched_yield(World& world, sched_yield /*call*/, Tracee& /*guest*/) {
  world.requests.yields = true;
  co_return 0;
}

// --- prctl ---------------------------------------------------------------------------------------

// Newer than the headers that we are built with.
constexpr std::int32_t kSetSyscallUserDispatch = 59;  // PR_SET_SYSCALL_USER_DISPATCH
constexpr std::int32_t kSchedCore = 62;               // PR_SCHED_CORE
constexpr std::int32_t kGetAuxv = 0x41555856;         // PR_GET_AUXV
constexpr std::int64_t kTimerSlackNs = 50'000;        // the kernel's default

std::int64_t write_int(Tracee& guest, std::uint64_t address, std::int32_t value) {
  return guest.write(sys::RemotePointer<std::int32_t>{address}, value) ? 0 : -EFAULT;
}

std::int64_t set_time_stamp_use(Process& process, std::uint64_t value) {
  if (value != PR_TSC_ENABLE && value != PR_TSC_SIGSEGV) return -EINVAL;
  process.reads_tsc = value == PR_TSC_ENABLE;
  return 0;
}

std::int64_t set_dumpable(Process& process, std::uint64_t value) {
  if (value > 1) return -EINVAL;
  process.is_dumpable = value == 1;
  return 0;
}

void note_filter(World& world, Process& process) {
  process.has_filter = true;
  world.requests.notes.emplace_back(
      "a program has restricted its own system calls (seccomp): calls that the sandbox makes in "
      "its name may be refused");
}

guest::Handler answer_prctl(World& world, prctl call, Tracee& guest) {
  Process& process = guest.process();
  switch (call.option.value) {
    case PR_GET_TSC:
      co_return write_int(guest, call.arg2.value,
                          process.reads_tsc ? PR_TSC_ENABLE : PR_TSC_SIGSEGV);
    case PR_SET_TSC:
      co_return set_time_stamp_use(process, call.arg2.value);
    case PR_GET_DUMPABLE:
      co_return process.is_dumpable ? 1 : 0;
    case PR_SET_DUMPABLE:
      co_return set_dumpable(process, call.arg2.value);
    case PR_GET_SECCOMP:
      co_return process.has_filter ? SECCOMP_MODE_FILTER : SECCOMP_MODE_DISABLED;
    case PR_SET_SECCOMP:
      note_filter(world, process);
      co_return guest::pass();
    case PR_GET_TIMERSLACK:
      co_return kTimerSlackNs;
    case PR_SET_TIMERSLACK:  // nothing here takes longer than it should
    case PR_SET_PTRACER:     // there is none but us
      co_return 0;
    case PR_SET_MM:
      co_return -EPERM;
    case PR_GET_SPECULATION_CTRL:
      co_return call.arg2.value <= PR_SPEC_INDIRECT_BRANCH ? PR_SPEC_NOT_AFFECTED : -ENODEV;
    case PR_SET_SPECULATION_CTRL:
      co_return -ENXIO;
    case kSetSyscallUserDispatch:  // as if the kernel did not have them yet
    case kSchedCore:
    case kGetAuxv:  // would tell what AT_RANDOM and AT_SYSINFO_EHDR really are
      co_return -EINVAL;
    default:
      co_return guest::pass();
  }
}

guest::Handler answer_arch_prctl(World& /*world*/, arch_prctl call, Tracee& guest) {
  Process& process = guest.process();
  switch (call.option.value) {
    case ARCH_SET_FS:
    case ARCH_GET_FS:
    case ARCH_SET_GS:
    case ARCH_GET_GS:
      co_return guest::pass();
    case ARCH_GET_CPUID:
      co_return process.runs_cpuid ? 1 : 0;
    case ARCH_SET_CPUID:
      process.runs_cpuid = call.arg2.value != 0;
      co_return 0;
    default:
      // What is left depends on the processor (AMX, shadow stacks, address tags), or maps a vDSO.
      co_return -EINVAL;
  }
}

// --- others --------------------------------------------------------------------------------------

guest::Handler answer_seccomp(World& world, seccomp call, Tracee& guest) {
  const bool installs =
      call.op.value == SECCOMP_SET_MODE_STRICT || call.op.value == SECCOMP_SET_MODE_FILTER;
  // There is one listener at most; what it decided would come from outside the order of things.
  if (call.op.value == SECCOMP_SET_MODE_FILTER &&
      (call.flags.value & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0)
    co_return -EBUSY;
  if (installs) note_filter(world, guest.process());
  co_return guest::pass();
}

// There can be one tracer only, and that is the sandbox.
guest::Handler answer_ptrace(World& /*world*/, ptrace /*call*/, Tracee& /*guest*/) {
  co_return -EPERM;
}

// Which of two objects comes first depends on where the kernel has them.
guest::Handler answer_kcmp(World& /*world*/, kcmp call, Tracee& guest) {
  const std::int64_t order = co_await guest.inject(call);
  co_return order > 0 ? 1 : order;
}

}  // namespace

void add_process_calls(guest::Handlers& handlers, World& world) {
  on<clone>(handlers, world, answer_clone);
  on<clone3>(handlers, world, answer_clone3);
  on<sched_yield>(handlers, world, answer_sched_yield);
  on<prctl>(handlers, world, answer_prctl);
  on<arch_prctl>(handlers, world, answer_arch_prctl);
  on<seccomp>(handlers, world, answer_seccomp);
  on<ptrace>(handlers, world, answer_ptrace);
  on<kcmp>(handlers, world, answer_kcmp);
  add_wait_calls(handlers, world);
  add_schedule_calls(handlers, world);
  add_credential_calls(handlers, world);
}

}  // namespace tc::determinism
