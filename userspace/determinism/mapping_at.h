// What is mapped at one address of a guest: asked of the kernel alone where it can be (Linux 6.11,
// PROCMAP_QUERY), else looked up among all mappings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tc::determinism {

struct MappedObject {
  bool is_shared = false;  // MAP_SHARED: other processes may have the same memory
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;  // of the address, bytes into the object
};

// `maps` names the /proc/PID/maps of the guest. Nothing when nothing is mapped there, or the guest
// has gone.
std::optional<MappedObject> mapping_at(const std::string& maps, std::uint64_t address);

// The same without asking the kernel for the one mapping; for tests.
std::optional<MappedObject> mapping_in_text(const std::string& maps, std::uint64_t address);

}  // namespace tc::determinism
