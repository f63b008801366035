// Enricher: turns a wire record into a Record with everything that is known around it: the
// process's executable and container, and names for its code addresses.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "enrich/process_table.h"
#include "event/decode.h"
#include "event/record.h"
#include "event/wire.h"
#include "proc/maps.h"
#include "symbol/images.h"

namespace tc::enrich {

// What a memory_mapping record tells, in the terms of /proc/PID/maps.
proc::Mapping mapping_of(const event::WireRecord& record);

// The function a probe was set on, known since it was set: right even when the process's mappings
// were never seen.
struct ProbedFunction {
  std::string module;
  std::string build_id;
  std::string symbol;
  std::uint64_t vaddr = 0;
};

// The functions probed so far, by probe id. Filled by the thread that attaches, read by the one
// that enriches.
class ProbedFunctions {
 public:
  // The id of the function added: 1 and up.
  std::uint64_t add(ProbedFunction function);
  // Stays valid as long as this object; null for an id never given out.
  const ProbedFunction* find(std::uint64_t id) const;

 private:
  mutable std::mutex mutex_;
  std::deque<ProbedFunction> functions_;
};

class Enricher final : private event::AddressNamer {
 public:
  // All three must outlive the enricher. Problems that concern one process (maps that cannot be
  // parsed) are told through `report`, once each.
  using ReportFn = std::function<void(const Error&)>;
  Enricher(const proc::Source& source, symbol::ImageSource& images, const ProbedFunctions& probed,
           ReportFn report);

  // Asks the source about a process now, while it certainly lives; with its mappings when
  // addresses are to be named.
  void meet(std::uint32_t pid, bool with_mappings);
  // Learns from the record what later records need; before enrich() of the same record.
  void learn(const event::WireRecord& record);
  // Fills `out`. Views in it hold until the next call.
  void enrich(const event::WireRecord& record, event::Record& out);

 private:
  event::Frame name_return(std::uint32_t pid, std::uint64_t address) override;
  event::Frame name_called(std::uint32_t pid, std::uint64_t address, std::uint64_t probe) override;
  const symbol::Frame& resolve(std::uint32_t pid, std::uint64_t address, symbol::AddressKind kind);
  void add_process_facts(std::uint32_t pid, event::Record& out);

  ProcessTable processes_;
  symbol::ImageSource& images_;
  const ProbedFunctions& probed_;
  ReportFn report_;
};

}  // namespace tc::enrich
