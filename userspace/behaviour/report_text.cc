// A report for people: grouped by what is affected, the riskiest group first, on one screen.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "behaviour/report_formats.h"

namespace tc::behaviour {
namespace {

constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kCyan = "\x1b[36m";
constexpr std::string_view kPlain = "\x1b[0m";

constexpr std::size_t kWidest = 60;     // of what a change says, before columns stop lining up
constexpr std::size_t kNarrowest = 20;  // however narrow the terminal is

std::size_t columns_of(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U;
  }));
}

// The middle left out: both ends of a path tell more than its middle.
std::string shortened(const std::string& text, std::size_t width) {
  if (columns_of(text) <= width) return text;
  const auto is_inside = [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U;
  };
  std::size_t head = (width - 1) / 2;
  std::size_t tail = text.size() - (width - 1 - head);
  while (head > 0 && is_inside(text[head])) --head;
  while (tail < text.size() && is_inside(text[tail])) ++tail;
  return text.substr(0, head) + "…" + text.substr(tail);
}

class TextReport {
 public:
  TextReport(const Report& report, const ReportOptions& options, std::string& out)
      : report_(report), options_(options), out_(out) {}

  void append() {
    verdict();
    measure();
    // What follows the changes is made first: the changes get the lines that it leaves.
    std::string head;
    std::swap(head, out_);
    counts();
    if (options_.all) background();
    comparison();
    for (const std::string& note : report_.notes) line("\n" + printable(note));
    std::string tail;
    std::swap(tail, out_);
    std::swap(head, out_);
    groups(capacity(lines_of(tail)));
    out_ += tail;
  }

 private:
  std::string_view colour(std::string_view code) const { return options_.colour ? code : ""; }
  void line(const std::string& text) { out_.append(text).append("\n"); }

  void verdict() {
    const std::string_view shade = colour(report_.same ? kGreen : kRed);
    line(fmt::format("{}{}{}: {}{}", colour(kBold), shade, report_.same ? "same" : "differs",
                     headline(report_), colour(kPlain)));
    line(fmt::format("{}- {}{}", colour(kDim), printable(report_.before), colour(kPlain)));
    line(fmt::format("{}+ {}{}", colour(kDim), printable(report_.after), colour(kPlain)));
  }

  void measure() {
    for (const Change& change : report_.changes) {
      text_width_ = std::max(text_width_, columns_of(printable(change.fact.text())));
      program_width_ = std::max(program_width_, columns_of(printable(change.fact.subject)));
    }
    text_width_ = std::min(text_width_, kWidest);
    program_width_ = std::min(program_width_, kNarrowest);
    if (options_.width == 0) return;
    // Marker, program, risk and evidence stand beside it.
    std::size_t beside = 4 + program_width_ + 2 + 8 + 2;
    for (const Change& change : report_.changes)
      beside = std::max(beside, 16 + program_width_ + place_of(change).size());
    const std::size_t left = options_.width > beside ? options_.width - beside : 0;
    text_width_ = std::min(text_width_, std::max(left, kNarrowest));
  }

  // On a terminal the directory can be read above.
  std::string place_of(const Change& change) const {
    const std::string place = evidence_place(change);
    return options_.width == 0 ? place : place.substr(place.rfind('/') + 1);
  }

