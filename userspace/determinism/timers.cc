#include "determinism/timers.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/file.h"
#include "base/number.h"
#include "determinism/deadlines.h"

namespace tc::determinism {
namespace {

constexpr std::uint64_t kDescriptors = 0;  // TimerKey::process of timer descriptors

// Moves the timer past `now_ns` and tells how often it has expired until then.
std::int64_t pass_expirations(Timer& timer, std::int64_t now_ns) {
  if (timer.interval_ns == 0) {
    timer.next_ns = 0;
    return 1;
  }
  const std::int64_t count = (now_ns - timer.next_ns) / timer.interval_ns + 1;
  timer.next_ns = add_ns(timer.next_ns, count * timer.interval_ns);
  return count;
}

bool is_readable(int fd) {
  pollfd file = {.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&file, 1, 0) == 1 && (file.revents & POLLIN) != 0;
}

// The ids of the eventfds that the process whose /proc directory this is has open.
void collect_event_ids(const std::string& directory, std::set<std::uint64_t>& ids) {
  std::error_code code;
  for (std::filesystem::directory_iterator entry(directory + "/fd", code), end;
       !code && entry != end; entry.increment(code)) {
    const std::filesystem::path target = std::filesystem::read_symlink(entry->path(), code);
    if (code || target != "anon_inode:[eventfd]") {
      code.clear();  // closed meanwhile: not ours to judge
      continue;
    }
    const std::string number = entry->path().filename().string();
    if (const auto id = event_descriptor_id(directory + "/fdinfo/" + number)) ids.insert(*id);
  }
}

}  // namespace

std::optional<std::uint64_t> event_descriptor_id(const std::string& fdinfo) {
  constexpr std::string_view kLabel = "eventfd-id:";
  const Result<std::string> text = base::read_file(fdinfo);
  if (!text) return std::nullopt;
  const std::size_t line = text->find(kLabel);
  if (line == std::string::npos) return std::nullopt;
  std::string_view digits = std::string_view(*text).substr(line + kLabel.size());
  digits = digits.substr(0, digits.find('\n'));
  digits.remove_prefix(std::min(digits.find_first_not_of(" \t"), digits.size()));
  return base::parse_unsigned(digits);
}

Timer* Timers::find(const TimerKey& key) {
  const auto timer = timers_.find(key);
  return timer == timers_.end() ? nullptr : &timer->second;
}

void Timers::program_started(std::uint64_t process) {
  timers_.erase(timers_.lower_bound({.process = process, .number = 0}),
                timers_.lower_bound({.process = process + 1, .number = kProfileTimer}));
  next_numbers_.erase(process);
}

void Timers::process_ended(std::uint64_t process) {
  timers_.erase(timers_.lower_bound({.process = process, .number = kProfileTimer}),
                timers_.lower_bound({.process = process + 1, .number = kProfileTimer}));
  next_numbers_.erase(process);
}

std::int32_t Timers::free_number(std::uint64_t process) {
  std::int32_t& next = next_numbers_[process];
  while (timers_.contains({.process = process, .number = next}))
    next = next == std::numeric_limits<std::int32_t>::max() ? 0 : next + 1;
  const std::int32_t number = next;
  next = next == std::numeric_limits<std::int32_t>::max() ? 0 : next + 1;
  return number;
}

std::optional<std::int64_t> Timers::next() const {
  std::optional<std::int64_t> earliest;
  for (const auto& [key, timer] : timers_)
    if (timer.is_armed() && (!earliest || timer.next_ns < *earliest)) earliest = timer.next_ns;
  return earliest;
}

std::vector<TimerSignal> Timers::expire(std::int64_t now_ns, const Pending& is_pending) {
  std::vector<std::tuple<std::int64_t, TimerKey>> due;
  for (const auto& [key, timer] : timers_)
    if (timer.is_armed() && timer.next_ns <= now_ns) due.emplace_back(timer.next_ns, key);
  std::sort(due.begin(), due.end());
  std::vector<TimerSignal> signals;
  for (const auto& [at_ns, key] : due) {
    Timer& timer = timers_[key];
    if (timer.event) {
      expire_descriptor(timer, now_ns);
      if (timer.unread > 1) wants_census_ = true;
      continue;
    }
    const std::int64_t count = pass_expirations(timer, now_ns);
    if (timer.signal == 0) continue;
    const TimerSignal signal = {.process = key.process,
                                .number = key.number,
                                .signal = timer.signal,
                                .thread = timer.thread,
                                .value = timer.value,
                                .is_posix = key.number >= 0};
    // Each POSIX timer has one signal at most that waits; what expires meanwhile is its overrun.
    if (signal.is_posix && timer.is_sent && is_pending && is_pending(signal)) {
      timer.missed += count;
      continue;
    }
    timer.missed = count - 1;
    timer.is_sent = true;
    signals.push_back(signal);
  }
  return signals;
}

std::int64_t Timers::delivered(const TimerKey& key) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();  // DELAYTIMER_MAX
  Timer* const timer = find(key);
  if (timer == nullptr) return 0;
  timer->is_sent = false;
  timer->overrun = std::min(std::exchange(timer->missed, 0), kMost);
  return timer->overrun;
}

Timer& Timers::add_descriptor(std::shared_ptr<const UniqueFd> event, std::uint64_t event_id) {
  // The number is counted, and no property of the host's: timers expire in its order.
  const TimerKey key = {.process = kDescriptors, .number = next_descriptor_++};
  descriptors_[event_id] = key;
  if (descriptors_.size() >= census_at_) wants_census_ = true;
  Timer& timer = timers_[key];
  timer = {.event = std::move(event), .event_id = event_id};
  return timer;
}

Timer* Timers::find_descriptor(std::uint64_t event_id) {
  const auto key = descriptors_.find(event_id);
  return key == descriptors_.end() ? nullptr : find(key->second);
}

void Timers::drain(Timer& timer) {
  timer.unread = 0;
  std::uint64_t count = 0;
  if (is_readable(timer.event->get())) (void)!::read(timer.event->get(), &count, sizeof(count));
}

void Timers::expire_descriptor(Timer& timer, std::int64_t now_ns) {
  if (!timer.is_armed() || timer.next_ns > now_ns) return;
  const auto count = static_cast<std::uint64_t>(pass_expirations(timer, now_ns));
  timer.unread = is_readable(timer.event->get()) ? timer.unread + 1 : 0;
  (void)!::write(timer.event->get(), &count, sizeof(count));
}

void Timers::forget_closed(std::span<const std::string> directories) {
  std::set<std::uint64_t> open;
  for (const std::string& directory : directories) collect_event_ids(directory, open);
  std::erase_if(descriptors_, [&](const auto& entry) {
    if (open.contains(entry.first)) return false;
    timers_.erase(entry.second);
    return true;
  });
  for (const auto& [id, key] : descriptors_) timers_[key].unread = 0;
  constexpr std::size_t kFewest = 64;
  census_at_ = std::max(kFewest, 2 * descriptors_.size());
  wants_census_ = false;
}

}  // namespace tc::determinism
