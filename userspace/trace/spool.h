// Spool: lines kept apart by thread until the end of a trace, when they are told thread by thread.
// In memory up to a limit, then in a file that has no name and goes with the process.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace tc::trace {

class Spool {
 public:
  // `directory` is where the file is made once `memory_limit` bytes are kept.
  Spool(std::string directory, std::size_t memory_limit);

  // Keeps `line` (with its line feed) behind the others of its thread. `lost`: records it stands
  // for as lost.
  Result<void> append(std::uint32_t thread, std::string_view line, std::uint64_t lost = 0);

  // Hands over all lines of the threads in the order given, many at a time.
  struct Lines {
    std::string_view text;
    std::uint64_t records;
    std::uint64_t lost;
  };
  using TakeFn = std::function<Result<void>(const Lines& lines)>;
  Result<void> drain(std::span<const std::uint32_t> threads, const TakeFn& take);

 private:
  struct Extent {  // in the file
    std::uint64_t offset;
    std::uint32_t size;
    std::uint32_t records;
    std::uint64_t lost;
  };
  struct Thread {
    std::vector<Extent> written;
    std::string text;
    std::uint32_t records = 0;
    std::uint64_t lost = 0;
  };

  Result<void> write_out(Thread& thread);
  Result<void> write_all_out();

  std::string directory_;
  std::size_t memory_limit_;
  std::vector<Thread> threads_;
  std::size_t in_memory_ = 0;
  UniqueFd file_;
  std::uint64_t file_size_ = 0;
};

}  // namespace tc::trace