  // On the terminal, where long lines take several.
  std::size_t lines_of(std::string_view text) const {
    std::size_t lines = 0;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size() - 1);
      const std::size_t columns = columns_of(text.substr(0, end));
      lines +=
          options_.width == 0 || columns == 0 ? 1 : (columns + options_.width - 1) / options_.width;
      text.remove_prefix(end + 1);
    }
    return lines;
  }

  // How many changes fit beside `others` lines.
  std::size_t capacity(std::size_t others) const {
    if (options_.height == 0 || options_.all) return report_.changes.size();
    std::set<std::string_view> headings;
    for (const Change& change : report_.changes) headings.insert(row_of(change.fact.kind).group);
    // The verdict, a blank line and a title each, how many more, and the prompt.
    others += 3 + 2 * headings.size() + 2 + 1;
    const std::size_t room = options_.height > others ? options_.height - others : 0;
    return std::max<std::size_t>(options_.evidence ? room / 2 : room, 3);
  }

  void groups(std::size_t most) {
    const std::size_t shown = std::min(most, report_.changes.size());
    std::vector<std::string_view> order;
    std::map<std::string_view, std::vector<const Change*>> groups;
    for (std::size_t i = 0; i < shown; ++i) {
      const std::string_view name = row_of(report_.changes[i].fact.kind).group;
      if (!groups.contains(name)) order.push_back(name);
      groups[name].push_back(&report_.changes[i]);
    }
    for (const std::string_view name : order) {
      line(fmt::format("\n{}{}{}", colour(kBold), name, colour(kPlain)));
      for (const Change* change : groups[name]) one(*change);
    }
    if (shown < report_.changes.size()) {
      line(fmt::format("\n{} more changes, none riskier; --all shows them",
                       report_.changes.size() - shown));
    }
  }

  std::string_view shade(const Change& change) const {
    if (!change.added) return colour(kCyan);
    if (change.fact.risk == Risk::kHigh) return colour(kRed);
    return change.fact.risk == Risk::kMedium ? colour(kYellow) : std::string_view();
  }

  static std::string padded(std::string text, std::size_t width) {
    const std::size_t columns = columns_of(text);
    if (columns < width) text.append(width - columns, ' ');
    return text;
  }

  void one(const Change& change) {
    const std::string_view shade_code = shade(change);
    const std::string text = options_.width == 0
                                 ? printable(change.fact.text())
                                 : shortened(printable(change.fact.text()), text_width_);
    std::string entry = fmt::format("  {}{} {}{}  {}  {:<6}", shade_code, change.added ? '+' : '-',
                                    padded(text, text_width_), shade_code.empty() ? "" : kPlain,
                                    padded(printable(change.fact.subject), program_width_),
                                    risk_name(change.fact.risk));
    const std::string place = place_of(change);
    if (!place.empty())
      entry += fmt::format("  {}{}{}", colour(kDim), printable(place), colour(kPlain));
    if (!change.runs.empty()) entry += "  " + change.runs;
    if (!change.folded.empty())
      entry += fmt::format("  (+ {} more by what it runs)", change.folded.size());
    while (entry.ends_with(' ')) entry.pop_back();
    line(entry);
    if (options_.evidence && !change.fact.record.empty()) {
      const std::string record = printable(change.fact.record);
      const std::size_t width = options_.width > 8 ? options_.width - 6 : record.size();
      line(fmt::format("      {}{}{}", colour(kDim),
                       columns_of(record) > width ? shortened(record, width) : record,
                       colour(kPlain)));
    }
    if (options_.all)
      for (const Fact& fact : change.folded)
        line(fmt::format("      {} {}  {}", change.added ? '+' : '-', printable(fact.text()),
                         printable(fact.subject)));
  }

  void counts() {
    std::size_t folded = 0;
    for (const Change& change : report_.changes) folded += change.folded.size();
    if (options_.all || (folded == 0 && report_.background.empty())) return;
    std::string text = "\nnot shown:";
    if (folded > 0) text += fmt::format(" {} effects of programs that are new or gone", folded);
    if (!report_.background.empty()) {
      std::set<std::string> programs;
      for (const Change& change : report_.background) programs.insert(change.fact.subject);
      text += fmt::format("{} {} in the background of {} (libraries, locale, streams)",
                          folded > 0 ? ";" : "", report_.background.size(), names(programs));
    }
    line(text + "; --all shows them");
  }

  static std::string names(const std::set<std::string>& programs) {
    std::string text;
    std::size_t count = 0;
    for (const std::string& program : programs) {
      if (count == 3) return text + fmt::format(" and {} more", programs.size() - count);
      text.append(count++ == 0 ? "" : ", ").append(printable(program));
    }
    return text;
  }

  void background() {
    if (report_.background.empty()) return;
    line(fmt::format("\n{}background, which does not count{}", colour(kBold), colour(kPlain)));
    for (const Change& change : report_.background)
      line(fmt::format("  {} {}  {}", change.added ? '+' : '-', printable(change.fact.text()),
                       printable(change.fact.subject)));
  }

  void comparison() {
    if (!report_.comparison) return;
    const Comparison& comparison = *report_.comparison;
    const std::optional<Level> strongest = comparison.strongest();
    line(fmt::format("\nstrongest level that holds: {} (required: {})",
                     strongest ? level_name(*strongest) : "none", level_name(report_.required)));
    line(differing_lines(comparison) + first_difference(comparison));
    if (report_.before_status != report_.after_status)
      line(fmt::format("the command ends differently: {}, now {}", report_.before_status,
                       report_.after_status));
    std::size_t shown = 0;
    for (const CallDifference& difference : comparison.calls) {
      if (shown++ == 3 && !options_.all) break;
      std::string text = fmt::format("calls of {}:", printable(difference.program));
      for (const std::string& call : difference.added) text += " +" + call;
      for (const std::string& call : difference.gone) text += " -" + call;
      line(options_.width == 0 ? text : shortened(text, std::max(options_.width, kNarrowest)));
    }
  }

  std::string first_difference(const Comparison& comparison) const {
    if (comparison.threads.empty()) return {};
    const ThreadDifference& first = comparison.threads.front();
    const auto place = [&](const std::string& file, std::uint64_t number) {
      const std::string name = printable(options_.width == 0 ? file : program_name(file));
      return number == 0 ? "the end of " + name : fmt::format("{}:{}", name, number);
    };
    return fmt::format(
        "; the first{}: {} and {}", first.thread.empty() ? "" : " of " + first.thread,
        place(report_.before, first.before_first), place(report_.after, first.after_first));
  }

  const Report& report_;
  const ReportOptions& options_;
  std::string& out_;
  std::size_t text_width_ = 0;
  std::size_t program_width_ = 0;
};

}  // namespace

void append_report_text(const Report& report, const ReportOptions& options, std::string& out) {
  TextReport(report, options, out).append();
}

}  // namespace tc::behaviour
