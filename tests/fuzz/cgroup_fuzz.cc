// Any bytes as /proc/PID/cgroup: no crash, and an id never comes without its runtime.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "proc/cgroup.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto identity =
      tc::proc::identify_container(std::string_view(reinterpret_cast<const char*>(data), size));
  TC_ASSERT(identity.container_id.empty() == identity.runtime.empty());
  TC_ASSERT(identity.container_id.empty() || identity.cgroup.starts_with('/'));
  return 0;
}
