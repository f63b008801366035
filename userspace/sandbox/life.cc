// The life of tasks: made, running a new program, ended.
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/launch.h"
#include "determinism/futex_exits.h"
#include "determinism/program_stack.h"
#include "ptrace/memory.h"
#include "sandbox/call_log.h"
#include "sandbox/engine.h"
#include "sandbox/gadget.h"

namespace tc::sandbox {
namespace {

constexpr std::uint64_t kI386CodeSegment = 0x23;
constexpr int kArchSetCpuid = 0x1012;  // ARCH_SET_CPUID of arch_prctl(2)

// The flags with which a task that is stopped in the middle of it makes another.
std::uint64_t creation_flags(const user_regs_struct& registers, const ptrace::Memory& memory) {
  switch (registers.orig_rax) {
    case SYS_clone:
      return registers.rdi & ~std::uint64_t{CSIGNAL};
    case SYS_clone3: {
      std::uint64_t flags = 0;
      memory.read(registers.rdi, std::span(reinterpret_cast<char*>(&flags), sizeof(flags)));
      return flags;
    }
    case SYS_vfork:
      return CLONE_VFORK | CLONE_VM;
    default:
      return 0;
  }
}

}  // namespace

Task& Engine::add_task(pid_t tid, std::shared_ptr<ProcessState> process, std::string name,
                       bool is_leader) {
  auto owned = std::make_unique<Task>();
  Task& task = *owned;
  task.id = next_task_++;
  task.tid = tid;
  task.name = std::move(name);
  task.process = std::move(process);
  task.is_leader = is_leader;
  task.tracee = std::make_unique<LiveTracee>(task);
  task.own_tid = static_cast<pid_t>(status_of(tid).ns_tid);
  ++task.process->living;
  if (is_leader) {
    determinism::Process& told = task.process->told;
    told.name = task.name;
    told.host_pid = tid;
    told.pid = task.own_tid;
    told.order = next_process_++;
    told.started_ns = world_.clock.monotonic_ns();
    told.busy_before_ns = world_.clock.busy_ns();
    told.random = determinism::Random(options_.settings.seed, told.order);
    world_.processes[told.pid] = &told;
    task.process->pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, tid, 0)));
  }
  by_tid_[tid] = &task;
  tasks_.emplace(task.id, std::move(owned));
  ++outcome_.statistics.tasks;
  return task;
}

void Engine::create(Task& creator, ptrace::WaitStatus status) {
  const ptrace::Stopped stopped(creator.tid);
  const auto message = stopped.event_message();
  const auto registers = stopped.registers();
  if (!message || *message == 0 || !registers) return;
  const auto tid = static_cast<pid_t>(*message);
  const std::uint64_t flags = creation_flags(*registers, ptrace::Memory(creator.tid));
  // Its first stop, which may have been told already.
  while (!early_.contains(tid)) {
    const Watchdog::Waited waited = watchdog_.wait(tid, Milliseconds(1000));
    if (waited.pid < 0) return;
    if (waited.pid > 0) early_.insert_or_assign(tid, waited.status);
  }
  const ptrace::WaitStatus first = early_.extract(tid).mapped();
  if (first.kind() == ptrace::WaitStatus::Kind::kEnded) return;
  const bool is_thread = (flags & CLONE_THREAD) != 0;
  auto process = creator.process;
  std::string name;
  if (is_thread) {
    name = fmt::format("{}/{}", process->told.name, ++process->threads_made);
  } else {
    process = std::make_shared<ProcessState>();
    process->told = creator.process->told;
    process->parent = creator.process->told.order;
    process->told.parent = creator.process->told.pid;
    if ((flags & CLONE_VM) == 0) process->told.space = next_space_++;
    const bool is_command = creator.process->told.order == 1;
    name = is_command && creator.process->children_made == 0
               ? "p1"
               : fmt::format("{}.{}", is_command ? "p0" : creator.process->told.name,
                             creator.process->children_made + 1);
    ++creator.process->children_made;
  }
  Task& child = add_task(tid, std::move(process), std::move(name), !is_thread);
  if (log_) log_->created(creator, child, flags, world_.clock);
  scheduler_.add(child.id);
  if (status.is_vfork()) {
    creator.state = TaskState::kVfork;
    child.process->vfork_parent = creator.id;
  } else {
    creator.until = behind_passing_call();
  }
}

