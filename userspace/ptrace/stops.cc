#include "ptrace/stops.h"

#include <signal.h>
#include <time.h>

#include <algorithm>
#include <set>
#include <utility>

#include "ptrace/signal_event.h"
#include "ptrace/task_status.h"

namespace tc::ptrace {
std::uint64_t boot_time_ns() {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

void Stops::meet(guest::Task task, bool is_silent) {
  tasks_.add(task).process->is_silent = is_silent;
}

bool Stops::is_done() const {
  return tasks_.empty() && std::none_of(early_.begin(), early_.end(), [](const auto& entry) {
           return entry.second.stopped.has_value();
         });
}

void Stops::handle(pid_t tid, WaitStatus status, guest::Listener& listener) {
  listener_ = &listener;
  Thread* const thread = tasks_.find(tid);
  const bool has_ended = status.kind() == WaitStatus::Kind::kEnded;
  if (thread == nullptr) {
    std::optional<Stopped> stopped;
    if (!has_ended) stopped.emplace(tid);
    early_.insert_or_assign(tid, Early{.stopped = std::move(stopped), .status = status});
  } else if (has_ended) {
    end_process(tid, status);
  } else {
    dispatch(*thread, Stopped(tid), status);
  }
  // Whoever made them was killed before it could tell.
  if (tasks_.empty() && !early_.empty()) adopt_early({});
}

void Stops::dispatch(Thread& thread, Stopped stopped, WaitStatus status) {
  switch (status.kind()) {
    case WaitStatus::Kind::kSyscall:
      return take_call(thread, std::move(stopped), false);
    case WaitStatus::Kind::kSeccomp:
      return take_call(thread, std::move(stopped), true);
    case WaitStatus::Kind::kCreate:
      return create(thread, std::move(stopped));
    case WaitStatus::Kind::kExec:
      return start_program(std::move(stopped));
    case WaitStatus::Kind::kExit:
      finish_call(thread, stopped);
      end_thread(thread);
      return std::move(stopped).resume(Until::kEvent);
    case WaitStatus::Kind::kSignal:
      return take_signal(thread, std::move(stopped), status.signal());
    case WaitStatus::Kind::kGroupStop:
      // Letting it run would end the stop that its process was put into.
      if (is_releasing_) return go_on(thread, std::move(stopped));
      return std::move(stopped).listen();
    case WaitStatus::Kind::kInterrupted:
      // The first stop of a process that was attached to: its files have been mapped long ago.
      if (!thread.process->breakpoints && !thread.process->is_silent) set_breakpoints(thread);
      return go_on(thread, std::move(stopped));
    default:
      return go_on(thread, std::move(stopped));
  }
}

void Stops::take_signal(Thread& thread, Stopped stopped, int signal) {
  if (signal == SIGTRAP && take_breakpoint(thread, stopped))
    return go_on(thread, std::move(stopped));
  const auto info = stopped.signal_info();
  const auto status = read_task_status(thread.task.tid);
  // What ends a process is told with its end, and the call it was in as one that was cut short.
  const bool ends = status && status->is_ended_by(signal);
  const bool acts = status && status->acts_on(signal) && !ends;
  if (thread.held && acts) tell_held(thread);
  if (thread.held && !acts && !ends) thread.held->note_ignored_signal();
  if (info && acts && !thread.process->is_silent)
    listener_->on(signal_event(thread.task, signal, *info, boot_time_ns()));
  go_on(thread, std::move(stopped), signal);
}

bool Stops::take_breakpoint(Thread& thread, Stopped& stopped) {
  if (!thread.process->breakpoints) return false;
  const auto info = stopped.signal_info();
  if (!info || info->si_code != SI_KERNEL) return false;
  auto registers = stopped.registers();
  if (!registers) return false;
  const Memory memory(static_cast<pid_t>(thread.task.tid));
  const auto hit = thread.process->breakpoints->hit(memory, registers->rip);
  if (!hit) return false;
  --registers->rip;
  stopped.set_registers(*registers);
  if (hit->place)
    listener_->on(
        guest::Reached{.task = thread.task, .time_ns = boot_time_ns(), .place = *hit->place});
  return true;
}

void Stops::go_on(Thread& thread, Stopped stopped, int signal) {
  if (is_releasing_) return let_go(thread, std::move(stopped), signal);
  const bool is_awaited = thread.call || thread.handler;
  std::move(stopped).resume(options_.is_filtered && !is_awaited ? Until::kEvent : Until::kSyscall,
                            signal);
}

void Stops::let_go(Thread& thread, Stopped stopped, int signal) {
  if (thread.process->breakpoints) {
    // It may have run into a breakpoint of ours: then the signal is on the way, and must not
    // become the program's.
    if (signal == 0 && !thread.has_ended && stopped.has_pending(SIGTRAP))
      return std::move(stopped).resume(Until::kEvent);
    thread.process->breakpoints->clear(Memory(static_cast<pid_t>(thread.task.tid)));
  }
  if (thread.held) tell_held(thread);
  tasks_.remove(stopped.tid());
  std::move(stopped).detach(signal);
}

void Stops::kill_all() {
  is_killing_ = true;
  std::set<std::uint32_t> pids;
  for (const Thread* thread : tasks_.all()) pids.insert(thread->task.pid);
  for (const std::uint32_t pid : pids) ::kill(static_cast<pid_t>(pid), SIGKILL);
}

void Stops::release_all() {
  is_releasing_ = true;
  for (const Thread* thread : tasks_.all()) interrupt(static_cast<pid_t>(thread->task.tid));
}

}  // namespace tc::ptrace
