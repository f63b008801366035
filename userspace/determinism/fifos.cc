#include "determinism/fifos.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace tc::determinism {

Fifos::Waiter::Waiter(Fifos& fifos, const FileId& fifo, TaskId task, End own_end)
    : fifos_(fifos), fifo_(fifo), task_(task), own_end_(own_end) {
  fifos_.waiters_[fifo_].push_back(this);
}

Fifos::Waiter::~Waiter() {
  const auto queue = fifos_.waiters_.find(fifo_);
  std::erase(queue->second, this);
  if (queue->second.empty()) fifos_.waiters_.erase(queue);
}

std::vector<TaskId> Fifos::opened(const FileId& fifo, End end,
                                  const std::shared_ptr<const UniqueFd>& file) {
  std::vector<TaskId> met;
  const auto queue = waiters_.find(fifo);
  if (queue == waiters_.end()) return met;
  for (Waiter* const waiter : queue->second) {
    if (waiter->has_met_ || waiter->own_end_ == end) continue;
    waiter->has_met_ = true;
    if (waiter->own_end_ == End::kWrite) waiter->reader_ = file;
    met.push_back(waiter->task_);
  }
  return met;
}

bool has_writer(const UniqueFd& reader) {
  int scratch[2];
  if (::pipe2(scratch, O_CLOEXEC) != 0) return true;
  const UniqueFd scratch_reader(scratch[0]);
  const UniqueFd scratch_writer(scratch[1]);
  // tee(2) takes nothing away, and tells "nothing yet" from "nothing any more".
  const ssize_t copied = ::tee(reader.get(), scratch_writer.get(), 1, SPLICE_F_NONBLOCK);
  return copied > 0 || (copied < 0 && errno == EAGAIN);
}

}  // namespace tc::determinism
