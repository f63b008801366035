#include "ptrace/handler_run.h"

#include <cerrno>

#include "tc/capture.h"

namespace tc::ptrace {
namespace {

constexpr std::uint64_t kSyscallInstruction = 2;  // bytes
constexpr std::uint64_t kNoCall = ~std::uint64_t{0};
constexpr std::uint64_t kAllSignals = ~std::uint64_t{0};

void set_arguments(user_regs_struct& registers, const sys::Registers& arguments) {
  registers.rdi = arguments[0];
  registers.rsi = arguments[1];
  registers.rdx = arguments[2];
  registers.r10 = arguments[3];
  registers.r8 = arguments[4];
  registers.r9 = arguments[5];
}

}  // namespace

Result<void> LiveGuest::read_memory(std::uint64_t address, std::span<std::byte> to) {
  if (memory_.read(address, {reinterpret_cast<char*>(to.data()), to.size()})) return {};
  return system_error(EFAULT, fmt::format("read {:#x} of thread {}", address, task_.tid));
}

Result<void> LiveGuest::write_memory(std::uint64_t address, std::span<const std::byte> from) {
  if (memory_.write(address, {reinterpret_cast<const char*>(from.data()), from.size()})) return {};
  return system_error(EFAULT, fmt::format("write {:#x} of thread {}", address, task_.tid));
}

std::unique_ptr<HandlerRun> HandlerRun::make(const guest::Handlers& handlers, guest::Task task,
                                             const CallEntry& call) {
  // Numbers and arguments of the other tables mean something else.
  if (call.abi != TC_ABI_X86_64) return nullptr;
  std::unique_ptr<HandlerRun> run(new HandlerRun(task));
  run->handler_ = handlers.handle(call.number, call.arguments, run->guest_);
  if (!run->handler_) return nullptr;
  return run;
}

bool HandlerRun::begin(const Stopped& thread) {
  const auto registers = thread.registers();
  if (!registers) return false;  // it is gone; its end will be told
  registers_ = *registers;
  handler_->start();
  user_regs_struct next = registers_;
  if (handler_->done()) {
    // Without a number the kernel skips the call and leaves the result alone (seccomp(2)).
    next.orig_rax = kNoCall;
    next.rax = static_cast<std::uint64_t>(handler_->answer());
  } else {
    next.orig_rax = handler_->wanted().number;
    set_arguments(next, handler_->wanted().arguments);
  }
  thread.set_registers(next);
  return handler_->done();
}

void HandlerRun::enter(const Stopped& thread) {
  if (mask_) thread.set_signal_mask(*mask_);
  mask_.reset();
}

bool HandlerRun::take_result(const Stopped& thread, std::int64_t result) {
  handler_->resume(result);
  user_regs_struct next = registers_;
  if (handler_->done()) {
    next.rax = static_cast<std::uint64_t>(handler_->answer());
  } else {
    next.rip -= kSyscallInstruction;
    next.rax = handler_->wanted().number;
    next.orig_rax = kNoCall;
    set_arguments(next, handler_->wanted().arguments);
    mask_ = thread.signal_mask();
    thread.set_signal_mask(kAllSignals);
  }
  thread.set_registers(next);
  return handler_->done();
}

}  // namespace tc::ptrace
