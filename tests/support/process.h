// Programs that a test runs: started as it says, watched through their streams, and never left
// behind. Whatever takes longer than it may throws, which ends the test as a failure.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace tc::test {

// How long a test waits for what should happen at once.
constexpr std::chrono::seconds kPatience{30};

struct Command {
  std::vector<std::string> argv = {};         // the first is looked up in PATH
  std::vector<std::string> environment = {};  // NAME=VALUE, beside what the test has
  std::string directory = {};                 // to start in; empty: the test's own
  std::optional<uid_t> user = {};             // run as this user and group, with no other group
  std::string terminal = {};                  // a tty that becomes standard input and controls it
};

class Process {
 public:
  // Starts the program, which leads a process group of its own.
  explicit Process(const Command& command);
  explicit Process(std::vector<std::string> argv) : Process(Command{.argv = std::move(argv)}) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  // Kills the group and reaps the program.
  ~Process();

  pid_t pid() const { return pid_; }
  void send(int signal) const;

  // To its standard input.
  void write(std::string_view text) const;
  void close_input() { input_.reset(); }
  // Reads no more of its standard output: what it writes from now on meets a closed pipe.
  void close_output() { output_.fd.reset(); }

  // The next line of standard output, without its end.
  std::string next_line() { return await_line(output_, ""); }
  // The next one that contains `text`.
  std::string await_output_line(std::string_view text) { return await_line(output_, text); }
  // The next line of standard error that contains `text`.
  std::string await_error_line(std::string_view text) { return await_line(error_, text); }

  // Waits for its end: the exit status, or 128 + the signal, as a shell tells it.
  int wait(std::chrono::milliseconds patience = kPatience);
  bool has_ended();

  // All that it has written so far.
  const std::string& output() const { return output_.text; }
  const std::string& error() const { return error_.text; }

 private:
  struct Stream {
    UniqueFd fd;
    std::string text;
    std::size_t taken = 0;  // of `text`, by await_line
  };
  using Deadline = std::chrono::steady_clock::time_point;

  // Takes in what the streams hold, or waits for it or for the end of the program.
  void pump(Deadline deadline);
  static bool read_available(Stream& stream);
  std::string await_line(Stream& stream, std::string_view text);
  bool try_reap();
  [[noreturn]] void give_up(std::string_view waiting_for) const;

  std::string name_;
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd input_;
  Stream output_;
  Stream error_;
  std::optional<int> status_;
};

// Runs a program to its end with nothing to read.
struct Ended {
  int status;
  std::string output;
  std::string error;
};
Ended run(const Command& command, std::chrono::milliseconds patience = kPatience);
inline Ended run(std::vector<std::string> argv) { return run(Command{.argv = std::move(argv)}); }

}  // namespace tc::test