void Engine::release_vfork_parent(ProcessState& process) {
  Task* const parent = find(std::exchange(process.vfork_parent, 0));
  if (parent == nullptr || parent->state != TaskState::kVfork) return;
  parent->state = TaskState::kRunnable;
  parent->until = behind_passing_call();
  scheduler_.add(parent->id);
}

// At the stop behind a successful execve, within it.
void Engine::start_program(Task& task) {
  ProcessState& process = *task.process;
  const auto registers = ptrace::Stopped(task.tid).registers();
  if (!registers) return;
  take_ends(threads_of(process));  // of the others, which the new program does not have
  task.handler.reset();
  task.tracee->clear_places();
  process.told.space = next_space_++;
  ++process.told.execs;
  process.told.reads_tsc = process.told.runs_cpuid = process.told.is_dumpable = true;
  process.told.random = determinism::Random(
      options_.settings.seed, process.told.order + (std::uint64_t{process.told.execs} << 32U));
  world_.timers.program_started(process.told.order);
  release_vfork_parent(process);
  if (process.told.order == 2) command_started_ = true;
  if (registers->cs == kI386CodeSegment) {
    world_.requests.notes.push_back("a 32-bit program was ended: its calls cannot be answered");
    take_requests(task);
    ::kill(task.tid, SIGKILL);
    return;
  }
  const determinism::TaskId id = task.id;
  const auto at_exit = step(task, ptrace::Until::kSyscall);
  if (!at_exit) return;
  if (at_exit->kind() != ptrace::WaitStatus::Kind::kSyscall) return take_stop(task, *at_exit);
  prepare_program(task);
  if (find(id) != nullptr && log_) log_->started(task, world_.clock);
}

// The new program has not executed anything yet: what it will find is made the same on every run.
void Engine::prepare_program(Task& task) {
  const ptrace::Stopped stopped(task.tid);
  const auto registers = stopped.registers();
  if (!registers) return;
  task.registers = *registers;
  task.place = CallPlace::kExit;
  const auto stack = determinism::rewrite_program_stack(*task.tracee, registers->rsp, world_.cpu);
  const determinism::TaskId id = task.id;
  // CPUID faults from here on; execve has switched that off.
  if (stack && stack->vdso != 0 && vdso_syscall_offset() != 0) {
    user_regs_struct behind = *registers;
    behind.rip = stack->vdso + vdso_syscall_offset() + 2;
    task.registers = behind;
    const guest::RawCall call = {.number = SYS_arch_prctl,
                                 .arguments = {kArchSetCpuid, 0, 0, 0, 0, 0}};
    const auto result = make_call(task, call);
    if (find(id) == nullptr) return;
    if (result && *result != 0)
      note("this processor, or its hypervisor, cannot make CPUID fault: programs see the host's");
  }
  user_regs_struct fresh = *registers;
  fresh.orig_rax = kNoCall;
  stopped.set_registers(fresh);
  task.registers = fresh;
  task.place = CallPlace::kNone;
}

void Engine::end_task(Task& task, ptrace::WaitStatus status) {
  const std::shared_ptr<ProcessState> process = task.process;
  // Who did not leave by exit(2) takes its whole process along.
  const bool ends_all = !task.leaves;
  take_end(task.tid, status);
  const Task* const leader = find_tid(process->told.host_pid);
  const bool is_last = process->living == 1 && leader != nullptr && leader->process == process &&
                       leader->state == TaskState::kZombie;
  if ((ends_all || is_last) && process->living > 0) await_end_of_process(process);
}

// All threads of it are on their way out.
void Engine::await_end_of_process(std::shared_ptr<ProcessState> process) {
  process->is_ending = true;
  const std::vector<determinism::TaskId> threads = threads_of(*process);
  const auto has_ended = [this](determinism::TaskId id) { return ended_.contains(id); };
  while (!std::all_of(threads.begin(), threads.end(), has_ended)) {
    const Watchdog::Waited waited = watchdog_.wait(-1, Milliseconds(1000));
    if (waited.pid < 0) break;
    if (waited.pid == 0) continue;
    const Task* const task = find_tid(waited.pid);
    const bool is_ours = task != nullptr && task->process == process;
    if (is_ours && waited.status.kind() != ptrace::WaitStatus::Kind::kEnded)
      ptrace::Stopped(waited.pid).resume(ptrace::Until::kEvent);
    else
      take_other_stop(waited.pid, waited.status);
  }
  take_ends(threads);
}

