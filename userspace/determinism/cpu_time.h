// What processes have consumed, as far as a run can tell: computing time of the virtual clock, and
// constants for all that the host decides (memory in use, page faults, switches).
#pragma once

#include <cstdint>

#include "determinism/process.h"
#include "determinism/world.h"
#include "sys/abi.h"

namespace tc::determinism {

// Nanoseconds, without those in which everybody waited. One task runs at a time, but whose time it
// was is not kept: all that was computed while the process lived counts as its own.
inline std::int64_t cpu_time_ns(const World& world, const Process& process) {
  return world.clock.busy_ns() - process.busy_before_ns;
}

inline constexpr std::uint64_t kResidentKib = 16384;  // of every process, at most and at any time

// getrusage(2) of a process that has computed this long.
inline sys::abi::rusage consumed(std::int64_t cpu_ns) {
  sys::abi::rusage result{};
  result.ru_utime.tv_sec.value = cpu_ns / kSecondNs;
  result.ru_utime.tv_usec.value = cpu_ns % kSecondNs / 1'000;
  result.ru_maxrss.value = kResidentKib;
  return result;
}

}  // namespace tc::determinism
