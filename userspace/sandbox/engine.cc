#include "sandbox/engine.h"

#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "determinism/calls.h"
#include "sandbox/call_log.h"
#include "sandbox/filter.h"

namespace tc::sandbox {
namespace {

// Calls of one turn: never the same number twice in a row for long, or a loop of calls that fits
// into it would end each turn at the same place, as one that holds a lock there.
constexpr std::uint32_t kShareAtLeast = 48;
constexpr std::uint32_t kShareSpread = 32;
constexpr std::uint64_t kShareStream = ~std::uint64_t{0};  // no process has this number
constexpr unsigned kMemoryDevices = 1;     // the major number of /dev/null and its kin
constexpr std::uint32_t kSpinTurns = 8;    // of others, before a spinning task looks again
constexpr std::uint32_t kSpinSteps = 128;  // instructions of the longest loop that is recognised
// As a shell has it.
constexpr int kNotExecutableStatus = 126;
constexpr int kNotFoundStatus = 127;
constexpr std::chrono::milliseconds kPatienceAtFirst{20};
constexpr std::chrono::milliseconds kPatienceAtMost{2000};
constexpr std::chrono::milliseconds kPatienceAlone{500};  // of a task beside whom there is nobody

// Tracer and tracees on one CPU: a stop costs a tenth there, and no instruction can tell another.
void pin_to_one_cpu() {
  const int here = sched_getcpu();
  if (here < 0) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(here), &one);
  sched_setaffinity(0, sizeof(one), &one);
}

}  // namespace

Engine::Engine(const Options& options, const Inside& inside, std::unique_ptr<CallLog> log)
    : options_(options),
      inside_(inside),
      world_(options.settings),
      shares_(options.settings.seed, kShareStream),
      handlers_(determinism::make_handlers(world_)),
      log_(std::move(log)),
      started_(std::chrono::steady_clock::now()) {
  world_.substitute_directory = inside.substitutes;
  if (!log_) return;
  watchdog_.on_wake([this](bool is_tick) {
    if (is_tick && !log_catches_up_ && log_->is_behind()) return false;
    log_->take_passing([this](pid_t tid) { return find_tid(tid); }, world_.clock);
    return true;
  });
}

Engine::~Engine() { end_everything(); }

Result<Outcome> Engine::run() {
  pin_to_one_cpu();
  TC_CHECK(launch());
  run_tasks();
  end_everything();
  if (log_) TC_CHECK(log_->finish());
  if (log_ && log_->has_lost()) note(kLogIsNotWhole);
  if (!command_started_ && outcome_.kind == Outcome::Kind::kEnded) TC_CHECK(explain_no_command());
  return outcome();
}

Result<void> Engine::launch() {
  find_external_files();
  const bool all_stop = log_ && log_->needs_stops();
  TC_TRY(HeldInit init, HeldInit::hold(options_, inside_, sandbox_filter(all_stop)));
  init_.emplace(std::move(init));
  // Names of /proc are relative from here on: the numbers there are ours, not the guests'.
  if (fchdir(inside_.proc.get()) != 0) return system_error(errno, "enter the host's /proc");
  TC_CHECK(ptrace::seize(init_->pid(), ptrace::kFollowAndKill));
  auto process = std::make_shared<ProcessState>();
  process->told.space = next_space_++;
  Task& init_task =
      add_task(init_->pid(), std::move(process), determinism::kInitName, /*is_leader=*/true);
  determinism::await_file_stamps(world_.host_started_ns);
  if (log_ && !log_->needs_stops()) TC_CHECK(introduce_init(inside_, init_->pid()));
  TC_CHECK(init_->release());
  const determinism::TaskId id = init_task.id;
  if (const auto status = await(init_task)) take_stop(init_task, *status);
  if (find(id) != nullptr && init_task.state == TaskState::kRunnable) scheduler_.add(id);
  return {};
}

Result<void> Engine::explain_no_command() {
  const auto failure = init_->failure();
  if (!failure) return error("{} could not be started", options_.command.front());
  outcome_.kind = Outcome::Kind::kNoCommand;
  outcome_.report = failure->text();
  if (outcome_.status != kNotFoundStatus) outcome_.status = kNotExecutableStatus;
  return {};
}

void Engine::find_external_files() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    struct stat status {};
    if (fstat(fd, &status) != 0) continue;
    const determinism::FileId file = {.device = status.st_dev, .inode = status.st_ino};
    outside_.emplace(fd, file);
    const bool is_memory = S_ISCHR(status.st_mode) && major(status.st_rdev) == kMemoryDevices;
    if (!S_ISREG(status.st_mode) && !is_memory) world_.external.push_back(file);
  }
}

void Engine::run_tasks() {
  while (Task* task = choose()) {
    ++outcome_.statistics.switches;
    run_turn(*task);
  }
}

