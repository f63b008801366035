// The machine that guests are told of: one name, one size, whatever the host. uname(2), sysinfo(2),
// /proc and /sys tell the same.
#pragma once

#include <algorithm>
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

// A nice value as guests are told of it. The highest stays what it is, though a lower one may have
// become it. `launch_nice`: World's.
constexpr int kHighestNice = 19;
constexpr int kLowestNice = -20;
inline int told_nice(int launch_nice, int real) {
  return real == kHighestNice ? real : std::max(real - launch_nice, kLowestNice);
}
inline int real_nice(int launch_nice, int told) {
  return std::clamp(std::clamp(told, kLowestNice, kHighestNice) + launch_nice, kLowestNice,
                    kHighestNice);
}

}  // namespace tc::determinism::machine
