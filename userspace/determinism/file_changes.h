// File changes: what handlers tell the book of inodes when a call has changed more than one file.
#pragma once

#include "determinism/lookup.h"
#include "determinism/world.h"

namespace tc::determinism {

// The entry of this name has come or gone: its directory has changed. Where we cannot look, the
// directory is taken to have changed when that is first seen (Inodes::times).
void tell_entry_changed(World& world, Tracee& guest, const GuestPath& entry);

}  // namespace tc::determinism
