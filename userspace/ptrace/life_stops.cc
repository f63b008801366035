// The stops of Stops in the life of threads: made, running a new program, ended.
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include <utility>

#include "proc/source.h"
#include "ptrace/program_image.h"
#include "ptrace/stops.h"
#include "ptrace/task_status.h"

namespace tc::ptrace {
namespace {

constexpr std::uint64_t kI386Clone = 120;
constexpr std::uint64_t kI386Vfork = 190;
constexpr std::uint64_t kI386CodeSegment = 0x23;

// The flags of the call that a thread is in and that has just made another one.
std::uint64_t clone_flags(const Stopped& creator) {
  const auto registers = creator.registers();
  if (!registers) return 0;
  const bool is_i386 = registers->cs == kI386CodeSegment;
  const std::uint64_t number = registers->orig_rax;
  const std::uint64_t first = is_i386 ? registers->rbx & 0xffffffffU : registers->rdi;
  if (number == SYS_clone3 /* of i386, too */) {
    std::uint64_t flags = 0;
    const Memory memory(creator.tid());
    memory.read(first, std::span(reinterpret_cast<char*>(&flags), sizeof(flags)));
    return flags;
  }
  if (number == (is_i386 ? kI386Clone : SYS_clone))
    return first & 0xffffffffU & ~std::uint64_t{CSIGNAL};
  if (number == (is_i386 ? kI386Vfork : SYS_vfork)) return CLONE_VFORK | CLONE_VM;
  return 0;
}

sys::CallReturn unreturned(const CallEntry& entry) {
  sys::CallReturn call;
  call.abi = static_cast<sys::Abi>(entry.abi);
  call.number = entry.number;
  call.arguments = entry.arguments;
  return call;
}

}  // namespace

void Stops::create(Thread& creator, Stopped stopped) {
  if (const auto tid = stopped.event_message(); tid && *tid != 0)
    introduce(creator, static_cast<pid_t>(*tid), clone_flags(stopped) | creator.hidden_flags);
  go_on(creator, std::move(stopped));
}

void Stops::introduce(const Thread& creator, pid_t tid, std::uint64_t clone_flags) {
  if (tasks_.find(tid) != nullptr) return;  // its creator was taken for dead
  const auto number = static_cast<std::uint32_t>(tid);
  const bool is_thread = (clone_flags & CLONE_THREAD) != 0;
  const guest::Task creator_task = creator.task;
  Thread& child = tasks_.add({.pid = is_thread ? creator_task.pid : number, .tid = number});
  if (!is_thread) child.process->is_silent = creator.process && creator.process->is_silent;
  if (!is_thread && creator.process && creator.process->breakpoints) {
    child.process->breakpoints = creator.process->breakpoints;
    if ((clone_flags & CLONE_VM) == 0) {
      child.process->breakpoints = std::make_shared<Breakpoints>(*creator.process->breakpoints);
      child.process->breakpoints->clear(Memory(tid));
    }
  }
  if (!child.process->is_silent) {
    const auto status = read_task_status(number);
    listener_->on(guest::Created{.creator = creator_task,
                                 .child = child.task,
                                 .time_ns = boot_time_ns(),
                                 .clone_flags = clone_flags,
                                 .ns_tid = status ? status->ns_tid : child.task.tid,
                                 .ns_pid = status ? status->ns_pid : child.task.pid});
  }
  if (is_killing_) ::kill(static_cast<pid_t>(child.task.pid), SIGKILL);
  if (is_releasing_) interrupt(tid);
  auto early = early_.extract(tid);
  if (early.empty()) return;
  if (early.mapped().stopped)
    dispatch(child, *std::move(early.mapped().stopped), early.mapped().status);
  else
    end_process(tid, early.mapped().status);
}

// `creator` ends; those that it made and could not tell of any more are told in its name. Without
// a task: all that are left.
void Stops::adopt_early(const Thread& creator) {
  std::vector<std::pair<pid_t, std::uint64_t>> adopted;
  for (const auto& [tid, early] : early_) {
    const auto status = read_task_status(static_cast<std::uint32_t>(tid));
    const bool is_thread = status && status->pid == creator.task.pid;
    const bool is_child = status && status->parent == creator.task.pid;
    if (creator.task.pid != 0 && !is_thread && !is_child) continue;
    adopted.emplace_back(tid, is_thread ? CLONE_THREAD | CLONE_VM | CLONE_SIGHAND : 0);
  }
  for (const auto& [tid, flags] : adopted) introduce(creator, tid, flags);
}

void Stops::start_program(Stopped stopped) {
  const pid_t tid = stopped.tid();
  const auto former =
      static_cast<pid_t>(stopped.event_message().value_or(static_cast<std::uint64_t>(tid)));
  const auto pid = static_cast<std::uint32_t>(tid);
  // The kernel has waited for the others to end; whoever was not heard of any more is gone, too.
  for (Thread* sibling : tasks_.threads_of(pid)) {
    if (static_cast<pid_t>(sibling->task.tid) == former) continue;
    if (!sibling->has_ended) end_thread(*sibling);
    if (static_cast<pid_t>(sibling->task.tid) != tid)
      tasks_.remove(static_cast<pid_t>(sibling->task.tid));
  }
  Thread* const thread = tasks_.become_leader(former, pid);
  if (thread == nullptr) return std::move(stopped).resume(Until::kEvent);
  thread->call.reset();
  thread->handler.reset();
  thread->hidden_flags = 0;
  thread->process->breakpoints.reset();
  thread->process->is_silent = false;
  if (pid == watched_) watched_has_started_ = true;
  tell_start(*thread, static_cast<std::uint32_t>(former));
  set_breakpoints(*thread);
  go_on(*thread, std::move(stopped));
}

void Stops::tell_start(Thread& thread, std::uint32_t former_tid) {
  const ProgramImage image = read_program_image(thread.task.pid);
  std::vector<guest::Mapping> mappings;
  mappings.reserve(image.mappings.size());
  for (const proc::Mapping& mapping : image.mappings)
    mappings.push_back({.start = mapping.start,
                        .end = mapping.end,
                        .file_offset = mapping.offset,
                        .path = mapping.path});
  listener_->on(guest::Started{.task = thread.task,
                               .time_ns = boot_time_ns(),
                               .former_tid = former_tid,
                               .at = thread.is_exec_at,
                               .path = thread.exec_path,
                               .resolved = image.resolved,
                               .argv = image.argv,
                               .environment = image.environment,
                               .missing = image.missing,
                               .heap_start = image.heap_start,
                               .stack_start = image.stack_start,
                               .mappings = mappings});
}

void Stops::set_breakpoints(Thread& thread) {
  if (options_.places.empty()) return;
  const proc::LiveProc proc;
  const auto text = proc.maps(thread.task.pid);
  if (!text) return;
  const auto mappings = proc::parse_maps(*text, proc.maps_file(thread.task.pid));
  if (!mappings) return;
  auto& breakpoints = thread.process->breakpoints;
  if (!breakpoints) breakpoints = std::make_shared<Breakpoints>();
  breakpoints->set(Memory(static_cast<pid_t>(thread.task.tid)), *mappings, options_.places);
}

void Stops::end_thread(Thread& thread) {
  if (std::exchange(thread.has_ended, true)) return;
  if (thread.process->living == 1 && !early_.empty()) adopt_early(thread);
  Ending ending = {.task = thread.task, .call = {}};
  if (thread.call && thread.is_told) ending.call = *thread.call;
  // Cut short by its end, and not by a signal that was told.
  if (thread.held) ending.call = thread.held->entry();
  thread.held.reset();
  thread.call.reset();
  thread.handler.reset();
  if (--thread.process->living == 0)
    thread.process->ending = ending;
  else if (!thread.process->is_silent)
    tell_end(ending, std::nullopt);
}

// waitpid(2) tells the end of a leader when no other thread of the process is left.
void Stops::end_process(pid_t tid, WaitStatus status) {
  Thread* const thread = tasks_.find(tid);
  const std::shared_ptr<Process> process = thread->process;
  end_thread(*thread);
  if (static_cast<pid_t>(process->pid) == tid) {
    for (Thread* sibling : tasks_.threads_of(process->pid)) {
      end_thread(*sibling);
      tasks_.remove(static_cast<pid_t>(sibling->task.tid));
    }
    if (process->ending && !process->is_silent) tell_end(*process->ending, status.raw());
    if (process->pid == watched_) watched_status_ = status.raw();
  } else {
    tasks_.remove(tid);
  }
}

void Stops::tell_end(const Ending& ending, std::optional<int> wait_status) {
  guest::Ended event = {.task = ending.task, .time_ns = boot_time_ns(), .call = {}};
  if (ending.call) event.call = unreturned(*ending.call);
  event.last = wait_status.has_value();
  event.wait_status = wait_status.value_or(0);
  listener_->on(event);
}

}  // namespace tc::ptrace
