// IdleFolder: takes out of a thread's lines what its wait loop does when nothing came. A round of a
// loop goes from one call that waits (epoll_wait, poll, select …) to the next; one whose wait ended
// by its time limit is idle. How often and when that happens depends on the clock alone. Each
// different idle round is told once, behind everything else of the thread; its work is also taken
// out of the other rounds, where the same timer may fall due.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "event/record.h"

namespace tc::trace {

class IdleFolder {
 public:
  enum class Kind { kOther, kWait, kIdleWait };
  static Kind kind_of(const event::Record& record);

  // A longer round is handed over as it is.
  static constexpr std::size_t kLongestRound = 1024;

  using TakeFn = std::function<void(std::string_view line)>;
  void add(std::string_view line, Kind kind, const TakeFn& take);

  // Nothing more comes: hands over the round at hand, then each idle round.
  using TakeRoundFn = std::function<void(std::span<const std::string> lines)>;
  void finish(const TakeFn& take, const TakeRoundFn& take_idle_round);

 private:
  void end_round(const TakeFn& take);
  void hand_over(const TakeFn& take);
  // How many lines at `position` of the round are the work of an idle one.
  std::size_t idle_work_at(std::size_t position) const;

  std::vector<std::string> round_;
  bool in_loop_ = false;  // a wait was seen
  bool idle_ = false;     // the round at hand began with one that nothing ended
  // Of each idle round the lines behind its wait, and the whole round. Longest first.
  struct ByLength {
    bool operator()(const std::vector<std::string>& left,
                    const std::vector<std::string>& right) const {
      return left.size() != right.size() ? left.size() > right.size() : left < right;
    }
  };
  std::map<std::vector<std::string>, std::string, ByLength> idle_rounds_;  // work → its wait
};

}  // namespace tc::trace
