// Fifos: who waits for the other end of a FIFO to be opened (fifo(7)). The kernel would let them
// wait within open(2), where nobody could tell that they do; so each opens without waiting, and
// waits here.
#pragma once

#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/unique_fd.h"
#include "determinism/inodes.h"
#include "determinism/process.h"

namespace tc::determinism {

class Fifos {
 public:
  enum class End : std::uint8_t { kRead, kWrite, kBoth };

  // A task that waits, for as long as this lives: the end of a handler, however it ends, ends it.
  class Waiter {
   public:
    Waiter(Fifos& fifos, const FileId& fifo, TaskId task, End own_end);
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter();

    // Whether somebody has opened the other end since; it may be closed again by now.
    bool has_met() const { return has_met_; }

   private:
    friend class Fifos;
    Fifos& fifos_;
    FileId fifo_;
    TaskId task_;
    End own_end_;
    bool has_met_ = false;
    // The reader that a waiting writer has met: held open until the writer has opened its end,
    // since the kernel would not turn it away any more.
    std::shared_ptr<const UniqueFd> reader_;
  };

  // `end` of the FIFO has been opened, as `file`. The tasks that waited for that, in the order in
  // which they came: to be woken.
  std::vector<TaskId> opened(const FileId& fifo, End end,
                             const std::shared_ptr<const UniqueFd>& file);

 private:
  std::unordered_map<FileId, std::deque<Waiter*>, FileIdHash> waiters_;
};

// Whether a FIFO that `reader` has open for reading has a writer, or still has what one wrote.
bool has_writer(const UniqueFd& reader);

}  // namespace tc::determinism
