#include "probe/reorder.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

namespace tc::probe {

bool Reorder::Entry::operator<(const Entry& other) const {
  const tc_header& a = header();
  const tc_header& b = other.header();
  const auto left = std::tuple(a.time_ns, a.cpu, a.seq);
  const auto right = std::tuple(b.time_ns, b.cpu, b.seq);
  if (left != right) return left < right;
  return std::lexicographical_compare(bytes.begin(), bytes.end(), other.bytes.begin(),
                                      other.bytes.end());
}

void Reorder::insert(Entry entry) {
  // Nearly always at the end; else a few steps before it.
  auto place = waiting_.end();
  for (int steps = 0; steps < 16 && place != waiting_.begin(); ++steps) {
    if (!(entry < *std::prev(place))) {
      waiting_.insert(place, std::move(entry));
      return;
    }
    --place;
  }
  waiting_.insert(std::upper_bound(waiting_.begin(), place, entry), std::move(entry));
}

}  // namespace tc::probe
