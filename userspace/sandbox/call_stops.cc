// Calls: from the stop at the entry to the answer.
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "sandbox/call_log.h"
#include "sandbox/engine.h"
#include "sys/table.h"

namespace tc::sandbox {
namespace {

constexpr std::uint64_t kSyscallInstruction = 2;  // bytes
// A number without a call: the kernel skips it and leaves the result alone (seccomp(2)). Not -1,
// which is that of every return from a signal handler, too, and would be told as one by the
// programs of PassingCalls.
constexpr std::uint64_t kSkippedCall = ~std::uint64_t{1};
constexpr std::uint64_t kAllSignals = ~std::uint64_t{0};

void set_arguments(user_regs_struct& registers, const sys::Registers& arguments) {
  registers.rdi = arguments[0];
  registers.rsi = arguments[1];
  registers.rdx = arguments[2];
  registers.r10 = arguments[3];
  registers.r8 = arguments[4];
  registers.r9 = arguments[5];
}

// One of the results by which the kernel makes a call again (include/linux/errno.h).
bool is_restart(std::int64_t result) { return result <= -512 && result >= -516; }

std::string call_name(std::uint64_t number) {
  const sys::Row* const row = sys::find_row(number);
  return row == nullptr ? fmt::format("syscall_{:#x}", number) : std::string(row->name);
}

}  // namespace

void Engine::begin_call(Task& task) {
  const ptrace::Stopped stopped(task.tid);
  const auto registers = stopped.registers();
  if (!registers) return;  // it is being killed: its end will be told
  task.registers = *registers;
  task.place = CallPlace::kEntry;
  task.call = {.number = registers->orig_rax,
               .arguments = {registers->rdi, registers->rsi, registers->rdx, registers->r10,
                             registers->r8, registers->r9}};
  task.is_made_again = std::exchange(task.interrupted, {}) == task.call;
  const std::uint64_t number = task.call.number;
  task.leaves = number == SYS_exit;
  if (log_) log_->enter(task);
  const sys::Row* const row = sys::find_row(number);
  if (row == nullptr || row->policy == sys::Policy::Refuse) {
    ++outcome_.statistics.refused;
    if (row == nullptr) world_.requests.notes.push_back(call_name(number) + " is not known");
    take_requests(task);
    return return_value(task, -ENOSYS);
  }
  if (row->policy == sys::Policy::Pass) {  // stops for the log only
    ++outcome_.statistics.passed;
    task.place = CallPlace::kNone;
    task.until = ptrace::Until::kSyscall;
    return;
  }
  // Only what stops on every run counts, whether a log is written or not.
  world_.clock.tick();
  ++task.handled;
  scheduler_.note_progress();
  ++outcome_.statistics.determinised;
  if (options_.statistics) ++outcome_.statistics.calls[std::string(row->name)];
  task.handler = handlers_.handle(number, task.call.arguments, *task.tracee);
  if (!task.handler) {
    task.place = CallPlace::kNone;
    if (options_.verbose) say_call(task, "passes");
    task.until = behind_passing_call();
    return;
  }
  task.handler->start();
  drive(task);
}

// The handler goes on until it has an answer or waits.
void Engine::drive(Task& task) {
  while (true) {
    take_requests(task);
    if (task.handler->done()) return conclude(task);
    if (task.handler->is_waiting()) {
      task.state = TaskState::kWaiting;
      scheduler_.wait(task.id, task.handler->wait());
      // What has come before it began to wait is not told again.
      return check_signals_of(task);
    }
    const determinism::TaskId id = task.id;
    const auto result = make_call(task, task.handler->wanted());
    if (!result || find(id) == nullptr) return;
    task.handler->resume(*result);
  }
}

ptrace::Until Engine::behind_passing_call() const {
  return log_ && log_->needs_stops() ? ptrace::Until::kSyscall : ptrace::Until::kEvent;
}

void Engine::take_requests(Task& task) {
  determinism::Requests requests = std::exchange(world_.requests, {});
  for (const determinism::TaskId id : requests.wakeups)
    if (Task* const woken = find(id); woken != nullptr && woken->state == TaskState::kWaiting)
      make_runnable(*woken, guest::Woken::kReady);
  yields_ = yields_ || requests.yields;
  signals_sent_ = signals_sent_ || requests.signals_sent;
  if (requests.signals_sent) yields_ = true;
  for (const std::string& what : requests.notes)
    note(fmt::format("{} ({}, {})", what, task.name, call_name(task.call.number)));
}

void Engine::note(const std::string& what) {
  auto& notes = outcome_.notes;
  if (std::find(notes.begin(), notes.end(), what) == notes.end()) notes.push_back(what);
}

void Engine::conclude(Task& task) {
  guest::Answer answer = task.handler->ending();
  const determinism::TaskId id = task.id;
  using Kind = guest::Answer::Kind;
  const bool passes_untouched =
      answer.kind == Kind::kPass && !answer.call && task.place == CallPlace::kEntry;
  if (answer.kind == Kind::kPass && !passes_untouched) {
    const guest::RawCall call = answer.call.value_or(guest::RawCall{
        .number = static_cast<std::uint32_t>(task.call.number), .arguments = task.call.arguments});
    const auto result = make_call(task, call);
    if (!result || find(id) == nullptr) return;
    answer = *result;
  }
  task.tracee->clear_places();
  task.handler.reset();
  if (passes_untouched) {
    if (options_.verbose) say_call(task, "passes");
    task.place = CallPlace::kNone;
    task.until = behind_passing_call();
    return;
  }
  if (answer.kind == Kind::kInterrupted || is_restart(answer.value))
    return leave_interrupted(task, answer.value);
  return_value(task, answer.value);
}

void Engine::return_value(Task& task, std::int64_t value) {
  if (options_.verbose) say_call(task, std::to_string(value));
  if (log_) log_->leave(task, value, world_.clock);
  user_regs_struct registers = task.registers;
  registers.orig_rax = kSkippedCall;
  registers.rax = static_cast<std::uint64_t>(value);
  ptrace::Stopped(task.tid).set_registers(registers);
  task.place = CallPlace::kNone;
}

// A signal is about to act. The kernel decides whether the call is made again: by its result and
// its number, when it comes back from the stop at the exit.
void Engine::leave_interrupted(Task& task, std::int64_t code) {
  if (options_.verbose) say_call(task, "interrupted");
  const determinism::TaskId id = task.id;
  user_regs_struct registers = task.registers;
  if (task.place == CallPlace::kEntry) {
    registers.orig_rax = kSkippedCall;
    registers.rax = static_cast<std::uint64_t>(-std::int64_t{EINTR});
    ptrace::Stopped(task.tid).set_registers(registers);
    if (!await_return(task, step(task, ptrace::Until::kSyscall)) || find(id) == nullptr) return;
  }
  if (log_) log_->leave(task, code, world_.clock);
  if (is_restart(code)) task.interrupted = task.call;
  registers.orig_rax = task.call.number;
  registers.rax = static_cast<std::uint64_t>(code);
  ptrace::Stopped(task.tid).set_registers(registers);
  task.place = CallPlace::kNone;
}

std::optional<std::int64_t> Engine::make_call(Task& task, const guest::RawCall& call) {
  const ptrace::Stopped stopped(task.tid);
  user_regs_struct registers = task.registers;
  set_arguments(registers, call.arguments);
  if (task.place == CallPlace::kEntry) {
    registers.orig_rax = call.number;
    stopped.set_registers(registers);
    task.place = CallPlace::kExit;
    return await_return(task, step(task, ptrace::Until::kSyscall));
  }
  // Back to the instruction, which no signal handler may delay.
  registers.rip -= kSyscallInstruction;
  registers.rax = call.number;
  registers.orig_rax = kNoCall;
  stopped.set_registers(registers);
  const auto mask = stopped.signal_mask();
  stopped.set_signal_mask(kAllSignals);
  const auto status = step(task, ptrace::Until::kSyscall);
  if (status && status->kind() != ptrace::WaitStatus::Kind::kEnded && mask)
    ptrace::Stopped(task.tid).set_signal_mask(*mask);
  return await_return(task, status);
}

// Through the stops at the entry, at the filter and of what the call itself does, to the return.
std::optional<std::int64_t> Engine::await_return(Task& task,
                                                 std::optional<ptrace::WaitStatus> status) {
  const determinism::TaskId id = task.id;
  while (status) {
    const auto kind = status->kind();
    if (kind == ptrace::WaitStatus::Kind::kSyscall) {
      if (const auto exit = ptrace::Stopped(task.tid).call_info().exit) return exit->result;
    } else if (kind != ptrace::WaitStatus::Kind::kSeccomp) {
      take_stop(task, *status);
      if (find(id) == nullptr || task.state == TaskState::kVfork) return std::nullopt;
    }
    status = step(task, ptrace::Until::kSyscall, std::exchange(task.signal, 0));
  }
  return std::nullopt;
}

void Engine::log_return(Task& task) {
  const auto exit = ptrace::Stopped(task.tid).call_info().exit;
  if (exit && log_) log_->leave(task, exit->result, world_.clock);
}

void Engine::say_call(const Task& task, const std::string& answer) const {
  std::string arguments;
  const sys::Row* const row = sys::find_row(task.call.number);
  const std::size_t count = row == nullptr ? task.call.arguments.size() : row->arguments.size();
  for (std::size_t i = 0; i < count; ++i)
    arguments += fmt::format("{}{:#x}", i == 0 ? "" : ", ", task.call.arguments[i]);
  std::fprintf(stderr, "tc: %-8s %s(%s) = %s\n", task.name.c_str(),
               call_name(task.call.number).c_str(), arguments.c_str(), answer.c_str());
}

}  // namespace tc::sandbox