Task* Engine::choose() {
  while (!tasks_.empty() && !is_over_) {
    settle();
    if (const auto id = scheduler_.next()) {
      if (Task* task = find(*id)) return task;
      continue;
    }
    if (!pass_time()) return nullptr;
  }
  return nullptr;
}

void Engine::settle() {
  expire_timers();
  const bool has_news = std::exchange(signals_sent_, false) || has_continued_ || !ended_.empty();
  if (has_news || world_.asynchronous_signals) check_signals();
  // A process that was stopped or continued is news to its parent, too.
  if (has_news) wake_parents();
  wake_those_due();
  retry_waits();
}

void Engine::wake_those_due() {
  for (const Scheduler::Over& over : scheduler_.over(world_.clock.monotonic_ns())) {
    Task* const task = find(over.task);
    if (task == nullptr) continue;
    if (over.woken == guest::Woken::kReady && over.others_did_something && is_ready_outside(*task))
      note("input from outside came while others ran: when it does is no input");
    make_runnable(*task, over.woken);
  }
}

void Engine::retry_waits() {
  const bool may_spin = !scheduler_.has_runnable() || ++waited_turns_ >= kSpinTurns;
  if (may_spin) waited_turns_ = 0;
  // Only those that waited when this began: one that tries in vain waits again behind them.
  while (const auto id = scheduler_.next_retry(/*with_lazy=*/may_spin)) {
    Task* task = find(*id);
    if (task == nullptr) continue;
    if (!task->spin) {
      make_runnable(*task, guest::Woken::kReady);
      continue;
    }
    const SpinCheck check = try_spin_again(task->tid, *task->spin);
    if (check.spin) continue;
    task->spin.reset();
    make_runnable(*task, guest::Woken::kReady);
    task->woken.reset();
    if (check.wait_status) take_stop(*task, ptrace::WaitStatus(*check.wait_status));
  }
}

void Engine::make_runnable(Task& task, guest::Woken woken) {
  scheduler_.forget(task.id);
  if (task.spin)
    task.spin.reset();
  else
    task.woken = woken;
  task.state = TaskState::kRunnable;
  scheduler_.add(task.id);
}

void Engine::run_turn(Task& task) {
  const determinism::TaskId id = task.id;
  const auto share = static_cast<std::uint32_t>(kShareAtLeast + shares_.next() % kShareSpread);
  task.handled = 0;
  yields_ = false;
  while (!is_over_) {
    go_on(task);
    if (find(id) != &task || task.state != TaskState::kRunnable) return;
    if (task.woken) return;  // it waited no longer than it took to say so, and is in the queue
    const bool has_had_its_share = task.handled >= share;
    if (!yields_ && !has_had_its_share) continue;
    // With nobody else about there is nothing to switch to, but timers and signals are seen to.
    scheduler_.add(id);
    return;
  }
}

void Engine::go_on(Task& task) {
  if (const auto woken = std::exchange(task.woken, std::nullopt)) {
    // A signal to the process may have been taken by another of its threads meanwhile.
    const bool is_stopping = std::exchange(task.is_stopping, false);
    if (*woken == guest::Woken::kSignal && !is_stopping && !is_signalled(task)) {
      task.state = TaskState::kWaiting;
      return scheduler_.wait(task.id, task.handler->wait());
    }
    task.handler->wake(*woken);
    return drive(task);
  }
  if (task.leaves && task.is_leader && task.process->living > 1) return await_zombie(task);
  const auto status = step(task, task.until, std::exchange(task.signal, 0));
  if (status) take_stop(task, *status);
}

void Engine::take_stop(Task& task, ptrace::WaitStatus status) {
  using Kind = ptrace::WaitStatus::Kind;
  ++outcome_.statistics.stops;
  task.until = ptrace::Until::kEvent;
  switch (status.kind()) {
    case Kind::kSeccomp:
      return begin_call(task);
    case Kind::kSyscall:
      return log_return(task);
    case Kind::kCreate:
      return create(task, status);
    case Kind::kExec:
      return start_program(task);
    case Kind::kSignal:
      return take_signal(task, status.signal());
    case Kind::kGroupStop:
      return take_group_stop(task);
    case Kind::kEnded:
      return end_task(task, status);
    default:
      return;
  }
}

std::optional<ptrace::WaitStatus> Engine::step(Task& task, ptrace::Until until, int signal) {
  is_in_call_ = until == ptrace::Until::kSyscall;
  ptrace::Stopped(task.tid).resume(until, signal);
  return await(task);
}

