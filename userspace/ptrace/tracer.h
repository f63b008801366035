// Tracer: a command, or processes that run already, traced by ptrace(2) with all that they start:
// what happens to them is told as guest events (guest/events.h). Needs no privilege.
//
// prepare() and run() are for one thread: the kernel ties tracees to the thread that traces them.
// While run() waits it reaps every child of the calling program that ends.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "guest/events.h"
#include "guest/handlers.h"
#include "ptrace/bell.h"
#include "ptrace/launch.h"
#include "ptrace/stops.h"

namespace tc::ptrace {

struct TracerOptions {
  std::vector<std::string> command;  // to launch; or
  std::vector<std::uint32_t> pids;   // to attach to, with all their threads and descendants
  sys::CallSelection calls;          // to tell
  std::uint32_t data_max = 32;       // bytes of each buffer
  std::vector<Place> places;
  // All on one CPU: a stop costs a fraction of what it costs across two.
  bool pin = false;
  // A launched command survives the tracer. It is then not put under a filter, which would outlive
  // the tracer, too: each call stops.
  bool keep_alive = false;
  const guest::Handlers* handlers = nullptr;  // for calls of a launched command; outlives run()
};

class Tracer {
 public:
  explicit Tracer(const TracerOptions& options);
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;
  ~Tracer();

  // Gets hold of everything: the command is there but has not executed its file, the processes are
  // stopped or about to stop. The tasks there are, the first process's leader first.
  Result<std::vector<guest::Task>> prepare();
  // Until everything traced has ended or was let go of: the command's wait status. When the
  // command's file could not be executed: an error, with the errno as its code.
  Result<std::optional<int>> run(guest::Listener& listener);
  bool launch_failed() const { return launch_failed_; }

  // From any thread, once prepare() has returned: run() ends soon. What was launched is killed,
  // its whole tree (with keep_alive: let go of), what was attached to runs on untouched.
  void stop();
  // From any thread, once prepare() has returned: to the command's process.
  void send(int signal) const;

 private:
  StopOptions stop_options() const;
  Result<std::vector<guest::Task>> launch();
  Result<std::vector<guest::Task>> attach();
  Result<bool> attach_process(std::uint32_t pid, bool is_named, std::vector<guest::Task>& tasks);
  void pin_to_one_cpu();
  Result<void> wait_and_handle(guest::Listener& listener);

  TracerOptions options_;
  Stops stops_;
  std::optional<Bell> bell_;
  std::optional<HeldCommand> command_;
  std::optional<cpu_set_t> former_cpus_;
  std::atomic<bool> stop_wanted_ = false;
  bool is_stopping_ = false;
  bool launch_failed_ = false;
};

}  // namespace tc::ptrace
