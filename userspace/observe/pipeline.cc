#include "observe/pipeline.h"

#include <cstring>
#include <utility>

#include "event/wire.h"

namespace tc::observe {

Pipeline::Pipeline(enrich::Enricher& enricher, output::EvidenceStream& stream,
                   std::set<std::uint32_t> events)
    : enricher_(enricher), stream_(stream), events_(std::move(events)) {
  events_.insert(TC_EVENT_lost);
}

void Pipeline::add(const std::shared_ptr<const probe::RecordBlock>& block) {
  reorder_.add(block, [this](std::span<const std::byte>) { ++malformed_; });
}

Result<void> Pipeline::advance(std::uint64_t settled_ns) {
  Result<void> result;
  reorder_.release(settled_ns, [&](std::span<const std::byte> bytes) {
    if (result) result = process(bytes);
  });
  return result ? write_malformed() : result;
}

Result<void> Pipeline::finish() {
  Result<void> result;
  reorder_.release_all([&](std::span<const std::byte> bytes) {
    if (result) result = process(bytes);
  });
  return result ? write_malformed() : result;
}

Result<void> Pipeline::write_malformed() {
  if (malformed_ == 0) return {};
  return write_loss(newest_ns_, 0, TC_LOSS_malformed, std::exchange(malformed_, 0), 0, 0);
}

Result<void> Pipeline::process(std::span<const std::byte> bytes) {
  const Result<event::WireRecord> parsed = event::WireRecord::parse(bytes);
  if (!parsed) {
    ++malformed_;
    return {};
  }
  if (parsed->type() == TC_EVENT_argv_chunk) {
    argv_.keep(*parsed);
    return {};
  }
  const event::WireRecord record =
      parsed->type() == TC_EVENT_process_exec ? argv_.complete(*parsed) : *parsed;
  newest_ns_ = record.header().time_ns;
  enricher_.learn(record);
  return events_.contains(record.type()) ? write(record) : Result<void>();
}

Result<void> Pipeline::write(const event::WireRecord& record) {
  std::uint64_t lost = 0;
  if (record.type() == TC_EVENT_lost) {
    const auto& wire = record.as<tc_lost>();
    lost = wire.count;
    losses_[{wire.lost_event.value, wire.reason.value}] += lost;
  }
  enricher_.enrich(record, record_);
  ++written_.at(record.type());
  return stream_.write(record_, lost);
}

Result<void> Pipeline::write_loss(std::uint64_t time_ns, std::uint32_t event_type,
                                  std::uint32_t reason, std::uint64_t count, std::uint64_t first_ns,
                                  std::uint64_t last_ns) {
  tc_lost wire{};
  wire.header.time_ns = time_ns;
  wire.header.type = TC_EVENT_lost;
  wire.header.size = sizeof(wire);
  wire.lost_event.value = event_type;
  wire.reason.value = reason;
  wire.count = count;
  wire.first_ns.value = first_ns;
  wire.last_ns.value = last_ns;
  const auto record = event::WireRecord::parse(std::as_bytes(std::span(&wire, 1)));
  TC_ASSERT(record.ok());
  return write(*record);
}

}  // namespace tc::observe
