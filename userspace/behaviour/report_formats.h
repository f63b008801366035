// The formats of a report: one row each, one file each. --format and its help follow.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "behaviour/report.h"

namespace tc::behaviour {

struct ReportOptions {
  bool colour = false;
  std::size_t width = 0;   // of the terminal; 0: lines may be as long as they are
  std::size_t height = 0;  // 0: everything that decides is shown
  bool all = false;        // also what is folded or in the background
  bool evidence = false;   // the record behind each change
};

struct ReportFormat {
  std::string_view name;
  std::string_view help;
  // Appends the whole report.
  void (*append)(const Report& report, const ReportOptions& options, std::string& out);
};

std::span<const ReportFormat> report_formats();
const ReportFormat* find_report_format(std::string_view name);

void append_report_text(const Report& report, const ReportOptions& options, std::string& out);
void append_report_ndjson(const Report& report, const ReportOptions& options, std::string& out);
void append_report_json(const Report& report, const ReportOptions& options, std::string& out);
void append_report_sarif(const Report& report, const ReportOptions& options, std::string& out);
void append_report_junit(const Report& report, const ReportOptions& options, std::string& out);
void append_report_markdown(const Report& report, const ReportOptions& options, std::string& out);

// What more than one of them says.
std::string headline(const Report& report);        // "3 changes, 1 of high risk"
std::string change_text(const Change& change);     // "new: connect … by bash"
std::string evidence_place(const Change& change);  // "b.ndjson:812", or empty
std::string differing_lines(
    const Comparison& comparison);  // "differing lines: 12 of 5,812 (0.2 %)"
std::string with_commas(std::uint64_t number);
// For a reader: nothing that a terminal obeys, never broken over lines.
std::string printable(std::string_view bytes);

}  // namespace tc::behaviour
