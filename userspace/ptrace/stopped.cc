#include "ptrace/stopped.h"

#include <linux/audit.h>
#include <sys/ptrace.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "sys/table.h"
#include "tc/capture.h"

namespace tc::ptrace {
namespace {

long request(__ptrace_request what, pid_t tid, std::uint64_t address, std::uint64_t data) {
  // The C library declares the two words as pointers, whatever the request makes of them.
  return ::ptrace(what, tid, address, data);
}

std::uint64_t pointer(void* object) { return reinterpret_cast<std::uint64_t>(object); }

std::uint32_t abi_of(std::uint32_t architecture, std::uint64_t number) {
  if (architecture == AUDIT_ARCH_I386) return TC_ABI_I386;
  // -1 skips a call; it has all bits.
  return (number & sys::kX32Bit) != 0 && static_cast<std::int64_t>(number) >= 0 ? TC_ABI_X32
                                                                                : TC_ABI_X86_64;
}

}  // namespace

const std::uint64_t kFollowAndKill = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
                                     PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                                     PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;

Stopped::CallInfo Stopped::call_info() const {
  __ptrace_syscall_info info{};
  if (request(PTRACE_GET_SYSCALL_INFO, tid_, sizeof(info), pointer(&info)) <= 0) return {};
  CallInfo told;
  switch (info.op) {
    case PTRACE_SYSCALL_INFO_ENTRY:
      told.entry.emplace().number = info.entry.nr;
      std::copy(std::begin(info.entry.args), std::end(info.entry.args),
                told.entry->arguments.begin());
      break;
    case PTRACE_SYSCALL_INFO_SECCOMP:
      told.entry.emplace().number = info.seccomp.nr;
      std::copy(std::begin(info.seccomp.args), std::end(info.seccomp.args),
                told.entry->arguments.begin());
      break;
    case PTRACE_SYSCALL_INFO_EXIT:
      told.exit = CallExit{.ip = info.instruction_pointer, .result = info.exit.rval};
      break;
    default:
      break;
  }
  if (told.entry) told.entry->abi = abi_of(info.arch, told.entry->number);
  return told;
}

std::optional<std::uint64_t> Stopped::event_message() const {
  std::uint64_t message = 0;
  if (request(PTRACE_GETEVENTMSG, tid_, 0, pointer(&message)) != 0) return std::nullopt;
  return message;
}

std::optional<siginfo_t> Stopped::signal_info() const {
  siginfo_t info{};
  if (request(PTRACE_GETSIGINFO, tid_, 0, pointer(&info)) != 0) return std::nullopt;
  return info;
}

bool Stopped::has_pending(int signal) const {
  std::array<siginfo_t, 32> infos{};
  __ptrace_peeksiginfo_args args = {
      .off = 0, .flags = 0, .nr = static_cast<std::int32_t>(infos.size())};
  const long count = request(PTRACE_PEEKSIGINFO, tid_, pointer(&args), pointer(infos.data()));
  return count > 0 && std::any_of(infos.begin(), infos.begin() + count,
                                  [&](const siginfo_t& info) { return info.si_signo == signal; });
}

std::optional<user_regs_struct> Stopped::registers() const {
  user_regs_struct registers{};
  if (request(PTRACE_GETREGS, tid_, 0, pointer(&registers)) != 0) return std::nullopt;
  return registers;
}

bool Stopped::set_registers(const user_regs_struct& registers) const {
  user_regs_struct copy = registers;
  return request(PTRACE_SETREGS, tid_, 0, pointer(&copy)) == 0;
}

std::optional<std::uint64_t> Stopped::signal_mask() const {
  std::uint64_t mask = 0;
  if (request(PTRACE_GETSIGMASK, tid_, sizeof(mask), pointer(&mask)) != 0) return std::nullopt;
  return mask;
}

void Stopped::set_signal_mask(std::uint64_t mask) const {
  request(PTRACE_SETSIGMASK, tid_, sizeof(mask), pointer(&mask));
}

void Stopped::set_signal_info(const siginfo_t& info) const {
  siginfo_t copy = info;
  request(PTRACE_SETSIGINFO, tid_, 0, pointer(&copy));
}

void Stopped::step() && {
  request(PTRACE_SINGLESTEP, tid_, 0, 0);
  tid_ = 0;
}

void Stopped::resume(Until until, int signal) && {
  request(until == Until::kSyscall ? PTRACE_SYSCALL : PTRACE_CONT, tid_, 0,
          static_cast<std::uint64_t>(signal));
  tid_ = 0;
}

void Stopped::listen() && {
  request(PTRACE_LISTEN, tid_, 0, 0);
  tid_ = 0;
}

void Stopped::detach(int signal) && {
  request(PTRACE_DETACH, tid_, 0, static_cast<std::uint64_t>(signal));
  tid_ = 0;
}

Result<void> seize(pid_t tid, std::uint64_t options) {
  if (request(PTRACE_SEIZE, tid, 0, options) == 0) return {};
  return system_error(errno, fmt::format("trace process {}", tid));
}

void interrupt(pid_t tid) { request(PTRACE_INTERRUPT, tid, 0, 0); }

}  // namespace tc::ptrace
