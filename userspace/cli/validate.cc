// tc validate: is this evidence canonical, whole and untampered?
#include <cstdio>

#include "base/input.h"
#include "cli/command.h"
#include "json/validator.h"
#include "output/print.h"

namespace tc::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  tc validate evidence.ndjson
  tc observe --pid 1234 --duration 5s | tc validate -

Findings read FILE:LINE:COLUMN: error: [id] text. A bad record does not hide those after it.
Exit status: 0 all valid, 1 something is not, 2 a file could not be read.)";

struct Flags {
  std::vector<std::string> files;
  bool quiet = false;
};

int validate_file(const std::string& file, bool quiet) {
  const std::string name = file == "-" ? "standard input" : file;
  json::StreamValidator validator([&](const json::Finding& finding) {
    std::fprintf(stderr, "%s:%llu:%llu: error: [%s] %s\n", name.c_str(),
                 static_cast<unsigned long long>(finding.line),
                 static_cast<unsigned long long>(finding.column), finding.id.c_str(),
                 finding.text.c_str());
  });
  const Result<void> read =
      base::for_each_piece(file, [&](std::string_view piece) { validator.feed(piece); });
  // A file that could not be opened at all has nothing to be judged.
  if (!read && read.error().code() != 0) return fail(kTrouble, read.error().text());
  const json::Summary summary = validator.finish();
  if (!read) return fail(kNo, read.error().text());
  if (summary.findings > 0) return kNo;
  if (quiet) return kSuccess;
  const Result<void> printed = output::print(
      fmt::format("{}: valid, {} records, {} lost\n", name, summary.records, summary.lost));
  return printed ? kSuccess : kTrouble;
}

}  // namespace

Subcommand add_validate(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("validate", "Check that evidence is canonical and whole");
  auto flags = std::make_shared<Flags>();
  sub->add_option("FILE", flags->files, "Evidence, plain or .zst; - is standard input")
      ->required()
      ->type_name("");
  sub->add_flag("-q,--quiet", flags->quiet, "Say nothing of valid files");
  set_usage(*sub, "Usage: tc validate [OPTIONS] FILE…");
  sub->footer(kExamples);
  return {.app = sub, .run = [flags](const Arguments&) {
            int status = kSuccess;
            for (const std::string& file : flags->files)
              status = std::max(status, validate_file(file, flags->quiet));
            return status;
          }};
}

}  // namespace tc::cli
