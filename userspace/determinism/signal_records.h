// Reading a signal descriptor (signalfd(2)): waiting for signals instead of for the file
// (signal_files.h), and taking out of what was read what differs from run to run.
#pragma once

#include <cstdint>

#include "determinism/transfer.h"
#include "determinism/world.h"

namespace tc::determinism {

struct SignalRead {
  guest::RawCall call;     // read or readv of the descriptor
  Segments segments;       // where to
  std::uint64_t mask = 0;  // signalfd_mask()
  bool waits = true;       // the file has no O_NONBLOCK
};
guest::Handler read_signal_file(World& world, SignalRead request, Tracee& guest);

}  // namespace tc::determinism
