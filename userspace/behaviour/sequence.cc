#include "behaviour/sequence.h"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace tc::behaviour {
namespace {

constexpr std::size_t kLongestRun = 64;

std::uint64_t hash_of(std::string_view text) {
  const std::uint64_t hash = std::hash<std::string_view>()(text);
  return hash == 0 ? 1 : hash;
}

bool is_variance(const LogLine& line) {
  static constexpr std::array<std::string_view, 6> kContention = {
      "flock", "futex", "futex_wait", "futex_wake", "restart_syscall", "sched_yield"};
  if (line.event == "repeat" || line.event == "idle" || line.event == "lost") return true;
  if (line.event != "syscall") return false;
  const std::string_view call = quick_string(line.text, "call");
  if (std::find(kContention.begin(), kContention.end(), call) != kContention.end()) return true;
  const std::string_view failure = quick_string(line.text, "error");
  return failure == "EINTR" || failure == "EAGAIN" || failure.starts_with("ERESTART");
}

// Its own thread's name says who; the program says it as well, whichever thread took the work.
EventHash event_hash(const LogLine& line, std::string_view program) {
  if (is_variance(line)) return 0;
  if (line.thread.empty()) return hash_of(line.text);
  const auto at = static_cast<std::size_t>(line.thread.data() - line.text.data());
  const std::uint64_t parts[] = {hash_of(line.text.substr(0, at)), hash_of(program),
                                 hash_of(line.text.substr(at + line.thread.size()))};
  return hash_of({reinterpret_cast<const char*>(parts), sizeof(parts)});
}

using Lines = std::span<const LineHash>;

void trim(Lines& before, Lines& after) {
  const std::size_t shorter = std::min(before.size(), after.size());
  std::size_t head = 0;
  while (head < shorter && before[head] == after[head]) ++head;
  std::size_t tail = 0;
  while (tail < shorter - head &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail])
    ++tail;
  before = before.subspan(head, before.size() - head - tail);
  after = after.subspan(head, after.size() - head - tail);
}

// Myers 1986, the greedy forward search, for the number of steps only: memory for one row.
// Nothing when the effort does not suffice.
bool myers(Lines before, Lines after, std::uint64_t& effort, std::uint64_t& distance) {
  const auto n = static_cast<std::int64_t>(before.size());
  const auto m = static_cast<std::int64_t>(after.size());
  std::vector<std::int64_t> reached(3, 0);  // diagonals -1, 0, 1
  for (std::int64_t d = 0; d <= n + m; ++d) {
    const std::int64_t middle = d + 1;
    for (std::int64_t k = -d; k <= d; k += 2) {
      const auto at = static_cast<std::size_t>(middle + k);
      const bool down = k == -d || (k != d && reached[at - 1] < reached[at + 1]);
      std::int64_t x = down ? reached[at + 1] : reached[at - 1] + 1;
      std::int64_t y = x - k;
      const std::int64_t begin = x;
      while (x < n && y < m &&
             before[static_cast<std::size_t>(x)] == after[static_cast<std::size_t>(y)])
        ++x, ++y;
      reached[at] = x;
      const auto cost = static_cast<std::uint64_t>(x - begin) + 1;
      if (cost > effort) return false;
      effort -= cost;
      if (x >= n && y >= m) {
        distance = static_cast<std::uint64_t>(d);
        return true;
      }
    }
    reached.insert(reached.begin(), 0);
    reached.push_back(0);
  }
  return false;
}

struct Anchor {
  std::size_t before;
  std::size_t after;
};

// Lines that are once in both, in the longest order that both share.
std::vector<Anchor> anchors(Lines before, Lines after) {
  struct Place {
    std::uint32_t in_before = 0;
    std::uint32_t in_after = 0;
    std::size_t after_at = 0;
  };
  std::unordered_map<LineHash, Place> places;
  for (const LineHash line : before) ++places[line].in_before;
  for (std::size_t i = 0; i < after.size(); ++i) {
    Place& place = places[after[i]];
    ++place.in_after;
    place.after_at = i;
  }
  // Patience sorting: the piles' tops grow, and each knows the top it was laid behind.
  std::vector<Anchor> all;
  std::vector<std::size_t> behind;
  std::vector<std::size_t> tops;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Place& place = places[before[i]];
    if (place.in_before != 1 || place.in_after != 1) continue;
    const auto pile =
        std::lower_bound(tops.begin(), tops.end(), place.after_at,
                         [&](std::size_t top, std::size_t at) { return all[top].after < at; });
    behind.push_back(pile == tops.begin() ? all.size() : *(pile - 1));
    all.push_back({i, place.after_at});
    if (pile == tops.end())
      tops.push_back(all.size() - 1);
    else
      *pile = all.size() - 1;
  }
  std::vector<Anchor> chain;
  if (tops.empty()) return chain;
  for (std::size_t at = tops.back();; at = behind[at]) {
    chain.push_back(all[at]);
    if (behind[at] == at) break;
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

LineDifference between_anchors(Lines before, Lines after, std::uint64_t& effort) {
  LineDifference total;
  std::size_t from_before = 0;
  std::size_t from_after = 0;
  std::vector<Anchor> chain = anchors(before, after);
  chain.push_back({before.size(), after.size()});
  for (const Anchor& anchor : chain) {
    Lines left = before.subspan(from_before, anchor.before - from_before);
    Lines right = after.subspan(from_after, anchor.after - from_after);
    trim(left, right);
    std::uint64_t distance = 0;
    if (left.empty() || right.empty()) {
      distance = left.size() + right.size();
    } else {
      if (!myers(left, right, effort, distance)) distance = left.size() + right.size();
      // Anchors need not lie on the shortest way.
      total.exact = false;
    }
    total.lines += distance;
    from_before = anchor.before + 1;
    from_after = anchor.after + 1;
  }
  return total;
}

}  // namespace

void add_line(Sequences& sequences, const LogLine& line, std::string_view program) {
  auto found = sequences.find(line.thread);
  if (found == sequences.end()) found = sequences.emplace(line.thread, Sequence()).first;
  Sequence& sequence = found->second;
  sequence.lines.push_back(hash_of(line.text));
  sequence.events.push_back(event_hash(line, program));
  sequence.numbers.push_back(static_cast<std::uint32_t>(line.number));
}

std::vector<EventHash> folded(std::span<const EventHash> events) {
  std::vector<EventHash> kept;
  const auto fold_once = [&] {
    const std::size_t size = kept.size();
    for (std::size_t run = 1; run <= std::min(kLongestRun, size / 2); ++run) {
      if (kept[size - 1] != kept[size - 1 - run]) continue;
      if (!std::equal(kept.end() - static_cast<std::ptrdiff_t>(run), kept.end(),
                      kept.end() - static_cast<std::ptrdiff_t>(2 * run)))
        continue;
      kept.resize(size - run);
      return true;
    }
    return false;
  };
  for (const EventHash event : events) {
    if (event == 0) continue;
    kept.push_back(event);
    while (fold_once()) {
    }
  }
  return kept;
}

LineDifference count_differences(Lines before, Lines after, std::uint64_t& effort) {
  trim(before, after);
  if (before.empty() || after.empty()) return {before.size() + after.size(), true};
  std::uint64_t distance = 0;
  // Half of it, so that something is left for the pieces.
  std::uint64_t share = effort / 2;
  const std::uint64_t lent = share;
  const bool exact = myers(before, after, share, distance);
  effort -= lent - share;
  if (exact) return {distance, true};
  return between_anchors(before, after, effort);
}

}  // namespace tc::behaviour
