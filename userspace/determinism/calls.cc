#include "determinism/calls.h"

namespace tc::determinism {

guest::Handlers make_handlers(World& world) {
  guest::Handlers handlers;
  add_time_calls(handlers, world);
  add_timer_calls(handlers, world);
  add_identity_calls(handlers, world);
  add_random_calls(handlers, world);
  add_transfer_calls(handlers, world);
  add_poll_calls(handlers, world);
  add_open_calls(handlers, world);
  add_name_calls(handlers, world);
  add_status_calls(handlers, world);
  add_space_calls(handlers, world);
  add_file_time_calls(handlers, world);
  add_attribute_calls(handlers, world);
  add_link_text_calls(handlers, world);
  add_directory_calls(handlers, world);
  add_futex_calls(handlers, world);
  add_process_calls(handlers, world);
  add_signal_calls(handlers, world);
  add_socket_calls(handlers, world);
  add_ipc_calls(handlers, world);
  add_lock_calls(handlers, world);
  add_device_calls(handlers, world);
  return handlers;
}

}  // namespace tc::determinism
