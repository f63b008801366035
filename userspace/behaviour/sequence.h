// Sequences: what each thread of a log did, in order, one number a record. Equal numbers stand for
// equal records. For comparing; what the records mean is facts.h's business.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "behaviour/log.h"

namespace tc::behaviour {

// Of the same record in any thread of the same program; 0 for what contention, interruptions and
// repetitions leave in a log: no event at all.
using EventHash = std::uint64_t;
using LineHash = std::uint64_t;

struct Sequence {
  std::vector<LineHash> lines;
  std::vector<EventHash> events;
  std::vector<std::uint32_t> numbers;  // of the lines in the log
};

using Sequences = std::map<std::string, Sequence, std::less<>>;

void add_line(Sequences& sequences, const LogLine& line, std::string_view program);

// The events without those that are none and without repetitions: runs of up to 64 events that
// follow themselves are taken once, from the inside out.
std::vector<EventHash> folded(std::span<const EventHash> events);

// How many lines have to go and to come to make one of the other.
struct LineDifference {
  std::uint64_t lines = 0;
  bool exact = true;  // false: at most that many; there was too much to compare

  bool operator==(const LineDifference&) const = default;
};
// `effort` is how many steps may be spent; what is used is taken off.
LineDifference count_differences(std::span<const LineHash> before, std::span<const LineHash> after,
                                 std::uint64_t& effort);

}  // namespace tc::behaviour
