// Engine: what watches the tasks and tells their events: eBPF (bpf_engine.h), which stops nobody,
// or ptrace (ptrace_engine.h), which needs no privilege. The session does not know which.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "guest/events.h"
#include "sys/selection.h"

namespace tc::trace {

// A place in a file, told by Reached when a task comes there.
struct Place {
  std::string file;  // absolute path
  std::uint64_t file_offset = 0;
};

struct EngineOptions {
  std::vector<std::string> command;  // to launch; or
  std::vector<std::uint32_t> pids;   // to attach to, with all their threads and descendants
  sys::CallSelection calls = sys::CallSelection::all();  // to tell
  std::uint32_t data_max = 32;                           // bytes of each buffer
  std::vector<Place> places;
  std::size_t ring_bytes = std::size_t{64} << 20U;    // eBPF: the ring buffer
  std::size_t backlog_bytes = std::size_t{1} << 30U;  // eBPF: records waiting to be told
  bool pin = false;                                   // ptrace: all on one CPU
  bool keep_alive = false;                            // what was launched survives tc's end
};

struct EngineOutcome {
  // Of the command, as wait(2) tells it; nothing when it was not awaited.
  std::optional<int> wait_status;
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual std::string_view name() const = 0;  // "bpf", "ptrace"

  // Gets hold of everything: the command exists but has not executed its file, the processes are
  // watched. Returns the tasks there are, the command's or the first process's leader first.
  virtual Result<std::vector<guest::Task>> prepare() = 0;

  // Lets them run and tells events until every traced process has ended, or stop() was called and
  // everything seen until then is told. An error whose code is ENOENT, EACCES… of execve means
  // that the command could not be executed (launch_failed()).
  virtual Result<EngineOutcome> run(guest::Listener& listener) = 0;
  virtual bool launch_failed() const = 0;

  // From any thread: end run() soon. What was launched is killed (SIGKILL, the whole tree), what
  // was attached to runs on untouched.
  virtual void stop() = 0;
  // From any thread: send a signal to the command (to its process only).
  virtual void send(int signal) = 0;
};

// Errors tell what is missing (capabilities, BTF) and what to do, the other engine included.
Result<std::unique_ptr<Engine>> make_bpf_engine(const EngineOptions& options);
Result<std::unique_ptr<Engine>> make_ptrace_engine(const EngineOptions& options);

}  // namespace tc::trace
