// World: the state that the answers to all tasks of a run come from. One a run; handlers change it,
// the scheduler (sandbox/) reads what came of it.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "determinism/clock.h"
#include "determinism/cpu_model.h"
#include "determinism/deadlines.h"
#include "determinism/fifos.h"
#include "determinism/futexes.h"
#include "determinism/inodes.h"
#include "determinism/listings.h"
#include "determinism/process.h"
#include "determinism/settings.h"
#include "determinism/timers.h"

namespace tc::determinism {

// What handlers ask of the scheduler beside their answer. Emptied by it after each step of a
// handler.
struct Requests {
  std::vector<TaskId> wakeups;     // tasks whose Wait::wakeup has come
  bool yields = false;             // the task lets the others go first (sched_yield)
  bool signals_sent = false;       // some task may have got a signal
  std::vector<std::string> notes;  // what cannot be promised any more, for the end of the run
};

// A task that waits for a System V semaphore, as semctl(GETNCNT) and (GETZCNT) count them.
struct SemaphoreWait {
  std::int32_t set = 0;
  std::uint16_t number = 0;
  bool for_zero = false;
};

struct World {
  explicit World(const Settings& a_settings)
      : settings(a_settings), clock(a_settings.epoch_ns, a_settings.clock_step_ns) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  const Settings settings;
  const CpuModel cpu;
  VirtualClock clock;
  ClockReads clock_reads;
  Inodes inodes;
  Listings listings;
  Fifos fifos;
  // Where such files are made, a directory that keeper and guests name alike; empty: there is none.
  std::string substitute_directory;
  // Files of ours that guests have open in the place of one of /proc or /sys.
  std::unordered_set<FileId, FileIdHash> substitutes;
  // Files that changed later have changed during the run. No guest may run before
  // await_file_stamps() of it.
  const std::int64_t host_started_ns = host_wall_ns();
  Futexes futexes;
  Timers timers;
  KeptDeadlines kept_deadlines;
  Requests requests;
  // The processes that have not been reaped, by the pid that they see themselves as. Kept by the
  // engine; those it points to outlive their entries.
  std::map<pid_t, const Process*> processes;
  // Nice values of guests are relative to the one with which the sandbox was started.
  const int launch_nice = ::getpriority(PRIO_PROCESS, 0);
  std::optional<std::string> host_name;    // that a guest has set
  std::optional<std::string> domain_name;  // likewise
  std::uint16_t next_port = 32768;         // of the first socket that is bound to any
  std::uint32_t next_socket_name = 0;      // of the first abstract one
  std::uint32_t next_netlink_port = 0xf0000000;
  std::set<std::string> bound_services;  // UNIX sockets of the run's own, by path
  // Files that were open before the run and are no regular ones may be fed or drained by somebody
  // outside, in his own time.
  std::vector<FileId> external;
  // Somebody has asked for signals by what descriptors do (O_ASYNC, mq_notify): from now on any
  // call may send one.
  bool asynchronous_signals = false;
  std::map<pid_t, pid_t> record_lock_waits;  // which process waits for which (fcntl F_SETLKW)
  std::map<TaskId, SemaphoreWait> semaphore_waits;
  // Somebody has made a signal descriptor, which an epoll may hold (calls_epoll.cc).
  bool has_signal_files = false;
  // What guests are told of the kernel's cookies of renames (watch_events.h).
  std::map<std::uint32_t, std::uint32_t> rename_cookies;
  std::uint32_t last_rename_cookie = 0;
};

}  // namespace tc::determinism
