#include "cli/evidence_output.h"

#include <cstdlib>

#include "output/formats.h"

namespace tc::cli {

void OutputOptions::add_to(CLI::App& app) {
  app.add_option("-o,--output", path,
                 "Write evidence to FILE, compressed when it ends in .zst; - is standard output")
      ->type_name("FILE");
  std::string names;
  std::string help = "How to write it:";
  for (const output::FormatRow& row : output::formats()) {
    names.append(names.empty() ? "" : "|").append(row.name);
    help.append(" ").append(row.name).append(" (").append(row.help).append(")");
  }
  app.add_option("--format", format, help + "; default text on a terminal, else ndjson")
      ->type_name(names)
      ->check([](const std::string& name) {
        return output::find_format(name) != nullptr ? std::string() : "no format " + name;
      });
  app.add_option("--color", colour, "Colour in text on standard error")
      ->type_name("auto|always|never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

Result<std::unique_ptr<output::EvidenceStream>> open_output(const OutputOptions& options,
                                                            bool beside_command) {
  const bool standard_error = options.on_standard_error(beside_command);
  Result<output::Destination> destination =
      standard_error ? Result<output::Destination>(output::Destination::standard_error())
                     : output::Destination::open(options.path.empty() ? "-" : options.path);
  if (!destination) return destination.error();
  const bool terminal = destination->is_terminal();
  const char* no_colour = std::getenv("NO_COLOR");
  const bool forbidden = no_colour != nullptr && *no_colour != '\0';
  output::FormatOptions wanted;
  wanted.colour = options.colour == "always" ||
                  (options.colour == "auto" && standard_error && terminal && !forbidden);
  const std::string name = !options.format.empty() ? options.format : terminal ? "text" : "ndjson";
  const output::FormatRow* row = output::find_format(name);
  TC_ASSERT(row != nullptr);
  return std::make_unique<output::EvidenceStream>(std::move(destination).value(),
                                                  row->make(wanted));
}

}  // namespace tc::cli
