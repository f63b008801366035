#include "probe/ring_reader.h"

#include <sys/resource.h>

#include <chrono>
#include <utility>

#include "tc/event.h"

namespace tc::probe {
namespace {

// How long a record below the wake-up threshold may lie in the ring.
constexpr std::chrono::milliseconds kTimeout{20};
// A record is stamped before it is in the ring, by microseconds, or by a time slice when the
// writer was preempted in between.
constexpr std::uint64_t kSkewNs = 5'000'000;
constexpr int kNice = -10;

}  // namespace

RingReader::RingReader(Observer& observer, Backlog& backlog, MappingFn on_mapping)
    : observer_(observer),
      backlog_(backlog),
      on_mapping_(std::move(on_mapping)),
      block_(std::make_unique<RecordBlock>()),
      thread_([this] { run(); }) {}

RingReader::~RingReader() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void RingReader::stop() {
  stopping_ = true;
  observer_.interrupt();
}

std::uint64_t RingReader::discard() {
  stop();
  thread_.join();
  return dropped_;
}

void RingReader::deliver(std::uint64_t settled_ns) {
  std::unique_ptr<RecordBlock> block;
  if (!block_->empty()) block = std::exchange(block_, std::make_unique<RecordBlock>());
  const std::size_t count = block ? block->count() : 0;
  if (backlog_.push({std::move(block), settled_ns})) return;
  abandoned_ = true;
  dropped_ += count;
}

bool RingReader::take(std::span<const std::byte> record) {
  if (abandoned_) {
    ++dropped_;
    return true;
  }
  const auto& header = *reinterpret_cast<const tc_header*>(record.data());
  if (record.size() >= sizeof(header) && header.type == TC_EVENT_memory_mapping)
    on_mapping_(record);
  if (!block_->append(record)) {
    deliver(newest_ns_ > kSkewNs ? newest_ns_ - kSkewNs : 0);
    block_->append(record);
  }
  if (record.size() >= sizeof(header)) newest_ns_ = header.time_ns;
  return true;
}

void RingReader::run() {
  // Starved of CPU time this thread is where losses begin. Without the right to be nicer to
  // itself it stays as it is.
  setpriority(PRIO_PROCESS, 0, kNice);
  const Observer::RecordFn taker = [this](std::span<const std::byte> record) {
    return take(record);
  };
  bool last_pass = false;
  while (!last_pass) {
    last_pass = stopping_ || abandoned_;
    const std::uint64_t began_ns =
        observer_.drain(last_pass ? std::chrono::milliseconds(0) : kTimeout, taker);
    deliver(last_pass ? ~std::uint64_t{0} : began_ns - kSkewNs);
  }
  backlog_.finish();
}

}  // namespace tc::probe
