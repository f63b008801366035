// Wait: what a call waits for that cannot go on yet. A handler awaits it (handler.h); whoever
// drives the handler lets other tasks run until it is over.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace tc::guest {

// An open file of the guest by a descriptor of our own: the same open file description, so asking
// it with poll(2) is asking the guest's. Held as long as the wait lasts, as the kernel holds the
// file of a call that blocks.
struct WaitFile {
  std::shared_ptr<const UniqueFd> file;
  std::int16_t events = 0;  // POLL…
};

struct Wait {
  // Each of these ends the wait; of `files` any one that is ready.
  std::vector<WaitFile> files;
  std::optional<std::int64_t> deadline_ns;  // of the virtual monotonic clock
  bool children = false;                    // a child of the process has changed its state
  bool retry = false;   // no event is known: over whenever another task has done something
  bool wakeup = false;  // somebody wakes this very task: a futex, a handed-over lock
  bool signals = true;  // a signal that acts
  // The mask in force during the wait, when it is not the task's own (ppoll, sigsuspend): a signal
  // that it blocks does not act. Bit N-1 for signal N.
  std::optional<std::uint64_t> signal_mask;
  // These end the wait as kReady when they are pending, though they are blocked (sigtimedwait,
  // signalfd): asked when the wait begins, and after each signal.
  std::uint64_t accepted_signals = 0;

  // For the report of a deadlock: what it waits for, as a person would say it: "futex 0x7f…, held
  // by p1.2", "a writer of the FIFO f".
  std::string what;
};

// How it ended. When more than one reason holds, the first of these that does.
enum class Woken : std::uint8_t { kReady, kSignal, kDeadline };

}  // namespace tc::guest
