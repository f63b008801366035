#include "trace/idle.h"

#include <algorithm>
#include <array>

namespace tc::trace {
namespace {

constexpr std::array<std::string_view, 8> kWaits = {"epoll_pwait",  "epoll_pwait2", "epoll_wait",
                                                    "io_getevents", "poll",         "ppoll",
                                                    "pselect6",     "select"};

bool is_zero(const event::Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number == 0;
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return *number == 0;
  return false;
}

}  // namespace

IdleFolder::Kind IdleFolder::kind_of(const event::Record& record) {
  if (record.event() != "syscall") return Kind::kOther;
  const event::Value* call = record.find("call");
  const auto* name = call == nullptr ? nullptr : std::get_if<std::string_view>(call);
  if (name == nullptr || std::find(kWaits.begin(), kWaits.end(), *name) == kWaits.end())
    return Kind::kOther;
  const event::Value* ret = record.find("ret");
  return ret != nullptr && is_zero(*ret) ? Kind::kIdleWait : Kind::kWait;
}

void IdleFolder::add(std::string_view line, Kind kind, const TakeFn& take) {
  if (kind != Kind::kOther) {
    end_round(take);
    in_loop_ = true;
    idle_ = kind == Kind::kIdleWait;
  }
  if (!in_loop_) return take(line);
  round_.emplace_back(line);
  if (round_.size() <= kLongestRound) return;
  // No loop that waits: what looked like a round is the program's work.
  for (const std::string& held : round_) take(held);
  round_.clear();
  in_loop_ = false;
  idle_ = false;
}

void IdleFolder::end_round(const TakeFn& take) {
  if (idle_ && !round_.empty()) {
    std::vector<std::string> work(std::make_move_iterator(round_.begin() + 1),
                                  std::make_move_iterator(round_.end()));
    idle_rounds_.emplace(std::move(work), std::move(round_.front()));
    round_.clear();
  } else {
    hand_over(take);
  }
}

std::size_t IdleFolder::idle_work_at(std::size_t position) const {
  for (const auto& [work, wait] : idle_rounds_) {
    if (work.empty() || work.size() > round_.size() - position) continue;
    if (std::equal(work.begin(), work.end(),
                   round_.begin() + static_cast<std::ptrdiff_t>(position)))
      return work.size();
  }
  return 0;
}

void IdleFolder::hand_over(const TakeFn& take) {
  for (std::size_t at = 0; at < round_.size();) {
    const std::size_t idle = idle_work_at(at);
    if (idle == 0) take(round_[at]);
    at += std::max<std::size_t>(idle, 1);
  }
  round_.clear();
}

void IdleFolder::finish(const TakeFn& take, const TakeRoundFn& take_idle_round) {
  // The last round did not come to its end: it is told, idle or not.
  hand_over(take);
  for (const auto& [work, wait] : idle_rounds_) {
    std::vector<std::string> lines = {wait};
    lines.insert(lines.end(), work.begin(), work.end());
    take_idle_round(lines);
  }
  idle_rounds_.clear();
}

}  // namespace tc::trace
