// Backlog: the queue between the thread that empties the ring and the one that writes evidence.
//
// The ring is small and pinned kernel memory; a burst is moved here at memory speed and worked off
// later. When the backlog itself is full the ring is no longer emptied: then the kernel side loses
// records, where losses are counted exactly.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "base/unique_fd.h"
#include "probe/record_block.h"

namespace tc::probe {

// What one pass over the ring brought. Every record stamped before `settled_ns` has been handed
// over with this or an earlier delivery.
struct Delivery {
  std::unique_ptr<const RecordBlock> block;  // null when only `settled_ns` moved
  std::uint64_t settled_ns = 0;
};

class Backlog {
 public:
  explicit Backlog(std::size_t limit_bytes);

  // Waits while the backlog is full. False once it is closed by the reader.
  bool push(Delivery delivery);
  // The next delivery, or one without block and with settled_ns 0 when there is none now.
  Delivery pop();

  bool is_empty() const;

  // No more will be pushed.
  void finish();
  bool is_finished() const;
  // Wakes and turns away the writer.
  void abandon();

  // Readable (poll) when a delivery is there or the backlog is finished.
  int event() const { return event_.get(); }

 private:
  void signal() const;

  const std::size_t limit_;
  UniqueFd event_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<Delivery> queue_;
  std::size_t blocks_ = 0;
  bool finished_ = false;
  bool abandoned_ = false;
};

}  // namespace tc::probe
