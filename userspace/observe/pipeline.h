// Pipeline: raw records in, evidence out. Order, completion, enrichment, selection of events,
// output; the same for live records and for fixtures.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/result.h"
#include "enrich/enricher.h"
#include "output/stream.h"
#include "probe/argv_assembler.h"
#include "probe/reorder.h"

namespace tc::observe {

class Pipeline {
 public:
  // `events`: the event types to write; `lost` is always written. Both references must outlive
  // the pipeline.
  Pipeline(enrich::Enricher& enricher, output::EvidenceStream& stream,
           std::set<std::uint32_t> events);

  void add(const std::shared_ptr<const probe::RecordBlock>& block);
  // Writes everything stamped before `settled_ns`. After an error nothing more is written.
  Result<void> advance(std::uint64_t settled_ns);
  // Writes everything there is.
  Result<void> finish();

  // Writes a `lost` record of tc's own, for losses that no record of the kernel side told.
  Result<void> write_loss(std::uint64_t time_ns, std::uint32_t event_type, std::uint32_t reason,
                          std::uint64_t count, std::uint64_t first_ns, std::uint64_t last_ns);

  // Records waiting for their turn.
  std::size_t waiting() const { return reorder_.size(); }
  // Written so far, by event type.
  std::uint64_t written(std::uint32_t event_type) const { return written_.at(event_type); }
  // Lost by type and reason, as the stream tells it.
  using LossCounts = std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t>;
  const LossCounts& losses() const { return losses_; }

 private:
  Result<void> process(std::span<const std::byte> bytes);
  Result<void> write_malformed();
  Result<void> write(const event::WireRecord& record);

  enrich::Enricher& enricher_;
  output::EvidenceStream& stream_;
  std::set<std::uint32_t> events_;
  probe::Reorder reorder_;
  probe::ArgvAssembler argv_;
  event::Record record_;
  std::uint64_t malformed_ = 0;
  std::uint64_t newest_ns_ = 0;  // of the records processed
  std::array<std::uint64_t, TC_EVENT_ID_LIMIT> written_{};
  LossCounts losses_;
};

}  // namespace tc::observe
