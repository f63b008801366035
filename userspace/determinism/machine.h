// The machine that guests are told of: one name, one size, whatever the host. uname(2), sysinfo(2),
// /proc and /sys tell the same.
#pragma once

#include <cstdint>
#include <string>

#include "determinism/world.h"

namespace tc::determinism::machine {

inline constexpr const char* kSystem = "Linux";
inline constexpr const char* kRelease = "6.1.0";
inline constexpr const char* kVersion = "#1 SMP";
inline constexpr const char* kArchitecture = "x86_64";

inline constexpr std::uint64_t kTotalKib = 8U << 20U;
inline constexpr std::uint64_t kFreeKib = 6U << 20U;
inline constexpr std::uint64_t kAvailableKib = 7U << 20U;
inline constexpr std::uint64_t kBuffersKib = 64U << 10U;
inline constexpr std::uint64_t kSharedKib = 4U << 10U;

// As the guests have named it, or as the settings say.
inline const std::string& host_name(const World& world) {
  return world.host_name ? *world.host_name : world.settings.host_name;
}
inline std::string domain_name(const World& world) { return world.domain_name.value_or("(none)"); }

}  // namespace tc::determinism::machine
