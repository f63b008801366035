// Signals: traps of ours, those that timers send, who is to get one, stops and continuation.
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "ptrace/memory.h"
#include "sandbox/call_log.h"
#include "sandbox/engine.h"

namespace tc::sandbox {
namespace {

constexpr std::uint32_t kTrapShare = 64;     // time stamps read in a row
constexpr std::size_t kInstructionMax = 15;  // bytes of the longest one
// si_timerid of the signals we send for alarm(2) and the like: no timer has this number.
constexpr int kKernelTimerMark = -0x7463;

std::uint64_t bit(int signal) { return std::uint64_t{1} << static_cast<unsigned>(signal - 1); }

std::uint64_t acting(const ptrace::TaskStatus& status, std::uint64_t pending) {
  std::uint64_t all = 0;
  for (int signal = 1; signal <= 64; ++signal)
    if ((pending & bit(signal)) != 0 && (signal == SIGKILL || status.acts_on(signal)))
      all |= bit(signal);
  return all;
}

}  // namespace

ptrace::TaskStatus Engine::status_of(pid_t tid) const {
  const auto text = base::read_file(fmt::format("{}/status", tid));
  return text ? ptrace::parse_task_status(*text) : ptrace::TaskStatus{};
}

void Engine::take_signal(Task& task, int signal) {
  const ptrace::Stopped stopped(task.tid);
  if (signal == SIGSEGV && take_trap(task, stopped)) return;
  ++outcome_.statistics.signals;
  if (task.interrupted && (status_of(task.tid).caught & bit(signal)) != 0) task.interrupted.reset();
  if (auto info = stopped.signal_info()) {
    if (info->si_code == SI_TIMER && info->si_timerid == kKernelTimerMark) {
      info->si_code = SI_KERNEL;
      info->si_timerid = 0;
      stopped.set_signal_info(*info);
    } else if (info->si_code == SI_TIMER && info->si_timerid >= 0) {
      info->si_overrun = static_cast<int>(world_.timers.delivered(
          {.process = task.process->told.order, .number = info->si_timerid}));
      stopped.set_signal_info(*info);
    } else if (signal == SIGCHLD && info->si_code > 0 && info->si_code != SI_KERNEL) {
      info->si_utime = info->si_stime = 0;
      stopped.set_signal_info(*info);
    }
    if (log_) log_->signalled(task, signal, *info, status_of(task.tid), world_.clock);
  }
  task.signal = signal;
}

// CPUID, RDTSC and RDTSCP end in SIGSEGV here, with the code that the kernel gives when it knows no
// address (arch/x86/kernel/traps.c).
bool Engine::take_trap(Task& task, const ptrace::Stopped& stopped) {
  const auto info = stopped.signal_info();
  if (!info || info->si_code != SI_KERNEL) return false;
  auto registers = stopped.registers();
  if (!registers) return false;
  std::array<unsigned char, kInstructionMax> bytes{};
  const ptrace::Memory memory(task.tid);
  std::size_t size = bytes.size();
  // The instruction may be the last of its page.
  while (size > 0 && !memory.read(registers->rip, {reinterpret_cast<char*>(bytes.data()), size}))
    --size;
  const auto trapped = determinism::decode_trapped(std::span(bytes).first(size));
  if (!trapped) return false;
  const determinism::Process& process = task.process->told;
  if (trapped->instruction == determinism::TrappedInstruction::kCpuid) {
    if (!process.runs_cpuid) return false;  // the guest itself asked for the signal
    ++outcome_.statistics.cpuid_traps;
    const auto answer = world_.cpu.cpuid(static_cast<std::uint32_t>(registers->rax),
                                         static_cast<std::uint32_t>(registers->rcx));
    registers->rax = answer.eax;
    registers->rbx = answer.ebx;
    registers->rcx = answer.ecx;
    registers->rdx = answer.edx;
  } else {
    if (!process.reads_tsc) return false;
    ++outcome_.statistics.tsc_traps;
    world_.clock.tick();
    const bool reads_only = world_.clock_reads.note(world_.clock);
    if (++task.handled >= kTrapShare || reads_only) yields_ = true;
    const std::uint64_t ticks = determinism::time_stamp(world_.clock.monotonic_ns());
    registers->rax = ticks & 0xffffffffU;
    registers->rdx = ticks >> 32U;
    if (trapped->instruction == determinism::TrappedInstruction::kRdtscp) registers->rcx = 0;
  }
  registers->rip += trapped->length;
  stopped.set_registers(*registers);
  return true;
}

// It stays where it is until SIGCONT. The other threads have to take part before its parent is
// told: each on its own way out of what it waits for.
void Engine::take_group_stop(Task& task) {
  task.state = TaskState::kStopped;
  ptrace::Stopped(task.tid).listen();
  signals_sent_ = true;
  for (const auto& [id, other] : tasks_)
    if (other->process == task.process && other->state == TaskState::kWaiting) {
      make_runnable(*other, guest::Woken::kSignal);
      other->is_stopping = true;
    }
}

// Tasks that stand still and have got a signal meanwhile. One that is in no stop of ours any more
// was killed, or continued.
void Engine::check_signals() {
  std::vector<determinism::TaskId> ids;
  for (const auto& [id, task] : tasks_) ids.push_back(id);
  for (const determinism::TaskId id : ids)
    if (Task* const task = find(id)) check_signals_of(*task);
  has_continued_ = false;
}

void Engine::wake_parents() {
  std::vector<determinism::TaskId> parents;
  for (const Scheduler::Waiter& waiter : scheduler_.waiters())
    if (waiter.wait->children) parents.push_back(waiter.task);
  for (const determinism::TaskId id : parents)
    if (Task* const parent = find(id)) make_runnable(*parent, guest::Woken::kReady);
}

void Engine::go_on_from_stop(Task& task) {
  task.is_continued = false;
  task.state = TaskState::kRunnable;
  scheduler_.add(task.id);
}

void Engine::check_signals_of(Task& task) {
  if (const auto ended = ended_.extract(task.id)) return end_task(task, ended.mapped());
  if (task.state == TaskState::kZombie) return;
  if (task.is_continued) return go_on_from_stop(task);
  const ptrace::TaskStatus status = status_of(task.tid);
  const bool is_killed = (status.pending & bit(SIGKILL)) != 0;
  if (is_killed || status.state != 't' || task.state == TaskState::kStopped) {
    // Continued, a stopped one may have come to its next stop already, or stands still as before.
    const bool stands_still = !is_killed && status.state == 't';
    const Watchdog::Waited waited =
        stands_still ? Watchdog::look(task.tid) : watchdog_.wait(task.tid, Milliseconds(1000));
    if (waited.pid == task.tid && waited.status.kind() == ptrace::WaitStatus::Kind::kEnded)
      return end_task(task, waited.status);
    if (waited.pid != task.tid) return;
    take_other_stop(waited.pid, waited.status);
    if (task.is_continued) go_on_from_stop(task);
    return;
  }
  if (task.state != TaskState::kWaiting) return;
  const guest::Wait* const wait = task.spin ? &task.spin->wait : &task.handler->wait();
  if ((status.pending & wait->accepted_signals) != 0)
    return make_runnable(task, guest::Woken::kReady);
  if (is_signalled(task)) make_runnable(task, guest::Woken::kSignal);
}

bool Engine::is_signalled(const Task& task) const {
  const guest::Wait& wait = task.spin ? task.spin->wait : task.handler->wait();
  if (!wait.signals) return false;
  const ptrace::TaskStatus status = status_of(task.tid);
  return acting(status, status.pending & ~wait.signal_mask.value_or(status.blocked)) != 0;
}

void Engine::expire_timers() {
  const auto next = world_.timers.next();
  if (!next || *next > world_.clock.monotonic_ns()) return;
  const auto is_pending = [this](const determinism::TimerSignal& signal) {
    const Task* const target = target_of(signal);
    return target != nullptr && (status_of(target->tid).pending & bit(signal.signal)) != 0;
  };
  for (const determinism::TimerSignal& signal :
       world_.timers.expire(world_.clock.monotonic_ns(), is_pending))
    send_timer_signal(signal);
  scheduler_.note_progress();  // an epoll that only its guest may ask may have become ready
  if (world_.timers.wants_census()) forget_closed_timers();
}

void Engine::forget_closed_timers() {
  std::vector<std::string> directories;
  for (const auto& [id, task] : tasks_)
    if (task->is_leader) directories.push_back(std::to_string(task->tid));
  world_.timers.forget_closed(directories);
}

// The thread that is to get it, or the first of the process that is; nobody: it has ended.
const Task* Engine::target_of(const determinism::TimerSignal& signal) const {
  const Task* target = nullptr;
  for (const auto& [id, task] : tasks_) {
    if (task->process->told.order != signal.process) continue;
    if (signal.thread == 0 ? task->is_leader : task->own_tid == signal.thread) target = task.get();
  }
  return target;
}

void Engine::send_timer_signal(const determinism::TimerSignal& signal) {
  const Task* const target = target_of(signal);
  if (target == nullptr) return;
  siginfo_t info{};
  info.si_signo = signal.signal;
  info.si_code = SI_TIMER;
  info.si_timerid = signal.is_posix ? signal.number : kKernelTimerMark;
  std::memcpy(&info.si_value, &signal.value, sizeof(signal.value));
  const pid_t pid = target->process->told.host_pid;
  if (signal.thread == 0)
    ::syscall(SYS_rt_sigqueueinfo, pid, signal.signal, &info);
  else
    ::syscall(SYS_rt_tgsigqueueinfo, pid, target->tid, signal.signal, &info);
  signals_sent_ = true;
}

}  // namespace tc::sandbox
