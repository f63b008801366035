// The part of add_poll_calls() (calls.h) for epoll(7).
#pragma once

#include "determinism/world.h"
#include "guest/handlers.h"

namespace tc::determinism {

void add_epoll_calls(guest::Handlers& handlers, World& world);

}  // namespace tc::determinism
