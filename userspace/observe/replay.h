// Recorded or simulated events through the same decoding, enrichment and output as live ones.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "output/stream.h"
#include "probe/record_block.h"
#include "symbol/images.h"

namespace tc::observe {

struct ReplayOptions {
  std::vector<std::string> event_files;  // arrays of simulated events, fixtures/ebpf/events
  std::string proc_directory;            // fixtures/ebpf/proc; empty: nothing is known
  std::string elf_directory;             // fixtures/ebpf/elf; empty: no symbols
};

// What the files hold, read and checked before any output is touched.
class Recording {
 public:
  // Errors name the file, and line and column or event and member.
  static Result<Recording> read(const ReplayOptions& options);

  // Writes the whole stream. The order of the events in the files has no influence on it. A
  // process whose mappings cannot be read is an error, told when everything else is written.
  Result<void> replay(output::EvidenceStream& stream);

 private:
  Recording(std::shared_ptr<const probe::RecordBlock> events, symbol::FixtureImages images,
            std::string proc_directory)
      : events_(std::move(events)),
        images_(std::move(images)),
        proc_directory_(std::move(proc_directory)) {}

  std::shared_ptr<const probe::RecordBlock> events_;
  symbol::FixtureImages images_;
  std::string proc_directory_;
};

}  // namespace tc::observe
