// Thread and Process: what the tracer knows of who it traces. Data only; tasks.h keeps them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "guest/events.h"
#include "ptrace/breakpoints.h"
#include "ptrace/handler_run.h"
#include "ptrace/held_call.h"
#include "ptrace/stopped.h"

namespace tc::ptrace {

// How a thread ended, told later when it was the last of its process.
struct Ending {
  guest::Task task;
  std::optional<CallEntry> call;
};

struct Process {
  std::uint32_t pid = 0;
  std::uint32_t living = 0;      // threads that have not ended
  bool is_silent = false;        // the command before it has executed its file: nothing is told
  std::optional<Ending> ending;  // of its last thread; the wait status is yet to come
  // Shared with processes that share the memory (vfork).
  std::shared_ptr<Breakpoints> breakpoints;
};

struct Thread {
  guest::Task task;
  std::shared_ptr<Process> process;
  // The call it is in, when its return matters: from the stop at its entry to the one at its exit.
  std::optional<CallEntry> call;
  bool is_told = false;   // tell `call` when it returns
  std::string exec_path;  // of an execve it is in
  bool is_exec_at = false;
  std::uint64_t hidden_flags = 0;  // CLONE_UNTRACED, taken from the call it is in
  bool has_ended = false;
  std::unique_ptr<HandlerRun> handler;
  std::unique_ptr<HeldCall> held;  // returned, but perhaps only to be made again
};

}  // namespace tc::ptrace
