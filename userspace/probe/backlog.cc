#include "probe/backlog.h"

#include <sys/eventfd.h>

#include <utility>

#include "base/result.h"

namespace tc::probe {

Backlog::Backlog(std::size_t limit_bytes)
    : limit_(limit_bytes / RecordBlock::kCapacity + 1),
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE)) {
  TC_ASSERT(event_);
}

void Backlog::signal() const { eventfd_write(event_.get(), 1); }

bool Backlog::push(Delivery delivery) {
  std::unique_lock lock(mutex_);
  if (!delivery.block && !queue_.empty() && !queue_.back().block) {
    queue_.back().settled_ns = delivery.settled_ns;
    return !abandoned_;
  }
  room_.wait(lock, [&] { return blocks_ < limit_ || abandoned_; });
  if (abandoned_) return false;
  blocks_ += delivery.block ? 1 : 0;
  queue_.push_back(std::move(delivery));
  signal();
  return true;
}

Delivery Backlog::pop() {
  const std::scoped_lock lock(mutex_);
  if (queue_.empty()) return {};
  eventfd_t count = 0;
  eventfd_read(event_.get(), &count);
  Delivery delivery = std::move(queue_.front());
  queue_.pop_front();
  blocks_ -= delivery.block ? 1 : 0;
  room_.notify_one();
  return delivery;
}

bool Backlog::is_empty() const {
  const std::scoped_lock lock(mutex_);
  return queue_.empty();
}

void Backlog::finish() {
  const std::scoped_lock lock(mutex_);
  finished_ = true;
  signal();
}

bool Backlog::is_finished() const {
  const std::scoped_lock lock(mutex_);
  return finished_ && queue_.empty();
}

void Backlog::abandon() {
  const std::scoped_lock lock(mutex_);
  abandoned_ = true;
  room_.notify_all();
}

}  // namespace tc::probe
