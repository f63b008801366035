// A report as JUnit XML: a test case for each group of effects, which fails when one of them
// changed.
#include <fmt/format.h>

#include <array>
#include <map>

#include "behaviour/report_formats.h"

namespace tc::behaviour {
namespace {

constexpr std::array<std::string_view, 9> kGroups = {"programs", "network",   "privileges",
                                                     "memory",   "denied",    "files",
                                                     "devices",  "processes", "calls"};

// XML 1.0 has no way to write most controls; printable() has left none.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char byte : text) {
    switch (byte) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += byte;
    }
  }
  return out;
}

}  // namespace

void append_report_junit(const Report& report, const ReportOptions&, std::string& out) {
  std::map<std::string_view, std::string> failures;
  std::map<std::string_view, std::size_t> counts;
  for (const Change& change : report.changes) {
    const std::string_view group = row_of(change.fact.kind).group;
    std::string& text = failures[group];
    text += fmt::format("{} [{}]", change_text(change), risk_name(change.fact.risk));
    if (const std::string place = evidence_place(change); !place.empty())
      text += " " + printable(place);
    text += '\n';
    ++counts[group];
  }
  // Where more than effects is required, the level is a case of its own.
  const bool by_level = report.comparison.has_value();
  const std::size_t failed = failures.size() + (by_level && !report.same ? 1U : 0U);
  out += "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuites>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">\n",
                     escaped(printable(report.title + " " + report.before)),
                     kGroups.size() + (by_level ? 1 : 0), failed);
  for (const std::string_view group : kGroups) {
    const auto failure = failures.find(group);
    if (failure == failures.end()) {
      out += fmt::format("<testcase classname=\"behaviour\" name=\"{}\"/>\n", group);
      continue;
    }
    out += fmt::format(
        "<testcase classname=\"behaviour\" name=\"{}\">\n<failure message=\"{} changed\">{}"
        "</failure>\n</testcase>\n",
        group, counts[group], escaped(failure->second));
  }
  if (by_level) {
    const std::string name = fmt::format("level {}", level_name(report.required));
    if (report.same) {
      out += fmt::format("<testcase classname=\"behaviour\" name=\"{}\"/>\n", name);
    } else {
      out += fmt::format(
          "<testcase classname=\"behaviour\" name=\"{}\">\n<failure message=\"{}\"/>\n"
          "</testcase>\n",
          name, escaped(differing_lines(*report.comparison)));
    }
  }
  out += "</testsuite>\n</testsuites>\n";
}

}  // namespace tc::behaviour
