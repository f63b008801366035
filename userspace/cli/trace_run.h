// A command traced by another tc, for what needs the log of a run and not the run itself.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tc::cli {

// A directory of its own, which goes with the object.
class ScratchLogs {
 public:
  static Result<ScratchLogs> make();
  ScratchLogs(ScratchLogs&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchLogs& operator=(ScratchLogs&&) = delete;
  ~ScratchLogs();

  const std::string& path() const { return path_; }

 private:
  explicit ScratchLogs(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

// Runs `tc trace OPTIONS --output LOG -- COMMAND` to its end. What the command writes to standard
// output goes to standard error, which leaves the former to the report. Returns what tc
// trace returned: the command's status, also 126 and 127, which then may mean that it could not be
// executed. An error when tc itself failed, or SIGINT, SIGTERM or SIGHUP came.
Result<int> trace_to_log(const std::vector<std::string>& command,
                         const std::vector<std::string>& options, const std::string& log);

}  // namespace tc::cli
