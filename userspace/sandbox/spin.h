// Spin: a task that waits in user space: a loop that reads memory, changes nothing, and so can end
// only when another task changes that memory. Proved, not guessed: the loop was executed step by
// step until its registers were what they had been, and every byte that it wrote was what it had
// been. When it is noticed does not matter, since each turn of the loop is like the other.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstdint>
#include <optional>

#include "guest/wait.h"

namespace tc::sandbox {

struct Spin {
  user_regs_struct at{};     // its registers where the loop's lowest address is about to run
  std::uint32_t period = 0;  // instructions of one turn
  guest::Wait wait;          // for whatever another task does
};

// What came of looking.
struct SpinCheck {
  std::optional<Spin> spin;        // found, and stopped at `at`
  std::optional<int> wait_status;  // a step ended in another stop, which is to be handled
};

// `tid` is in a stop within user space. Executes up to `steps_max` instructions.
SpinCheck look_for_spin(pid_t tid, std::uint32_t steps_max);
// One more turn of a loop that was found: does it still spin?
SpinCheck try_spin_again(pid_t tid, const Spin& spin);

}  // namespace tc::sandbox
