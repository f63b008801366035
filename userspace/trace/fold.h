// Folder: takes repetitions out of the lines of one thread. A run of lines that follows itself is
// told once, with a mark behind it, however often it came: two runs of an idle loop give the same
// lines. Loops within loops fold from the inside out.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace tc::trace {

class Folder {
 public:
  // The longest run that is recognised as repeating, lines.
  static constexpr std::size_t kLongestRun = 64;

  // `line` with its line feed; `repeats`: it is the last of a run of that many lines that came
  // again at once. 0: none.
  using TakeFn = std::function<void(std::string_view line, std::size_t repeats)>;

  void add(std::string_view line, const TakeFn& take);
  // Nothing more comes: hands over what was held back.
  void finish(const TakeFn& take);

 private:
  struct Line {
    std::uint64_t hash;
    std::string text;
    std::size_t repeats = 0;
  };

  bool fold_once();

  std::deque<Line> held_;  // the end of the sequence, already without repetitions
};

}  // namespace tc::trace
