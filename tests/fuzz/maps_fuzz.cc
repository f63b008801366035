// Any bytes as /proc/PID/maps: no crash, and what is accepted is sorted and without overlap.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proc/maps.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto mappings =
      tc::proc::parse_maps(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
  if (!mappings) return 0;
  std::uint64_t end = 0;
  for (const tc::proc::Mapping& mapping : *mappings) {
    TC_ASSERT(mapping.start >= end && mapping.start < mapping.end);
    end = mapping.end;
    (void)mapping.kind();
  }
  return 0;
}
