// From a binary record to named values. Live records and fixtures both come through here.
#pragma once

#include <cstdint>

#include "event/record.h"
#include "event/wire.h"

namespace tc::event {

// Gives code addresses their names; implemented by `enrich`.
class AddressNamer {
 public:
  virtual ~AddressNamer() = default;
  // A return address: the instruction before it is the one that called.
  virtual Frame name_return(std::uint32_t pid, std::uint64_t address) = 0;
  // The first instruction of a function that a probe was set on.
  virtual Frame name_called(std::uint32_t pid, std::uint64_t address, std::uint64_t probe) = 0;
};

// Fills `out` with the common keys and the fields of the record. Both `in` and the namer's views
// must outlive `out`'s use.
void decode(const WireRecord& in, AddressNamer& namer, Record& out);

}  // namespace tc::event
