// Numbers of classic tracepoints, from tracefs wherever it is: mounted, or mounted for this
// process alone without a place in the file system, so that nothing is left behind.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace tc::probe {

class Tracefs {
 public:
  // The error says why there is none: usually a capability.
  static Result<Tracefs> open();

  // The id of an event like "syscalls/sys_exit_openat", for perf_event_open(2).
  Result<std::uint64_t> event_id(const std::string& event) const;
  // How it was reached: a path, or "detached mount".
  const std::string& where() const { return where_; }

 private:
  Tracefs(UniqueFd directory, std::string where)
      : directory_(std::move(directory)), where_(std::move(where)) {}

  UniqueFd directory_;
  std::string where_;
};

}  // namespace tc::probe
