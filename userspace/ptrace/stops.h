// Stops: what is done at each stop of a traced thread: its event is told to the listener, and it
// is let go on. Knows neither where the threads come from nor how stops are awaited (tracer.h).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "guest/events.h"
#include "guest/handlers.h"
#include "ptrace/breakpoints.h"
#include "ptrace/capture.h"
#include "ptrace/stopped.h"
#include "ptrace/tasks.h"
#include "ptrace/wait_status.h"
#include "sys/selection.h"

namespace tc::ptrace {

struct StopOptions {
  sys::CallSelection calls;     // to tell
  std::uint32_t data_max = 32;  // bytes of each buffer
  std::vector<Place> places;
  // The traced threads are under the filter of filter_calls(): the other calls do not stop.
  bool is_filtered = false;
  const guest::Handlers* handlers = nullptr;  // outlives this, or null
};

// The calls that must stop for these options: those to tell, those that are handled, and those
// that lead to what must be told besides.
sys::CallSelection filter_calls(const StopOptions& options);

class Stops {
 public:
  explicit Stops(const StopOptions& options);

  // A thread that is traced from now on. Of a silent process nothing is told before it has
  // executed a file.
  void meet(guest::Task task, bool is_silent = false);
  // waitpid(2) has told this.
  void handle(pid_t tid, WaitStatus status, guest::Listener& listener);

  // No thread is left that could stop.
  bool is_done() const;
  // How a process ended that was watched by its pid; only of `watched`.
  void watch_end_of(std::uint32_t pid) { watched_ = pid; }
  std::optional<int> watched_status() const { return watched_status_; }
  bool watched_has_started() const { return watched_has_started_; }

  // Ends all there are and all to come. Their stops are still to be handled.
  void kill_all();
  // Lets go of each at its next stop, which is made to come soon.
  void release_all();

 private:
  // A thread that stopped, or even ended, before its creator told of it.
  struct Early {
    std::optional<Stopped> stopped;
    WaitStatus status;
  };

  // stops.cc
  void dispatch(Thread& thread, Stopped stopped, WaitStatus status);
  void take_signal(Thread& thread, Stopped stopped, int signal);
  bool take_breakpoint(Thread& thread, Stopped& stopped);
  void go_on(Thread& thread, Stopped stopped, int signal = 0);
  void let_go(Thread& thread, Stopped stopped, int signal);
  // call_stops.cc
  void take_call(Thread& thread, Stopped stopped, bool is_filter_stop);
  void enter_call(Thread& thread, Stopped stopped, const CallEntry& entry);
  void leave_call(Thread& thread, Stopped stopped, const CallExit& exit);
  void tell_call(Thread& thread, const CallEntry& entry, const CallExit& exit,
                 std::span<const sys::Piece> pieces);
  void tell_held(Thread& thread);
  std::span<const sys::Piece> take_pieces(pid_t tid, const CallEntry& entry, std::int64_t result);
  void finish_call(Thread& thread, const Stopped& stopped);
  bool is_selected(const CallEntry& entry) const;
  static void note_exec(Thread& thread, const CallEntry& entry);
  bool handle_call(Thread& thread, Stopped& stopped, const CallEntry& entry);
  void hide_untraced(Thread& thread, const Stopped& stopped, const CallEntry& entry);
  void undo_hide(Thread& thread, const Stopped& stopped, const CallEntry& entry);
  void set_breakpoints(Thread& thread);
  // life_stops.cc
  void create(Thread& creator, Stopped stopped);
  void introduce(const Thread& creator, pid_t tid, std::uint64_t clone_flags);
  void adopt_early(const Thread& creator);
  void start_program(Stopped stopped);
  void tell_start(Thread& thread, std::uint32_t former_tid);
  void end_thread(Thread& thread);
  void end_process(pid_t tid, WaitStatus status);
  void tell_end(const Ending& ending, std::optional<int> wait_status);

  StopOptions options_;
  std::vector<tc_capture_plan> plans_;  // by number
  Tasks tasks_;
  std::map<pid_t, Early> early_;
  Capture capture_;
  guest::Listener* listener_ = nullptr;  // during handle()
  std::uint32_t watched_ = 0;
  std::optional<int> watched_status_;
  bool watched_has_started_ = false;
  bool is_killing_ = false;
  bool is_releasing_ = false;
};

// ns since boot.
std::uint64_t boot_time_ns();

}  // namespace tc::ptrace
