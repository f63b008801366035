// tc doctor: what this host can do, what is missing, and what mends it.
#include <unistd.h>

#include "cli/command.h"
#include "output/print.h"
#include "probe/features.h"

namespace tc::cli {
namespace {

constexpr const char* kExamples = R"(Examples:
  tc doctor            as this user
  sudo tc doctor       as root

Each line is an attempt made now, not a guess from the kernel's version.
Exit status: 0 when tc observe can work here, 1 when something it needs is missing.)";

const char* word_for(probe::Verdict verdict) {
  switch (verdict) {
    case probe::Verdict::kOk:
      return "ok";
    case probe::Verdict::kWeak:
      return "weak";
    case probe::Verdict::kMissing:
      return "MISSING";
  }
  return "?";
}

int run_doctor() {
  std::string text;
  int status = kSuccess;
  for (const probe::Feature& feature : probe::host_features()) {
    text +=
        fmt::format("{:<8} {:<20} {}\n", word_for(feature.verdict), feature.name, feature.detail);
    if (!feature.remedy.empty())
      text += fmt::format("{:<8} {:<20} mend: {}\n", "", "", feature.remedy);
    if (feature.verdict == probe::Verdict::kMissing) status = kNo;
  }
  text += status == kSuccess ? "tc observe can work here.\n"
                             : "tc observe cannot work here until what is MISSING is mended.\n";
  return output::print(text) ? status : kTrouble;
}

}  // namespace

Subcommand add_doctor(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("doctor", "Tell what this host can do for tc");
  set_usage(*sub, "Usage: tc doctor");
  sub->footer(kExamples);
  return {.app = sub, .run = [](const Arguments&) { return run_doctor(); }};
}

}  // namespace tc::cli
