#include "trace/fold.h"

#include <algorithm>

namespace tc::trace {

void Folder::add(std::string_view line, const TakeFn& take) {
  held_.push_back({std::hash<std::string_view>()(line), std::string(line), 0});
  while (fold_once()) {
  }
  // A line this far back can be part of no run any more.
  while (held_.size() > 2 * kLongestRun) {
    take(held_.front().text, held_.front().repeats);
    held_.pop_front();
  }
}

// The last n lines and the n before them are the same: the latter stay, marked.
bool Folder::fold_once() {
  const std::size_t size = held_.size();
  for (std::size_t run = 1; run <= std::min(kLongestRun, size / 2); ++run) {
    if (held_[size - 1].hash != held_[size - 1 - run].hash) continue;
    const auto same = [&](std::size_t back) {
      const Line& late = held_[size - 1 - back];
      const Line& early = held_[size - 1 - back - run];
      return late.hash == early.hash && late.text == early.text;
    };
    std::size_t back = 0;
    while (back < run && same(back)) ++back;
    if (back < run) continue;
    // Repetitions within either copy count for the one that stays.
    for (std::size_t i = 0; i < run; ++i)
      held_[size - 1 - i - run].repeats =
          std::max(held_[size - 1 - i - run].repeats, held_[size - 1 - i].repeats);
    held_.resize(size - run);
    held_.back().repeats = std::max(held_.back().repeats, run);
    return true;
  }
  return false;
}

void Folder::finish(const TakeFn& take) {
  for (const Line& line : held_) take(line.text, line.repeats);
  held_.clear();
}

}  // namespace tc::trace
