#include "observe/late_prober.h"

#include "enrich/enricher.h"
#include "event/wire.h"

namespace tc::observe {

LateProber::~LateProber() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LateProber::tell(std::span<const std::byte> record) {
  const auto parsed = event::WireRecord::parse(record);
  if (!parsed || parsed->type() != TC_EVENT_memory_mapping) return;
  const auto& wire = parsed->as<tc_memory_mapping>();
  if (!seen_.emplace(wire.device.value, wire.inode).second) return;
  {
    const std::scoped_lock lock(mutex_);
    sightings_.push_back({parsed->header().pid, enrich::mapping_of(*parsed)});
  }
  wake_.notify_one();
}

void LateProber::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return ending_ || !sightings_.empty(); });
    if (ending_) return;
    const Sighting sighting = std::move(sightings_.front());
    sightings_.pop_front();
    lock.unlock();
    setter_.consider(sighting.pid, sighting.mapping);
    lock.lock();
  }
}

}  // namespace tc::observe
