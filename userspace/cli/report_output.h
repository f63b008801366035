// How a report of `tc diff` and `tc baseline` is written: --format, --color, --all, --evidence.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "behaviour/report.h"

namespace tc::cli {

struct ReportOutput {
  std::string format = "text";
  std::string colour = "auto";
  bool all = false;
  bool evidence = false;

  void add_to(CLI::App& app);
};

// On standard output; the exit status: 0 the same, 1 not, 2 when it could not be written. On a
// terminal text keeps to one screen, unless `whole`.
int print_report(const behaviour::Report& report, const ReportOutput& output, bool whole);

// An error on standard error; one that names a place in a file (FILE:LINE:COLUMN: error: …) bare,
// as editors read it. Returns kTrouble.
int trouble(const Error& error);

}  // namespace tc::cli