std::vector<determinism::TaskId> Engine::threads_of(const ProcessState& process) const {
  std::vector<determinism::TaskId> threads;
  for (const auto& [id, task] : tasks_)
    if (task->process.get() == &process) threads.push_back(id);
  return threads;
}

// In which order the kernel ended them is chance; told is the order in which they were made.
void Engine::take_ends(const std::vector<determinism::TaskId>& threads) {
  for (const determinism::TaskId id : threads) {
    const auto ended = ended_.extract(id);
    const Task* const task = find(id);
    if (ended && task != nullptr) take_end(task->tid, ended.mapped());
  }
}

void Engine::take_end(pid_t tid, ptrace::WaitStatus status) {
  Task* const task = find_tid(tid);
  if (task == nullptr) {
    early_.erase(tid);
    return;
  }
  const std::shared_ptr<ProcessState> process = task->process;
  if (task->is_leader) process->wait_status = status.raw();
  if (log_) log_->ended(*task, process->living == 1, status.raw(), world_.clock);
  world_.futexes.remove(task->id);
  scheduler_.forget(task->id);
  scheduler_.note_progress();
  const pid_t own_tid = task->own_tid;
  by_tid_.erase(tid);
  tasks_.erase(task->id);
  --process->living;
  check_futexes_after_exit(own_tid);
  if (process->living == 0) end_process(*process);
}

void Engine::end_process(ProcessState& process) {
  world_.timers.process_ended(process.told.order);
  world_.processes.erase(process.told.pid);
  release_vfork_parent(process);
  signals_sent_ = true;  // SIGCHLD, and others to its group
  yields_ = true;
  if (process.told.order == 1) {
    is_over_ = true;  // process 1, and with it everything
  } else if (process.told.order == 2) {
    command_ended_ns_ = world_.clock.monotonic_ns();
    outcome_.status = base::shell_status(process.wait_status);
  }
  wake_parents();
}

// A leader that ends before its threads is told of when they have ended, too. Until it is a zombie
// it still does what an ending thread does.
void Engine::await_zombie(Task& leader) {
  ptrace::Stopped(leader.tid).resume(ptrace::Until::kEvent);
  while (true) {
    const char state = status_of(leader.tid).state;
    if (state == 'Z' || state == 'X' || state == '?') break;
    sched_yield();
  }
  leader.state = TaskState::kZombie;
  scheduler_.note_progress();
  check_futexes_after_exit(leader.own_tid);
}

void Engine::check_futexes_after_exit(pid_t ended_tid) {
  const determinism::FutexWords words = {
      .read = [this](const determinism::Futexes::Waiter& waiter) -> std::optional<std::uint32_t> {
        const Task* const task = find(waiter.task);
        std::uint32_t word = 0;
        const std::span<char> bytes(reinterpret_cast<char*>(&word), sizeof(word));
        if (task == nullptr || !ptrace::Memory(task->tid).read(waiter.address, bytes))
          return std::nullopt;
        return word;
      },
      .write =
          [this](const determinism::Futexes::Waiter& waiter, std::uint32_t word) {
            const Task* const task = find(waiter.task);
            const std::span<const char> bytes(reinterpret_cast<const char*>(&word), sizeof(word));
            return task != nullptr && ptrace::Memory(task->tid).write(waiter.address, bytes);
          }};
  determinism::check_waiters_after_exit(world_, ended_tid, words);
  const std::vector<determinism::TaskId> woken = std::exchange(world_.requests.wakeups, {});
  for (const determinism::TaskId id : woken)
    if (Task* const task = find(id); task != nullptr && task->state == TaskState::kWaiting)
      make_runnable(*task, guest::Woken::kReady);
}

}  // namespace tc::sandbox
