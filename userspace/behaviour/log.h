// Reading a behaviour log of `tc trace`: line by line in constant memory, and only when it is
// whole: canonical, complete, in order, of a schema that is known. What the records mean is
// facts.h's and sequence.h's business.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tc::behaviour {

// What stream_start says of the log.
struct LogHeader {
  std::vector<std::string> command;
  std::string profile;  // what is normalised
  std::string calls;    // which calls are told
  std::string order;    // "tree" or "time"
};

struct LogLine {
  std::uint64_t number;     // from 1
  std::string_view text;    // without the line feed
  std::string_view event;   // both empty when the record has none
  std::string_view thread;  //
};

struct LogSummary {
  LogHeader header;
  std::uint64_t records = 0;
  std::uint64_t lost = 0;
  std::string digest;  // SHA-256 of all bytes
};

// Hands over every record between stream_start and stream_end, the header first. `path` may be
// compressed, or "-". An error reads "FILE:LINE:COLUMN: error: [id] text" with a way on; lines
// before it have been handed over then.
Result<LogSummary> read_log(const std::string& path,
                            const std::function<void(const LogLine&)>& take);

// The value of a key of the record itself, a plain string without escapes; empty when there is
// none. Much faster than reading the record as JSON.
std::string_view quick_string(std::string_view record, std::string_view key);

// Bytes as the log tells them: a string, {"hex":…} or {"head":…,"length":N}, which ends in "…".
std::string bytes_of(const nlohmann::json& value);

// Whether logs of the two may be compared; an error names what differs.
Result<void> check_comparable(const LogHeader& before, const std::string& before_name,
                              const LogHeader& after, const std::string& after_name);

}  // namespace tc::behaviour
