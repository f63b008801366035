// Engine: the deterministic run itself: takes the stops of all tasks, lets handlers answer their
// calls, and asks the scheduler who goes on. One thread; one task runs at a time.
//
// engine.cc      whose turn it is, from the first stop to the last
// call_stops.cc  calls: entry, handler, injection, return
// life.cc        tasks that are made, execute programs and end
// signals.cc     signals: traps of ours, those of timers, who is to get one, stops and continuation
// idle.cc        what happens when nobody can run: time goes on, or it is a deadlock
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "determinism/cpu_model.h"
#include "determinism/random.h"
#include "determinism/world.h"
#include "guest/handlers.h"
#include "ptrace/task_status.h"
#include "sandbox/keeper.h"
#include "sandbox/launch.h"
#include "sandbox/options.h"
#include "sandbox/outcome.h"
#include "sandbox/scheduler.h"
#include "sandbox/task.h"
#include "sandbox/watchdog.h"

namespace tc::sandbox {

class CallLog;

class Engine {
 public:
  // `log`: null when none is wanted.
  Engine(const Options& options, const Inside& inside, std::unique_ptr<CallLog> log);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  // To be called once, in the process that shall be the tracer: it is pinned to one CPU, and every
  // child of it is reaped.
  Result<Outcome> run();

 private:
  using Milliseconds = std::chrono::milliseconds;

  // --- engine.cc ---
  Result<void> launch();
  Result<void> explain_no_command();
  void find_external_files();
  void run_tasks();
  // Whose turn it is; nobody: the run is over.
  Task* choose();
  // What has happened meanwhile is seen to: signals, timers, waits that are over.
  void settle();
  void wake_those_due();
  void retry_waits();
  void run_turn(Task& task);
  void go_on(Task& task);
  void take_stop(Task& task, ptrace::WaitStatus status);
  // Lets it run until its next stop; nothing: it has ended.
  std::optional<ptrace::WaitStatus> step(Task& task, ptrace::Until until, int signal = 0);
  std::optional<ptrace::WaitStatus> await(Task& task);
  void take_other_stop(pid_t tid, ptrace::WaitStatus status);
  void make_runnable(Task& task, guest::Woken woken);
  std::optional<ptrace::WaitStatus> suspect_spin(Task& task);
  std::optional<ptrace::WaitStatus> let_log_catch_up(Task& task);
  Task* find(determinism::TaskId id) const;
  Task* find_tid(pid_t tid) const;
  void end_everything();
  Outcome outcome();

  // --- call_stops.cc ---
  void begin_call(Task& task);
  void drive(Task& task);
  // Until where a task runs that is about to make a call nobody but the log is interested in.
  ptrace::Until behind_passing_call() const;
  void take_requests(Task& task);
  // Something that cannot be promised; told once.
  void note(const std::string& what);
  void conclude(Task& task);
  void return_value(Task& task, std::int64_t value);
  void leave_interrupted(Task& task, std::int64_t code);
  // The kernel makes the call now in the task's name; nothing: it has ended.
  std::optional<std::int64_t> make_call(Task& task, const guest::RawCall& call);
  std::optional<std::int64_t> await_return(Task& task, std::optional<ptrace::WaitStatus> status);
  void say_call(const Task& task, const std::string& answer) const;
  void refuse(Task& task, std::int64_t code);
  void log_return(Task& task);

  // --- life.cc ---
  Task& add_task(pid_t tid, std::shared_ptr<ProcessState> process, std::string name,
                 bool is_leader);
  void create(Task& creator, ptrace::WaitStatus status);
  void start_program(Task& task);
  void prepare_program(Task& task);
  void end_task(Task& task, ptrace::WaitStatus status);
  void end_process(ProcessState& process);
  void take_end(pid_t tid, ptrace::WaitStatus status);
  void await_end_of_process(std::shared_ptr<ProcessState> process);
  std::vector<determinism::TaskId> threads_of(const ProcessState& process) const;
  void take_ends(const std::vector<determinism::TaskId>& threads);
  void await_zombie(Task& leader);
  void check_futexes_after_exit(pid_t ended_tid);
  void release_vfork_parent(ProcessState& process);

  // --- signals.cc ---
  void take_signal(Task& task, int signal);
  bool take_trap(Task& task, const ptrace::Stopped& stopped);
  void take_group_stop(Task& task);
  void check_signals();
  void wake_parents();  // that wait for their children to change
  void check_signals_of(Task& task);
  void go_on_from_stop(Task& task);
  // Does a signal that is pending end what the task waits for?
  bool is_signalled(const Task& task) const;
  ptrace::TaskStatus status_of(pid_t tid) const;
  void expire_timers();
  void forget_closed_timers();
  const Task* target_of(const determinism::TimerSignal& signal) const;
  void send_timer_signal(const determinism::TimerSignal& signal);

  // --- idle.cc ---
  // Nobody can run. True: somebody can now.
  bool pass_time();
  bool wait_for_outside();
  bool is_outside(const guest::WaitFile& file) const;
  // Is it a file from outside that is ready, of those that it waits for?
  bool is_ready_outside(const Task& task) const;
  std::optional<std::int64_t> next_event_ns() const;
  std::string deadlock_report() const;

  const Options& options_;
  const Inside& inside_;
  determinism::World world_;
  determinism::Random shares_;  // how long turns are
  guest::Handlers handlers_;
  Scheduler scheduler_;
  Watchdog watchdog_;
  std::unique_ptr<CallLog> log_;  // when one is wanted

  std::map<determinism::TaskId, std::unique_ptr<Task>> tasks_;
  std::unordered_map<pid_t, Task*> by_tid_;
  std::map<pid_t, ptrace::WaitStatus> early_;  // children that stopped before they were told of
  std::map<determinism::TaskId, ptrace::WaitStatus> ended_;  // whose end is to be told yet
  std::map<pid_t, determinism::FileId> outside_;             // what was inherited
  std::optional<HeldInit> init_;
  determinism::TaskId next_task_ = 1;
  determinism::SpaceId next_space_ = 1;
  std::uint64_t next_process_ = 1;
  std::uint32_t waited_turns_ = 0;  // of tasks that spin
  bool signals_sent_ = false;
  bool has_continued_ = false;  // some task is_continued
  bool yields_ = false;
  bool command_started_ = false;
  bool log_catches_up_ = false;
  std::optional<std::int64_t> command_ended_ns_;  // virtual
  std::chrono::steady_clock::time_point started_;
  Milliseconds patience_{20};
  bool is_in_call_ = false;  // the running task runs until its call returns
  bool is_over_ = false;
  Outcome outcome_;
};

}  // namespace tc::sandbox