std::optional<ptrace::WaitStatus> Engine::await(Task& task) {
  patience_ = kPatienceAtFirst;
  while (true) {
    const Watchdog::Waited waited = watchdog_.wait(-1, patience_);
    if (waited.pid == 0 && log_ && log_->is_behind()) {
      if (const auto status = let_log_catch_up(task)) return status;
      continue;
    }
    if (waited.pid == 0) {
      const auto status = suspect_spin(task);
      if (status || is_over_ || task.spin) return status;
      continue;
    }
    if (waited.pid < 0) return std::nullopt;
    if (waited.pid == task.tid) return waited.status;
    // A thread that executes a program becomes its leader: the stop comes under that number.
    if (waited.status.kind() == ptrace::WaitStatus::Kind::kExec &&
        ptrace::Stopped(waited.pid).event_message() == static_cast<std::uint64_t>(task.tid)) {
      if (Task* leader = find_tid(waited.pid)) take_end(leader->tid, waited.status);
      by_tid_.erase(task.tid);
      task.tid = waited.pid;
      task.is_leader = true;
      by_tid_[task.tid] = &task;
      return waited.status;
    }
    take_other_stop(waited.pid, waited.status);
  }
}

void Engine::take_other_stop(pid_t tid, ptrace::WaitStatus status) {
  Task* const task = find_tid(tid);
  const bool has_ended = status.kind() == ptrace::WaitStatus::Kind::kEnded;
  if (task == nullptr) {
    if (has_ended)
      early_.erase(tid);
    else
      early_.insert_or_assign(tid, status);
    return;
  }
  // It was killed; or it had stopped and was continued, and is to run again. When that is noticed
  // is chance, so it is seen to where signals are.
  if (has_ended) {
    ended_.insert_or_assign(task->id, status);
    return;
  }
  if (task->state != TaskState::kStopped) return;
  task->is_continued = true;
  has_continued_ = true;
}

// It has run for long without a call: computing, or waiting for another to change memory.
std::optional<ptrace::WaitStatus> Engine::suspect_spin(Task& task) {
  if (options_.timeout_ns && std::chrono::steady_clock::now() - started_ >
                                 std::chrono::nanoseconds(*options_.timeout_ns)) {
    outcome_.kind = Outcome::Kind::kTimeout;
    outcome_.status = kTimeoutStatus;
    is_over_ = true;
    return std::nullopt;
  }
  patience_ = std::min(patience_ * 3, kPatienceAtMost);
  // An interruption would show in what some long calls return (sendfile).
  if (is_in_call_) return std::nullopt;
  // Alone it most likely computes.
  const bool has_others = tasks_.size() > 2 || next_event_ns();
  if (!has_others && patience_ < kPatienceAlone) return std::nullopt;
  if (status_of(task.tid).state != 'R') return std::nullopt;
  ptrace::interrupt(task.tid);
  const Watchdog::Waited waited = watchdog_.wait(task.tid, kPatienceAtMost);
  if (waited.pid != task.tid) return std::nullopt;
  if (waited.status.kind() != ptrace::WaitStatus::Kind::kInterrupted) return waited.status;
  SpinCheck check = look_for_spin(task.tid, kSpinSteps);
  if (check.wait_status) return ptrace::WaitStatus(*check.wait_status);
  if (!check.spin) {
    ptrace::Stopped(task.tid).resume(task.until);
    return std::nullopt;
  }
  ++outcome_.statistics.spins;
  task.spin = std::move(check.spin);
  task.state = TaskState::kWaiting;
  // What it wrote before it began to wait may be what another waits for.
  scheduler_.note_progress();
  scheduler_.wait(task.id, task.spin->wait, /*is_lazy=*/true);
  return std::nullopt;
}

// It makes calls faster than they can be told: they share a CPU, and it would get ahead for ever.
std::optional<ptrace::WaitStatus> Engine::let_log_catch_up(Task& task) {
  ptrace::interrupt(task.tid);
  log_catches_up_ = true;
  const Watchdog::Waited waited = watchdog_.wait(task.tid, kPatienceAtMost);
  log_catches_up_ = false;
  if (waited.pid != task.tid) return std::nullopt;
  if (waited.status.kind() != ptrace::WaitStatus::Kind::kInterrupted) return waited.status;
  ptrace::Stopped(task.tid).resume(task.until);
  return std::nullopt;
}

Task* Engine::find(determinism::TaskId id) const {
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : found->second.get();
}

Task* Engine::find_tid(pid_t tid) const {
  const auto found = by_tid_.find(tid);
  return found == by_tid_.end() ? nullptr : found->second;
}

// Whatever is left. Process 1 takes its whole namespace with it.
void Engine::end_everything() {
  is_over_ = true;
  for (const auto& [id, task] : tasks_)
    if (task->is_leader) ::kill(task->tid, SIGKILL);
  for (const auto& [tid, status] : early_) ::kill(tid, SIGKILL);
  while (true) {
    const Watchdog::Waited waited = watchdog_.wait(-1, kPatienceAtMost);
    if (waited.pid < 0) break;
    if (waited.pid == 0) continue;
    if (waited.status.kind() != ptrace::WaitStatus::Kind::kEnded) ::kill(waited.pid, SIGKILL);
  }
  tasks_.clear();
  by_tid_.clear();
  ended_.clear();
  early_.clear();
}

Outcome Engine::outcome() {
  outcome_.statistics.virtual_ns = world_.clock.elapsed_ns();
  return std::move(outcome_);
}

}  // namespace tc::sandbox
