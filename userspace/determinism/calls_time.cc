#include "determinism/calls.h"

namespace tc::determinism {

void add_time_calls(guest::Handlers& /*handlers*/, World& /*world*/) {}

}  // namespace tc::determinism
