#include "support/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "base/input.h"

namespace tc::test {
namespace {

Evidence take_frame(std::vector<Json> lines) {
  Evidence evidence;
  if (lines.size() < 2 || lines.front().at("event") != "stream_start")
    throw std::runtime_error("the evidence does not begin with stream_start");
  if (lines.back().at("event") != "stream_end")
    throw std::runtime_error("the evidence does not end with stream_end");
  evidence.start = std::move(lines.front());
  evidence.end = std::move(lines.back());
  evidence.records.assign(std::make_move_iterator(lines.begin() + 1),
                          std::make_move_iterator(lines.end() - 1));
  if (evidence.end.at("records") != evidence.records.size())
    throw std::runtime_error("stream_end miscounts the records");
  std::uint64_t lost = 0;
  for (const Json& record : evidence.matching({{"event", "lost"}}))
    lost += record.at("count").get<std::uint64_t>();
  if (evidence.end.at("lost") != lost) throw std::runtime_error("stream_end miscounts the losses");
  return evidence;
}

}  // namespace

bool matches(const Json& record, const Json& pattern) {
  return std::all_of(pattern.items().begin(), pattern.items().end(), [&](const auto& item) {
    const auto found = record.find(item.key());
    if (found == record.end()) return false;
    if (found->is_object() && item.value().is_object()) return matches(*found, item.value());
    return *found == item.value();
  });
}

std::vector<Json> Evidence::matching(const Json& pattern) const {
  std::vector<Json> found;
  std::copy_if(records.begin(), records.end(), std::back_inserter(found),
               [&](const Json& record) { return matches(record, pattern); });
  return found;
}

Json Evidence::only(const Json& pattern) const {
  const std::vector<Json> found = matching(pattern);
  if (found.size() == 1) return found.front();
  std::string text = fmt::format("{} records match {}", found.size(), pattern.dump());
  for (const Json& record : found) text += "\n  " + record.dump();
  throw std::runtime_error(text);
}

void for_each_line(const std::string& path, const std::function<void(std::string_view)>& take) {
  std::string rest;
  const Result<void> read = base::for_each_piece(path, [&](std::string_view piece) {
    std::size_t end = 0;
    while ((end = piece.find('\n')) != std::string_view::npos) {
      if (rest.empty()) {
        take(piece.substr(0, end));
      } else {
        take(rest.append(piece.substr(0, end)));
        rest.clear();
      }
      piece.remove_prefix(end + 1);
    }
    rest.append(piece);
  });
  if (!read) throw std::runtime_error(read.error().text());
  if (!rest.empty()) throw std::runtime_error(path + " ends within a line: " + rest);
}

std::vector<Json> parse_lines(const std::string& text) {
  std::vector<Json> lines;
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    lines.push_back(Json::parse(std::string_view(text).substr(begin, end - begin)));
  }
  return lines;
}

Evidence read_evidence(const std::string& path) {
  std::vector<Json> lines;
  for_each_line(path, [&](std::string_view line) { lines.push_back(Json::parse(line)); });
  return take_frame(std::move(lines));
}

Evidence parse_evidence(const std::string& text) { return take_frame(parse_lines(text)); }

}  // namespace tc::test
