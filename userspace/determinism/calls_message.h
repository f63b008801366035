// The parts of add_socket_calls() (calls.h) that are in files of their own.
#pragma once

#include "determinism/world.h"
#include "guest/handlers.h"

namespace tc::determinism {

void add_message_calls(guest::Handlers& handlers, World& world);        // send, recv and their kin
void add_socket_option_calls(guest::Handlers& handlers, World& world);  // getsockopt, setsockopt

}  // namespace tc::determinism
