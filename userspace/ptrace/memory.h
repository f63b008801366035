// Memory: reading and writing the memory of a traced process, by its own addresses. Never fails
// for a reason that is not the guest's: a bad pointer, or that it is gone.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/unique_fd.h"

namespace tc::ptrace {

class Memory {
 public:
  explicit Memory(pid_t tid) : tid_(tid) {}

  struct Request {
    std::uint64_t address;
    std::span<char> to;
    bool done = false;  // all of `to` was read
  };
  // As few system calls as it takes for all of them.
  void read(std::span<Request> requests) const;
  // All of it, or false.
  bool read(std::uint64_t address, std::span<char> to) const;

  // Up to the first NUL, which is not counted, or as many as `to` takes. Nothing when memory ends
  // before either.
  std::optional<std::size_t> read_string(std::uint64_t address, std::span<char> to) const;

  // As a debugger writes: also where the process itself may not.
  bool poke(std::uint64_t address, std::span<const char> from) const;
  // As the kernel writes for a call: only where the process itself may.
  bool write(std::uint64_t address, std::span<const char> from) const;

 private:
  bool read_file(std::uint64_t address, std::span<char> to) const;

  pid_t tid_;
};

}  // namespace tc::ptrace
