// RingReader: the thread that moves records from the ring to the backlog as fast as memory allows,
// and tells new executable mappings to whoever sets probes.
#pragma once

#include <atomic>
#include <functional>
#include <span>
#include <thread>

#include "probe/backlog.h"
#include "probe/observer.h"

namespace tc::probe {

class RingReader {
 public:
  // Starts reading. `on_mapping` is called in the reading thread with each memory_mapping record.
  using MappingFn = std::function<void(std::span<const std::byte>)>;
  RingReader(Observer& observer, Backlog& backlog, MappingFn on_mapping);
  // Reads what is left (the gate must be closed) and finishes the backlog.
  ~RingReader();
  RingReader(const RingReader&) = delete;
  RingReader& operator=(const RingReader&) = delete;

  // Asks for the last pass; the backlog is finished when it is done.
  void stop();
  // After the backlog was abandoned: empties the ring without handing anything over. Returns how
  // many records that and the refused deliveries dropped.
  std::uint64_t discard();

 private:
  void run();
  bool take(std::span<const std::byte> record);
  void deliver(std::uint64_t settled_ns);

  Observer& observer_;
  Backlog& backlog_;
  MappingFn on_mapping_;
  std::atomic<bool> stopping_ = false;
  std::unique_ptr<RecordBlock> block_;
  std::uint64_t newest_ns_ = 0;
  bool abandoned_ = false;
  std::uint64_t dropped_ = 0;
  std::thread thread_;
};

}  // namespace tc::probe
