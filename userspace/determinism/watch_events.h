// Reading an inotify descriptor (inotify(7)): waiting for events, and counting the cookies that tie
// the two halves of a rename together from one on: the kernel's come from a counter of the host.
#pragma once

#include "determinism/transfer.h"
#include "determinism/world.h"

namespace tc::determinism {

bool is_watch_file(Tracee& guest, int fd);

struct WatchRead {
  OpenFile file;
  guest::RawCall call;  // read or readv of the descriptor
  Segments segments;    // where to
};
guest::Handler read_watch_file(World& world, WatchRead request, Tracee& guest);

}  // namespace tc::determinism
