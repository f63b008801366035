// WatchedFiles: the descriptors that one call of poll(2) or select(2) watches, by descriptors of
// our own, so that whether the call would wait is known before the kernel makes it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "determinism/tracee.h"
#include "determinism/world.h"
#include "guest/wait.h"

namespace tc::determinism {

class WatchedFiles {
 public:
  // `asked`: as for poll(2). `counting`: of what poll(2) tells, what the call would return for; it
  // always tells POLLERR and POLLHUP, which select(2) looks for in some sets only.
  void add(World& world, Tracee& guest, int fd, std::int16_t asked, std::int16_t counting);

  // One of them is not open: the call returns at once.
  bool has_bad() const { return has_bad_; }
  // Would the call return at once?
  bool is_ready(Tracee& guest) const;
  // For as long as it would not.
  guest::Wait wait() const;

 private:
  std::vector<guest::WaitFile> files_;
  std::vector<std::int16_t> counting_;  // of each
  std::uint64_t accepted_signals_ = 0;  // of signal descriptors among them
  bool has_bad_ = false;
};

}  // namespace tc::determinism
