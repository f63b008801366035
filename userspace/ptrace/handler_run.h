// HandlerRun: one handler on its way through one call of a live thread: turns its injections into
// registers, and what the kernel returned into results.
//
// The first injection takes the place of the call that was stopped; each further one makes the
// thread execute its syscall instruction again. In the end its registers are as the call would
// have left them, with the handler's answer.
#pragma once

#include <sys/user.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "guest/guest.h"
#include "guest/handlers.h"
#include "ptrace/memory.h"
#include "ptrace/stopped.h"

namespace tc::ptrace {

// A live thread as a handler sees it.
class LiveGuest final : public guest::Guest {
 public:
  explicit LiveGuest(guest::Task task) : task_(task), memory_(static_cast<pid_t>(task.tid)) {}

  guest::Task task() const override { return task_; }
  Result<void> read_memory(std::uint64_t address, std::span<std::byte> to) override;
  Result<void> write_memory(std::uint64_t address, std::span<const std::byte> from) override;

 private:
  guest::Task task_;
  Memory memory_;
};

class HandlerRun {
 public:
  // Nothing when the call has no handler: it passes through.
  static std::unique_ptr<HandlerRun> make(const guest::Handlers& handlers, guest::Task task,
                                          const CallEntry& call);
  HandlerRun(const HandlerRun&) = delete;
  HandlerRun& operator=(const HandlerRun&) = delete;

  // At the entry of the call. True: the handler has answered already, and the call will not be
  // made. False: resume until the call returns.
  bool begin(const Stopped& thread);
  // At each further stop at an entry, of what was injected.
  void enter(const Stopped& thread);
  // At the return of what was injected. True: the handler has answered.
  bool take_result(const Stopped& thread, std::int64_t result);

  // Once it has answered.
  std::int64_t answer() const { return handler_->answer(); }
  std::uint64_t ip() const { return registers_.rip; }

 private:
  explicit HandlerRun(guest::Task task) : guest_(task) {}

  LiveGuest guest_;
  std::optional<guest::Handler> handler_;
  user_regs_struct registers_{};  // at the entry of the guest's own call
  // The signal mask of a thread on its way back to its syscall instruction, which no signal
  // handler may delay.
  std::optional<std::uint64_t> mask_;
};

}  // namespace tc::ptrace
