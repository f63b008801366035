#include "determinism/file_changes.h"

namespace tc::determinism {

void tell_entry_changed(World& world, Tracee& guest, const GuestPath& entry) {
  const Lookup directory = look_up(guest, split_path(entry).directory, LastLink::kFollow);
  if (directory.found) world.inodes.modified(directory.found->id(), world.clock.wall_ns());
}

}  // namespace tc::determinism
