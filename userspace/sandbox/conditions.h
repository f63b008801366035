// Conditions of a run that must not change what comes of it: load on the processors, time, process
// numbers, and what a process inherits. For --verify: the first run has the plain ones.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "sandbox/options.h"

namespace tc::sandbox {

// Processes that do nothing, as fast as they can: as many as there are processors. They end with
// this, or with tc.
class BusyLoops {
 public:
  BusyLoops();
  BusyLoops(const BusyLoops&) = delete;
  BusyLoops& operator=(const BusyLoops&) = delete;
  ~BusyLoops();

 private:
  std::vector<pid_t> children_;
};

// Waits until the wall clock tells another second than `second`: a run at once after another would
// not notice that it shows the host's time.
void wait_for_another_second(std::int64_t second);
std::int64_t present_second();

// Lets `count` process numbers of the host pass.
void use_up_process_numbers(unsigned count);

// Changes what a process inherits, in this process, and the numbers in `options`; differently for
// each `run` (from 1).
void change_inheritance(unsigned run, Options& options);

}  // namespace tc::sandbox
