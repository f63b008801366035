// What tc may do here, and in words what it would take to be allowed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tc::probe {

struct Capability {
  int number;
  const char* name;
  const char* purpose;
};

// The capabilities observing needs, most needed first (capabilities(7)).
const std::vector<Capability>& wanted_capabilities();

// Is the capability in this process's effective set?
bool has_capability(int number);

// "observing needs CAP_BPF and CAP_PERFMON: run it with sudo, or once: sudo setcap … PROGRAM".
std::string privilege_advice();

}  // namespace tc::probe
