// ProcessView: what is known of a process that was there before the trace. Behind an interface, so
// that the chronicle is tested without processes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tc::trace {

// How processes that exist already are known: their descriptors, directory, mappings. What cannot
// be read is told as nothing.
class ProcessView {
 public:
  struct Descriptor {
    std::string target;  // what readlink(/proc/PID/fd/N) tells
    bool close_on_exec = false;
  };

  virtual ~ProcessView() = default;
  virtual std::string working_directory(std::uint32_t pid) = 0;
  virtual std::map<int, Descriptor> descriptors(std::uint32_t pid) = 0;
  // The text of /proc/PID/maps.
  virtual std::string mappings(std::uint32_t pid) = 0;
  // Its parent, the parent's parent and so on.
  virtual std::vector<std::uint32_t> ancestors(std::uint32_t pid) = 0;
  // What to add to the time since boot to have the time of day, in nanoseconds since 1970.
  virtual std::int64_t boot_time_ns() = 0;
};
std::unique_ptr<ProcessView> live_process_view();  // /proc

}  // namespace tc::trace
