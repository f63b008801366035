// LateProber: the thread that looks at files which processes map after observation has begun, so
// that a library loaded later is probed too. Apart from the ring's reader, since setting a probe
// takes milliseconds in which the ring must not fill.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <utility>

#include "observe/probe_setter.h"

namespace tc::observe {

class LateProber {
 public:
  explicit LateProber(ProbeSetter& setter) : setter_(setter), thread_([this] { run(); }) {}
  ~LateProber();
  LateProber(const LateProber&) = delete;
  LateProber& operator=(const LateProber&) = delete;

  // Takes in a memory_mapping record; files seen before cost one look-up.
  void tell(std::span<const std::byte> record);

 private:
  struct Sighting {
    std::uint32_t pid;
    proc::Mapping mapping;
  };

  void run();

  ProbeSetter& setter_;
  std::set<std::pair<std::uint32_t, std::uint64_t>> seen_;  // device, inode; the teller's only
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Sighting> sightings_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace tc::observe
