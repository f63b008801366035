// Recorded or simulated events through the same decoding, enrichment and output as live ones.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "output/stream.h"

namespace tc::observe {

struct ReplayOptions {
  std::vector<std::string> event_files;  // arrays of simulated events, fixtures/ebpf/events
  std::string proc_directory;            // fixtures/ebpf/proc; empty: nothing is known
  std::string elf_directory;             // fixtures/ebpf/elf; empty: no symbols
};

// Writes the whole stream. The order of the events in the files has no influence on it. Errors
// name the file, and line and column or event and member.
Result<void> replay(const ReplayOptions& options, output::EvidenceStream& stream);

}  // namespace tc::observe
