// A subcommand: its options on a CLI11 App, and what to run once they are parsed. One a file.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tc::cli {

// Exit statuses (DESIGN section 2).
inline constexpr int kSuccess = 0;
inline constexpr int kNo = 1;            // not the same, not valid, not there
inline constexpr int kTrouble = 2;       // could not tell, could not write
inline constexpr int kOwnFailure = 125;  // tc itself failed, where a guest's status is passed on
inline constexpr int kNotExecutable = 126;
inline constexpr int kNotFound = 127;

// What follows the first "--" on the command line: the command to run, for those that take one.
using Arguments = std::vector<std::string>;

// Adds the subcommand to `app` and returns what runs it. The result is the exit status.
using Run = std::function<int(const Arguments& command)>;
struct Subcommand {
  CLI::App* app;
  Run run;
  bool takes_command = false;
  int usage_status = kTrouble;
};

Subcommand add_observe(CLI::App& app);
Subcommand add_trace(CLI::App& app);
Subcommand add_sandbox(CLI::App& app);
Subcommand add_replay(CLI::App& app);
Subcommand add_validate(CLI::App& app);
Subcommand add_diff(CLI::App& app);
Subcommand add_baseline(CLI::App& app);
Subcommand add_doctor(CLI::App& app);

// The line "Usage: …" that --help of `app` begins with.
void set_usage(CLI::App& app, const std::string& line);

// "tc: TEXT" on standard error; returns `status`, so that a failure is one line.
int fail(int status, const std::string& text);

}  // namespace tc::cli
