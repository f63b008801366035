// Where evidence goes and how it is written: --output, --format and --color, with the defaults of
// DESIGN section 2.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/result.h"
#include "output/stream.h"

namespace tc::cli {

struct OutputOptions {
  std::string path;    // empty: standard output, or standard error beside a command
  std::string format;  // empty: text on a terminal, else ndjson
  std::string colour = "auto";

  void add_to(CLI::App& app);
  // Does evidence share standard error with tc's own messages?
  bool on_standard_error(bool beside_command) const { return path.empty() && beside_command; }
};

Result<std::unique_ptr<output::EvidenceStream>> open_output(const OutputOptions& options,
                                                            bool beside_command);

}  // namespace tc::cli
