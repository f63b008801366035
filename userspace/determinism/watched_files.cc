#include "determinism/watched_files.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "determinism/open_file.h"
#include "determinism/signal_files.h"

namespace tc::determinism {
namespace {

std::vector<pollfd> poll_files_now(const std::vector<guest::WaitFile>& files) {
  std::vector<pollfd> asked;
  asked.reserve(files.size());
  for (const guest::WaitFile& file : files)
    asked.push_back({.fd = file.file->get(), .events = file.events, .revents = 0});
  if (!asked.empty()) ::poll(asked.data(), asked.size(), 0);
  return asked;
}

}  // namespace

void WatchedFiles::add(World& world, Tracee& guest, int fd, std::int16_t asked,
                       std::int16_t counting) {
  std::optional<OpenFile> file = find_file(world, guest, fd);
  if (!file) {
    has_bad_ = true;
    return;
  }
  if (file->kind == FileKind::kOther) {
    if (const auto mask = signalfd_mask(guest, fd)) {
      if ((asked & POLLIN) != 0) accepted_signals_ |= *mask;
      return;
    }
  }
  files_.push_back({.file = std::move(file->file), .events = asked});
  counting_.push_back(counting);
}

bool WatchedFiles::is_ready(Tracee& guest) const {
  if (has_bad_) return true;
  if (accepted_signals_ != 0 && pending_signals(guest, accepted_signals_) != 0) return true;
  const std::vector<pollfd> asked = poll_files_now(files_);
  for (std::size_t i = 0; i < asked.size(); ++i)
    if ((asked[i].revents & counting_[i]) != 0) return true;
  return false;
}

guest::Wait WatchedFiles::wait() const {
  guest::Wait wait;
  wait.accepted_signals = accepted_signals_;
  wait.what = "descriptors";
  // A file that tells POLLHUP to whoever does not look for it would end each wait at once.
  const std::vector<pollfd> asked = poll_files_now(files_);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (asked[i].revents == 0)
      wait.files.push_back(files_[i]);
    else
      wait.retry = true;
  }
  return wait;
}

}  // namespace tc::determinism
