// The stops of Stops at the entry and at the return of system calls.
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>
#include <utility>

#include "ptrace/stops.h"
#include "sys/capture.h"

namespace tc::ptrace {
namespace {

constexpr std::uint64_t kI386Execve = 11;
constexpr std::uint64_t kI386Execveat = 358;
constexpr std::uint64_t kX32Execve = sys::kX32Bit + 520;
constexpr std::uint64_t kX32Execveat = sys::kX32Bit + 545;

bool is_call(const CallEntry& entry, std::uint64_t number) {
  return entry.abi == TC_ABI_X86_64 && entry.number == number;
}
bool is_execve(const CallEntry& entry) {
  return is_call(entry, SYS_execve) || (entry.abi == TC_ABI_I386 && entry.number == kI386Execve) ||
         (entry.abi == TC_ABI_X32 && entry.number == kX32Execve);
}
bool is_execveat(const CallEntry& entry) {
  return is_call(entry, SYS_execveat) ||
         (entry.abi == TC_ABI_I386 && entry.number == kI386Execveat) ||
         (entry.abi == TC_ABI_X32 && entry.number == kX32Execveat);
}

// Does it map a file so that its code can run?
bool maps_code(const CallEntry& entry) {
  return is_call(entry, SYS_mmap) && (entry.arguments[2] & PROT_EXEC) != 0 &&
         static_cast<std::int32_t>(entry.arguments[4]) >= 0;
}

// A return from a signal handler has put back the registers of what was interrupted: of the call
// nothing is left but that it took place.
bool is_sigreturn(const CallEntry& entry) {
  constexpr std::uint64_t kI386RtSigreturn = 173;
  return is_call(entry, SYS_rt_sigreturn) ||
         (entry.abi == TC_ABI_I386 && entry.number == kI386RtSigreturn);
}

}  // namespace

sys::CallSelection filter_calls(const StopOptions& options) {
  sys::CallSelection calls = options.calls;
  const auto add = [&calls](std::uint64_t number) {
    if (!calls.contains(number)) calls.add(number);
  };
  // What was asked for as the path of a program is gone when the program runs.
  add(SYS_execve);
  add(SYS_execveat);
  add(SYS_restart_syscall);
  add(SYS_clone);
  add(SYS_clone3);
  if (!options.places.empty()) add(SYS_mmap);
  if (options.handlers != nullptr) {
    const sys::CallSelection handled = options.handlers->calls();
    for (const sys::Row& row : sys::rows())
      if (handled.contains(row.number)) add(row.number);
  }
  return calls;
}

Stops::Stops(const StopOptions& options) : options_(options), plans_(TC_CALLS_MAX) {
  for (const sys::Row& row : sys::rows())
    if (options.calls.contains(row.number))
      plans_[row.number] = sys::capture_plan(row, options.data_max);
}

bool Stops::is_selected(const CallEntry& entry) const {
  if (options_.calls.is_all()) return true;
  if (entry.abi == TC_ABI_X86_64) return options_.calls.contains(entry.number);
  if (entry.abi == TC_ABI_X32)
    return options_.calls.contains(entry.number & ~std::uint64_t{sys::kX32Bit});
  const auto name = sys::call_name(sys::Abi::kI386, entry.number);
  const sys::Row* const row = name ? sys::find_row(*name) : nullptr;
  return row != nullptr && options_.calls.contains(row->number);
}

void Stops::take_call(Thread& thread, Stopped stopped, bool is_filter_stop) {
  const Stopped::CallInfo info = stopped.call_info();
  if (info.exit) return leave_call(thread, std::move(stopped), *info.exit);
  if (!info.entry) return go_on(thread, std::move(stopped));
  if (thread.handler) {
    thread.handler->enter(stopped);
    return go_on(thread, std::move(stopped));
  }
  // Under the filter the stop before the call comes first where it comes at all, and says nothing
  // of whether the filter will stop it, too. (The call before it has not returned: an emulated
  // vsyscall.)
  thread.call.reset();
  if (options_.is_filtered && !is_filter_stop) return go_on(thread, std::move(stopped));
  enter_call(thread, std::move(stopped), *info.entry);
}

void Stops::enter_call(Thread& thread, Stopped stopped, const CallEntry& made) {
  CallEntry entry = made;
  if (thread.held) {
    // The time limit is no argument of restart_syscall; what is being made is the call before.
    if (!thread.held->is_remade_by(made))
      tell_held(thread);
    else if (is_restart(made))
      entry = thread.held->entry();
    thread.held.reset();
  }
  thread.is_told = !thread.process->is_silent && is_selected(entry);
  thread.hidden_flags = 0;
  thread.exec_path.clear();
  if (is_execve(entry) || is_execveat(entry)) note_exec(thread, entry);
  hide_untraced(thread, stopped, entry);
  const bool sets_breakpoints = !options_.places.empty() && maps_code(entry);
  if (thread.is_told || thread.hidden_flags != 0 || sets_breakpoints) thread.call = entry;
  if (options_.handlers != nullptr && handle_call(thread, stopped, entry)) thread.call.reset();
  go_on(thread, std::move(stopped));
}

// The path is gone when the new program is there.
void Stops::note_exec(Thread& thread, const CallEntry& entry) {
  const bool has_descriptor = is_execveat(entry);
  std::string path(TC_CAPTURE_STRING_MAX, '\0');
  const Memory memory(static_cast<pid_t>(thread.task.tid));
  path.resize(memory.read_string(entry.arguments[has_descriptor ? 1 : 0], path).value_or(0));
  // Only a path that is looked up from the descriptor makes it another call than execve.
  thread.is_exec_at = has_descriptor && static_cast<std::int32_t>(entry.arguments[0]) != AT_FDCWD &&
                      !path.starts_with('/');
  thread.exec_path = std::move(path);
}

// True: it was answered, and will not be made.
bool Stops::handle_call(Thread& thread, Stopped& stopped, const CallEntry& entry) {
  auto run = HandlerRun::make(*options_.handlers, thread.task, entry);
  if (!run) return false;
  if (!run->begin(stopped)) {
    thread.handler = std::move(run);
    return false;
  }
  if (thread.is_told) {
    const CallExit exit = {.ip = run->ip(), .result = run->answer()};
    tell_call(thread, entry, exit, {});
  }
  return true;
}

void Stops::leave_call(Thread& thread, Stopped stopped, const CallExit& returned) {
  CallExit exit = returned;
  if (thread.handler) {
    if (!thread.handler->take_result(stopped, exit.result))
      return go_on(thread, std::move(stopped));
    exit = {.ip = thread.handler->ip(), .result = thread.handler->answer()};
    thread.handler.reset();
  }
  if (!thread.call) return go_on(thread, std::move(stopped));
  CallEntry entry = *std::exchange(thread.call, std::nullopt);
  undo_hide(thread, stopped, entry);
  if (!options_.places.empty() && maps_code(entry)) set_breakpoints(thread);
  if (!thread.is_told) return go_on(thread, std::move(stopped));
  if (is_sigreturn(entry)) {
    entry.arguments = {};
    exit = {};
  }
  const auto pieces = take_pieces(stopped.tid(), entry, exit.result);
  if (is_releasing_) {
    // Letting go of it forgets the thread.
    tell_call(thread, entry, exit, pieces);
    return go_on(thread, std::move(stopped));
  }
  // All that is told of it has been copied: it runs on while that is being done.
  go_on(thread, std::move(stopped));
  tell_call(thread, entry, exit, pieces);
}

std::span<const sys::Piece> Stops::take_pieces(pid_t tid, const CallEntry& entry,
                                               std::int64_t result) {
  if (entry.abi != TC_ABI_X86_64 || entry.number >= plans_.size()) return {};
  return capture_.take(Memory(tid), plans_[entry.number], entry.arguments, result);
}

// A thread that is killed while it makes a call does not stop at its return. By what it leaves in
// the register one sees whether it came back from it.
void Stops::finish_call(Thread& thread, const Stopped& stopped) {
  if (!thread.call || !thread.is_told || thread.handler) return;
  const auto registers = stopped.registers();
  if (!registers) return;
  const auto result = static_cast<std::int64_t>(registers->rax);
  // The kernel begins each call with this result.
  const bool has_not_returned = static_cast<std::int32_t>(result) == -ENOSYS;
  if (has_not_returned || result == -EINTR || is_to_be_restarted(result)) return;
  const CallEntry entry = *std::exchange(thread.call, std::nullopt);
  tell_call(thread, entry, {.ip = registers->rip, .result = result},
            take_pieces(stopped.tid(), entry, result));
}

void Stops::tell_call(Thread& thread, const CallEntry& entry, const CallExit& exit,
                      std::span<const sys::Piece> pieces) {
  guest::Called event = {.task = thread.task, .time_ns = boot_time_ns(), .ip = exit.ip, .call = {}};
  event.call = {.abi = static_cast<sys::Abi>(entry.abi),
                .number = entry.number,
                .arguments = entry.arguments,
                .result = exit.result,
                .pieces = pieces};
  if (is_to_be_restarted(exit.result))
    thread.held = std::make_unique<HeldCall>(event, entry);
  else
    listener_->on(event);
}

void Stops::tell_held(Thread& thread) {
  listener_->on(thread.held->event());
  thread.held.reset();
}

// A child made with CLONE_UNTRACED would escape, and under the filter each of its calls that
// should stop would fail. The program does not get to see that the flag was taken away.
void Stops::hide_untraced(Thread& thread, const Stopped& stopped, const CallEntry& entry) {
  if (is_call(entry, SYS_clone) && (entry.arguments[0] & CLONE_UNTRACED) != 0) {
    auto registers = stopped.registers();
    if (!registers) return;
    registers->rdi &= ~std::uint64_t{CLONE_UNTRACED};
    if (stopped.set_registers(*registers)) thread.hidden_flags = CLONE_UNTRACED;
  } else if (is_call(entry, SYS_clone3)) {
    const Memory memory(stopped.tid());
    std::uint64_t flags = 0;
    const std::span<char> bytes(reinterpret_cast<char*>(&flags), sizeof(flags));
    if (!memory.read(entry.arguments[0], bytes) || (flags & CLONE_UNTRACED) == 0) return;
    flags &= ~std::uint64_t{CLONE_UNTRACED};
    if (memory.write(entry.arguments[0], bytes)) thread.hidden_flags = CLONE_UNTRACED;
  }
}

void Stops::undo_hide(Thread& thread, const Stopped& stopped, const CallEntry& entry) {
  if (std::exchange(thread.hidden_flags, 0) == 0) return;
  if (is_call(entry, SYS_clone3)) {
    const Memory memory(stopped.tid());
    std::uint64_t flags = 0;
    const std::span<char> bytes(reinterpret_cast<char*>(&flags), sizeof(flags));
    if (!memory.read(entry.arguments[0], bytes)) return;
    flags |= CLONE_UNTRACED;
    memory.write(entry.arguments[0], bytes);
  } else if (auto registers = stopped.registers()) {
    registers->rdi = entry.arguments[0];
    stopped.set_registers(*registers);
  }
}

}  // namespace tc::ptrace
