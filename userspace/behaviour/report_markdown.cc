// A report as Markdown: a table that fits a comment on a pull request.
#include <fmt/format.h>

#include "behaviour/report_formats.h"

namespace tc::behaviour {
namespace {

constexpr std::size_t kMostRows = 100;

// As code within a table: bars end a cell, back ticks the code.
std::string cell(std::string_view bytes) {
  std::string text = "`";
  for (const char byte : printable(bytes)) {
    if (byte == '|') text += '\\';
    text += byte == '`' ? '\'' : byte;
  }
  return text + "`";
}

void append_row(const Change& change, std::string& out) {
  std::string extra = change.runs;
  if (!change.folded.empty())
    extra +=
        fmt::format("{}+ {} more by what it runs", extra.empty() ? "" : ", ", change.folded.size());
  const std::string place = evidence_place(change);
  out += fmt::format(
      "| {} | {} | {} | {} | {} | {} |\n", change.added ? "new" : "gone", cell(change.fact.text()),
      cell(change.fact.subject),
      change.fact.risk == Risk::kHigh ? "**high**" : std::string(risk_name(change.fact.risk)),
      place.empty() ? std::string() : cell(place), extra);
}

}  // namespace

void append_report_markdown(const Report& report, const ReportOptions&, std::string& out) {
  out += fmt::format("### Behaviour {}: {}\n\n", report.same ? "is the same" : "differs",
                     headline(report));
  out += fmt::format("{} → {}\n", cell(report.before), cell(report.after));
  if (!report.changes.empty()) {
    out += "\n| | effect | program | risk | evidence | |\n|---|---|---|---|---|---|\n";
    std::size_t shown = 0;
    for (const Change& change : report.changes) {
      if (shown++ == kMostRows) break;
      append_row(change, out);
    }
    if (report.changes.size() > kMostRows)
      out += fmt::format("\n{} more changes, none riskier.\n", report.changes.size() - kMostRows);
  }
  if (!report.background.empty())
    out += fmt::format("\n{} changes in the background do not count.\n", report.background.size());
  if (report.comparison) {
    const std::optional<Level> strongest = report.comparison->strongest();
    out += fmt::format("\nStrongest level that holds: {} (required: {}); {}.\n",
                       strongest ? level_name(*strongest) : "none", level_name(report.required),
                       differing_lines(*report.comparison));
  }
  for (const std::string& note : report.notes) out += "\n" + printable(note) + "\n";
}

}  // namespace tc::behaviour
