#include "determinism/calls.h"

namespace tc::determinism {

void add_transfer_calls(guest::Handlers& /*handlers*/, World& /*world*/) {}

}  // namespace tc::determinism
