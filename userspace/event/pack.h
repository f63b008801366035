// Simulated events: the JSON image of a binary record, packed to the very bytes the kernel side
// would have sent. Keys are those of events.def; README in fixtures/ebpf has the format.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace tc::event {

// A record's bytes, aligned as WireRecord wants them.
using PackedRecord = std::vector<std::byte>;

// Packs one object. The error names the member and what was expected of it.
Result<PackedRecord> pack(const nlohmann::json& image);

// Packs an array of objects. Errors read "NAME: event 3 (tcp_state): …", counted from 1.
Result<std::vector<PackedRecord>> pack_all(const nlohmann::json& images, const std::string& name);

}  // namespace tc::event
