#include "cli/report_output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "behaviour/report_formats.h"
#include "cli/command.h"
#include "output/print.h"

namespace tc::cli {

void ReportOutput::add_to(CLI::App& app) {
  std::string names;
  std::string help = "How to write it:";
  for (const behaviour::ReportFormat& row : behaviour::report_formats()) {
    names.append(names.empty() ? "" : "|").append(row.name);
    help.append(" ").append(row.name).append(" (").append(row.help).append(")");
  }
  app.add_option("--format", format, help)->type_name(names)->check([](const std::string& name) {
    return behaviour::find_report_format(name) != nullptr ? std::string() : "no format " + name;
  });
  app.add_option("--color", colour, "Colour in text")
      ->type_name("auto|always|never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  app.add_flag("--all", all,
               "Show everything: what programs that are new or gone do, what does not count");
  app.add_flag("--evidence", evidence, "Show the record behind each change");
}

int print_report(const behaviour::Report& report, const ReportOutput& output, bool whole) {
  const char* no_colour = std::getenv("NO_COLOR");
  const bool forbidden = no_colour != nullptr && *no_colour != '\0';
  winsize size{};
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  const bool has_size = terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
  const behaviour::ReportOptions options = {
      .colour = output.colour == "always" || (output.colour == "auto" && terminal && !forbidden),
      .width = has_size ? size.ws_col : std::size_t{0},
      .height = has_size && !whole ? size.ws_row : std::size_t{0},
      .all = output.all,
      .evidence = output.evidence};
  std::string text;
  behaviour::find_report_format(output.format)->append(report, options, text);
  const Result<void> printed = output::print(text);
  if (!printed) return fail(kTrouble, printed.error().text());
  return report.same ? kSuccess : kNo;
}

int trouble(const Error& error) {
  if (error.text().find(": error: [") == std::string::npos) return fail(kTrouble, error.text());
  std::fprintf(stderr, "%s\n", error.text().c_str());
  return kTrouble;
}

}  // namespace tc::cli
