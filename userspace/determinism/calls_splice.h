// The part of add_transfer_calls() (calls.h) for calls between two descriptors.
#pragma once

#include "determinism/world.h"
#include "guest/handlers.h"

namespace tc::determinism {

void add_splice_calls(guest::Handlers& handlers, World& world);

}  // namespace tc::determinism
