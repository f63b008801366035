// The sandbox's only network: a loopback interface on which TCP behaves as a function of what is
// sent and read. Real time shows in TCP by acknowledgements that wait for a timer, by pacing, and
// by buffers and windows that grow with round-trip times; all of it can be switched off.
#pragma once

#include "base/result.h"

namespace tc::sandbox {

// In a new network namespace: the interface goes up. An error: connections are refused.
Result<void> start_loopback();
// Takes real time out of TCP. An error: where a long transfer is cut into pieces may differ from
// run to run.
Result<void> make_loopback_steady();

}  // namespace tc::sandbox
