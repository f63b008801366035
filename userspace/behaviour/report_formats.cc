#include "behaviour/report_formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "output/printable.h"

namespace tc::behaviour {
namespace {

constexpr std::array kFormats = {
    ReportFormat{"text", "for people, on one screen", append_report_text},
    ReportFormat{"ndjson", "canonical JSON, one change a line", append_report_ndjson},
    ReportFormat{"json", "one canonical JSON object", append_report_json},
    ReportFormat{"sarif", "SARIF 2.1.0, for code scanning", append_report_sarif},
    ReportFormat{"junit", "JUnit XML, for test reports", append_report_junit},
    ReportFormat{"markdown", "for a comment on a pull request", append_report_markdown},
};

}  // namespace

std::span<const ReportFormat> report_formats() { return kFormats; }

const ReportFormat* find_report_format(std::string_view name) {
  for (const ReportFormat& row : kFormats)
    if (row.name == name) return &row;
  return nullptr;
}

std::string headline(const Report& report) {
  const std::size_t count = report.changes.size();
  const auto high = std::count_if(report.changes.begin(), report.changes.end(),
                                  [](const auto& it) { return it.fact.risk == Risk::kHigh; });
  if (count == 0) return "no effect is new and none is gone";
  std::string text = fmt::format("{} {}", count, count == 1 ? "change" : "changes");
  if (high > 0) text += fmt::format(", {} of high risk", high);
  return text;
}

std::string change_text(const Change& change) {
  return fmt::format("{}: {} by {}", change.added ? "new" : "gone", printable(change.fact.text()),
                     printable(change.fact.subject));
}

std::string evidence_place(const Change& change) {
  if (change.fact.line == 0 || change.file.empty()) return {};
  return fmt::format("{}:{}", change.file, change.fact.line);
}

std::string with_commas(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string differing_lines(const Comparison& comparison) {
  const std::uint64_t lines = comparison.difference.lines;
  if (lines == 0) return fmt::format("differing lines: 0 of {}", with_commas(comparison.lines));
  const std::uint64_t permille = (lines * 1000 + comparison.lines / 2) / comparison.lines;
  const std::string share =
      permille == 0 ? "< 0.1" : fmt::format("{}.{}", permille / 10, permille % 10);
  return fmt::format("differing lines: {}{} of {} ({} %)",
                     comparison.difference.exact ? "" : "at most ", with_commas(lines),
                     with_commas(comparison.lines), share);
}

std::string printable(std::string_view bytes) {
  std::string text;
  output::append_bare(text, bytes);
  return text;
}

}  // namespace tc::behaviour
