// tc diff: what changed between two behaviour logs, in terms of what they do to the world.
#include <algorithm>
#include <csignal>

#include "behaviour/behaviour.h"
#include "behaviour/report.h"
#include "cli/command.h"
#include "cli/report_output.h"

namespace tc::cli {
namespace {

constexpr const char* kFooter =
    R"(Levels, from the strictest on; the strongest that holds is reported:
  bytes       the logs are the same file
  sequences   each thread does the same in the same order
  folded      the same but for repetitions, retries and contention
  events      the same as often, in any order, by any thread of a program
  effects     the same effects: files, programs, addresses, privileges, … (the default)
  calls       each program uses the same system calls
  status      it ends alike
What the C library reads for itself (loader, locale, host names) and what is written to standard
output and error does not count as an effect; --all shows it.

Examples:
  tc trace -o monday.ndjson -- make test
  tc trace -o today.ndjson -- make test
  tc diff monday.ndjson today.ndjson               what does it do that it did not do?
  tc diff --level sequences a.ndjson b.ndjson      is it deterministic?
  tc diff --format sarif a.ndjson b.ndjson >diff.sarif

Exit status: 0 the same at the level required, 1 not, 2 trouble: a log that cannot be read, that
was cut or that lost records, or two that cannot be compared.)";

struct Flags {
  std::string before;
  std::string after;
  std::string level = "effects";
  bool allow_loss = false;
  ReportOutput output;
};

int run_diff(const Flags& flags) {
  std::signal(SIGPIPE, SIG_IGN);
  if (flags.before == "-" && flags.after == "-")
    return fail(kTrouble, "only one of the two logs can come from standard input");
  const behaviour::Loss loss =
      flags.allow_loss ? behaviour::Loss::kAllow : behaviour::Loss::kRefuse;
  const Result<behaviour::Behaviour> before = behaviour::read_behaviour(flags.before, loss);
  if (!before) return trouble(before.error());
  const Result<behaviour::Behaviour> after = behaviour::read_behaviour(flags.after, loss);
  if (!after) return trouble(after.error());
  const Result<void> comparable =
      behaviour::check_comparable(before->log.header, before->name, after->log.header, after->name);
  if (!comparable) return trouble(comparable.error());
  const behaviour::Level level =
      behaviour::find_level(flags.level).value_or(behaviour::Level::kEffects);
  return print_report(behaviour::report_difference(*before, *after, level), flags.output, false);
}

}  // namespace

Subcommand add_diff(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("diff", "Tell what changed between two behaviour logs");
  auto flags = std::make_shared<Flags>();
  sub->add_option("A", flags->before, "The log of yesterday, plain or .zst; - is standard input")
      ->required()
      ->type_name("");
  sub->add_option("B", flags->after, "The log of today")->required()->type_name("");
  sub->add_option("--level", flags->level, "What has to be the same for exit status 0")
      ->type_name("LEVEL")
      ->check([](const std::string& name) {
        return behaviour::find_level(name)
                   ? std::string()
                   : "no level " + name +
                         "; there are bytes sequences folded events effects calls status";
      });
  sub->add_flag("--allow-loss", flags->allow_loss, "Compare logs that lost records, too");
  flags->output.add_to(*sub);
  set_usage(*sub, "Usage: tc diff [OPTIONS] A B");
  sub->footer(kFooter);
  return {.app = sub, .run = [flags](const Arguments&) { return run_diff(*flags); }};
}

}  // namespace tc::cli
