// Line: the numbers that a thread gives to what it meets: "inode#3", "tmp#1". A child and a new
// thread go on with a copy of their creator's, so who is scheduled first never matters. Knows
// nothing of what is numbered.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tc::trace {

// What is numbered by first appearance.
enum class Appearance : std::uint8_t { kInode, kDevice, kAddress, kOutside, kTemporary };
inline constexpr std::size_t kAppearances = 5;

// "pipe#3"; of a thread that is not its process's first the label tells which: "pipe#2.3".
std::string numbered(std::string_view what, std::string_view label, std::uint32_t number);

class Line {
 public:
  Line();

  // Of the thread that its creator numbers `ordinal`: the same names for what is known, its own
  // numbers for what is new.
  Line of_thread(std::uint32_t ordinal) const;

  // "2.1" for the first thread that thread /2 made; empty for a process's first.
  const std::string& label() const { return label_; }

  // The name of `value`, given now if it has none. Lives until the next change of the line.
  std::string_view name(Appearance kind, std::uint64_t value);
  // A name for one more of a kind.
  std::string next(Appearance kind);
  // Forgets the names of a kind and counts from 1 again.
  void forget(Appearance kind);

 private:
  using Names = std::unordered_map<std::uint64_t, std::string>;

  std::string label_;
  std::array<std::uint32_t, kAppearances> counts_{};
  // Shared with the lines that continue this one until either changes it.
  std::array<std::shared_ptr<Names>, kAppearances> names_;
};

}  // namespace tc::trace
