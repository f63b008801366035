// HeldCall: a call that a signal has cut short, kept until it is known whether that is to be told.
//
// A traced thread is also interrupted by signals that it ignores: without a tracer the kernel would
// not even have queued them. It then makes the call again by itself, and nothing of that is told.
#pragma once

#include <string>
#include <vector>

#include "guest/events.h"
#include "ptrace/stopped.h"

namespace tc::ptrace {

// Is this the result of a call that the kernel will make again unless a handler runs first? These
// are the kernel's own errnos, which no program sees (include/linux/errno.h).
bool is_to_be_restarted(std::int64_t result);

class HeldCall {
 public:
  // Copies what the event refers to.
  HeldCall(const guest::Called& event, const CallEntry& entry);
  HeldCall(const HeldCall&) = delete;
  HeldCall& operator=(const HeldCall&) = delete;

  const guest::Called& event() const { return event_; }
  const CallEntry& entry() const { return entry_; }

  // The thread has passed over a signal that it ignores.
  void note_ignored_signal() { was_ignored_ = true; }
  // Is a call that the thread makes next this one again, for no reason that is to be told?
  bool is_remade_by(const CallEntry& next) const;

 private:
  guest::Called event_;
  CallEntry entry_;
  std::vector<std::string> bytes_;
  std::vector<sys::Piece> pieces_;
  bool was_ignored_ = false;
};

// restart_syscall(2): how the kernel makes calls again that have a time limit.
bool is_restart(const CallEntry& entry);

}  // namespace tc::ptrace
