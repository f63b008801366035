// Evidence as tests read it: the records of an NDJSON stream, plain or compressed.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace tc::test {

using Json = nlohmann::json;

// Does the record have every key of the pattern, with the same value? So for objects within.
bool matches(const Json& record, const Json& pattern);

struct Evidence {
  Json start;
  std::vector<Json> records;  // between stream_start and stream_end
  Json end;

  std::vector<Json> matching(const Json& pattern) const;
  std::size_t count(const Json& pattern) const { return matching(pattern).size(); }
  // The one record that matches; throws when it is none or several.
  Json only(const Json& pattern) const;
};

// Hands over each line of a file, without its end.
void for_each_line(const std::string& path, const std::function<void(std::string_view)>& take);

std::vector<Json> parse_lines(const std::string& text);

// Reads a whole stream. Throws unless it begins with stream_start and ends with stream_end, and
// that counts the records and the losses between.
Evidence read_evidence(const std::string& path);
Evidence parse_evidence(const std::string& text);

}  // namespace tc::test
