// tc baseline: pins what a program does, and guards it.
#include "behaviour/baseline.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "base/file.h"
#include "behaviour/report_formats.h"
#include "behaviour/review.h"
#include "cli/command.h"
#include "cli/report_output.h"
#include "cli/trace_run.h"
#include "output/print.h"

namespace tc::cli {
namespace {

constexpr const char* kFooter =
    R"(A baseline is a small file of effects, one a line: files, programs,
addresses, privileges… Keep it beside the sources and let people review how it changes.

Examples:
  tc baseline record install.baseline -- sh postinst.sh   run it 3 times, learn what it does
  tc baseline check install.baseline                      run it again: does it only do that?
  tc baseline review install.baseline                     go through what is new, one by one
  tc baseline accept install.baseline 'exec /usr/bin/id'  let one new effect be
  tc baseline check install.baseline --log run.ndjson     check a log that is there already

tc baseline COMMAND --help tells more.)";

constexpr const char* kRecordFooter =
    R"(What all runs do has to be there in every check; what only some
do may be. With CMD, each run is traced and what it writes to standard output goes to standard error.

Examples:
  tc baseline record git.baseline -- git status
  tc baseline record -n 10 server.baseline -- ./server --selftest
  tc baseline record server.baseline --log monday.ndjson --log tuesday.ndjson

Exit status: 0, or 2 when there is no baseline.)";

constexpr const char* kCheckFooter =
    R"(Without CMD and --log, the command that the baseline was recorded
from is run. A program that is new is told by its exec; what it reads and writes is counted, and whom
it talks to told. What would have to be accepted is written to FILE.new, but never in CI (the
variable CI is set), and FILE itself is never touched.

Examples:
  tc baseline check install.baseline
  tc baseline check --evidence install.baseline -- sh postinst.sh
  tc baseline check --format markdown install.baseline --log run.ndjson

Exit status: 0 nothing new and nothing missing, 1 there is, 2 trouble.)";

constexpr const char* kReviewFooter =
    R"(Goes through FILE.new, which a check has left. Accepted changes are
written to FILE at the end; skipped ones stay in FILE.new.

Exit status: 0, or 2 when there is nothing to review, no terminal, or CI is set.)";

constexpr const char* kAcceptFooter =
    R"(Takes over what a check has left in FILE.new: all of it, or the
effects named by text ('connect inet 192.0.2.1:80 tcp'), object ('/usr/bin/id') or id.

Exit status: 0, or 2 when there is nothing to accept, a name fits nothing, or CI is set.)";

struct Flags {
  std::string file;
  std::vector<std::string> logs;
  std::vector<std::string> names;
  std::size_t record_runs = 3;
  std::size_t check_runs = 1;
  std::string engine;
  std::string keep_logs;
  std::string write_new = "auto";
  bool calls = false;
  bool force = false;
  bool allow_loss = false;
  ReportOutput output;
};

bool in_ci() {
  const char* value = std::getenv("CI");
  return value != nullptr && *value != '\0';
}

bool exists(const std::string& path) {
  std::error_code none;
  return std::filesystem::exists(path, none);
}

std::string proposal_of(const std::string& file) { return file + ".new"; }

// Whole or not at all: what stands under the name is never half a file.
Result<void> write_whole(const std::string& path, const std::string& text) {
  const std::string unfinished = fmt::format("{}.{}.tmp", path, getpid());
  const auto write = [&]() -> Result<void> {
    TC_TRY(const UniqueFd file, base::open_file(unfinished, O_WRONLY | O_CREAT | O_EXCL));
    TC_CHECK(base::write_all(file.get(), text, path));
    if (fsync(file.get()) != 0) return system_error(errno, "write " + path);
    if (rename(unfinished.c_str(), path.c_str()) != 0)
      return system_error(errno, "rename " + unfinished + " to " + path);
    return {};
  };
  Result<void> written = write();
  if (!written) unlink(unfinished.c_str());
  return written;
}

// The behaviour of each log, or of each of `count` runs of the command.
Result<std::vector<behaviour::Behaviour>> behaviours(const Flags& flags, const Arguments& command,
                                                     std::vector<std::string> options,
                                                     std::size_t count) {
  const behaviour::Loss loss =
      flags.allow_loss ? behaviour::Loss::kAllow : behaviour::Loss::kRefuse;
  std::vector<behaviour::Behaviour> runs;
  for (const std::string& log : flags.logs) {
    TC_TRY(behaviour::Behaviour run, behaviour::read_behaviour(log, loss));
    runs.push_back(std::move(run));
  }
  if (!flags.logs.empty()) return runs;
  TC_TRY(const ScratchLogs scratch, ScratchLogs::make());
  if (!flags.keep_logs.empty()) {
    std::error_code failure;
    std::filesystem::create_directories(flags.keep_logs, failure);
    if (failure) return system_error(failure.value(), "make directory " + flags.keep_logs);
  }
  if (!flags.engine.empty()) options.insert(options.end(), {"--engine", flags.engine});
  for (std::size_t number = 1; number <= count; ++number) {
    const bool keep = !flags.keep_logs.empty();
    const std::string log =
        fmt::format("{}/run-{}.ndjson", keep ? flags.keep_logs : scratch.path(), number);
    TC_TRY(const int status, trace_to_log(command, options, log));
    const bool odd = status == kNotExecutable || status == kNotFound;
    if (odd && !exists(log)) return error("{} could not be executed", command.front());
    TC_TRY(behaviour::Behaviour run, behaviour::read_behaviour(log, loss));
    if (odd && run.log.records == 0) return error("{} could not be executed", command.front());
    // The name of a file that is gone soon helps nobody.
    if (!keep) run.name = fmt::format("run {}", number);
    runs.push_back(std::move(run));
  }
  return runs;
}

// The options of tc trace that give a log which can be compared.
std::vector<std::string> options_of(const behaviour::LogHeader& header) {
  std::vector<std::string> options;
  if (!header.calls.empty() && header.calls != "all")
    options.insert(options.end(), {"--calls", header.calls});
  if (header.profile.empty()) return options;
  std::string words = "none," + header.profile;
  std::replace(words.begin(), words.end(), ' ', ',');
  options.insert(options.end(), {"--normalise", words});
  return options;
}

int run_record(const Flags& flags, const Arguments& command) {
  if (command.empty() == flags.logs.empty()) {
    return fail(kTrouble,
                "tc baseline record takes either a command behind -- or logs with --log"
                "\ntc: see tc baseline record --help");
  }
  if (exists(flags.file) && (in_ci() || !flags.force)) {
    return fail(kTrouble, fmt::format("{} exists; tc baseline check compares with it{}", flags.file,
                                      in_ci() ? ", and in CI nothing is overwritten"
                                              : ", --force records it anew"));
  }
  const auto runs = behaviours(flags, command, {}, flags.record_runs);
  if (!runs) return trouble(runs.error());
  const Result<behaviour::Baseline> baseline = behaviour::learn(*runs, flags.calls);
  if (!baseline) return trouble(baseline.error());
  const Result<void> written = write_whole(flags.file, behaviour::write_baseline(*baseline));
  if (!written) return trouble(written.error());
  std::size_t sometimes = 0;
  for (const auto& [fact, sight] : baseline->facts) sometimes += sight.always ? 0U : 1U;
  const std::string hint =
      runs->size() == 1 ? "; one run cannot tell what is only sometimes there" : "";
  const Result<void> printed = output::print(fmt::format(
      "{}: {} effects from {} run{}, {} of them sometimes{}\n", flags.file, baseline->facts.size(),
      runs->size(), runs->size() == 1 ? "" : "s", sometimes, hint));
  return printed ? kSuccess : kTrouble;
}

bool may_propose(const Flags& flags) { return !in_ci() && flags.write_new != "no"; }

int run_check(const Flags& flags, const Arguments& command) {
  if (!command.empty() && !flags.logs.empty())
    return fail(kTrouble, "tc baseline check takes either a command behind -- or logs with --log");
  const Result<behaviour::Baseline> baseline = behaviour::read_baseline(flags.file);
  if (!baseline) return trouble(baseline.error());
  const Arguments& wanted = command.empty() ? baseline->header.command : command;
  if (flags.logs.empty() && wanted.empty()) {
    return fail(kTrouble, flags.file + " does not tell which command it is of; give it behind --");
  }
  const auto runs = behaviours(flags, wanted, options_of(baseline->header), flags.check_runs);
  if (!runs) return trouble(runs.error());
  Result<behaviour::Check> check = behaviour::check_runs(*baseline, flags.file, *runs);
  if (!check) return trouble(check.error());
  const std::string proposal = proposal_of(flags.file);
  if (!check->report.same && may_propose(flags)) {
    const Result<void> written = write_whole(proposal, behaviour::write_baseline(check->updated));
    if (!written) return trouble(written.error());
    check->report.notes.push_back(fmt::format(
        "to let it be so: tc baseline accept {0}; one by one: tc baseline review {0}", flags.file));
  }
  // What an earlier check proposed is settled.
  if (check->report.same && may_propose(flags)) unlink(proposal.c_str());
  return print_report(check->report, flags.output, true);
}

struct Pending {
  behaviour::Baseline baseline;
  behaviour::Baseline proposed;
  std::vector<behaviour::Change> changes;
};

Result<Pending> read_pending(const std::string& file) {
  if (in_ci())
    return error("CI is set, and in CI nothing is accepted; do it where the sources are edited");
  TC_TRY(behaviour::Baseline baseline, behaviour::read_baseline(file));
  const std::string proposal = proposal_of(file);
  if (!exists(proposal))
    return error("{}: there is nothing to accept; tc baseline check {} makes it", proposal, file);
  TC_TRY(behaviour::Baseline proposed, behaviour::read_baseline(proposal));
  TC_CHECK(behaviour::check_comparable(baseline.header, file, proposed.header, proposal));
  std::vector<behaviour::Change> changes = behaviour::changes_between(baseline, proposed);
  return Pending{std::move(baseline), std::move(proposed), std::move(changes)};
}

// Writes the baseline, and of the proposal what is still open.
Result<void> settle(const std::string& file, const Pending& pending) {
  TC_CHECK(write_whole(file, behaviour::write_baseline(pending.baseline)));
  const std::string proposal = proposal_of(file);
  if (!behaviour::changes_between(pending.baseline, pending.proposed).empty())
    return write_whole(proposal, behaviour::write_baseline(pending.proposed));
  if (unlink(proposal.c_str()) != 0) return system_error(errno, "remove " + proposal);
  return {};
}

int run_accept(const Flags& flags, const Arguments& command) {
  if (!command.empty())
    return fail(kTrouble, "tc baseline accept runs no command; tc baseline check does");
  Result<Pending> pending = read_pending(flags.file);
  if (!pending) return trouble(pending.error());
  std::vector<behaviour::Change> chosen;
  for (const std::string& name : flags.names) {
    const std::size_t before = chosen.size();
    for (const behaviour::Change& change : pending->changes)
      if (behaviour::is_named(change, name)) chosen.push_back(change);
    if (chosen.size() > before) continue;
    std::string there;
    for (const behaviour::Change& change : pending->changes)
      there += "\n  " + behaviour::printable(change.fact.text());
    return fail(kTrouble, fmt::format("{} has no change \"{}\"; it has:{}", proposal_of(flags.file),
                                      name, there));
  }
  if (flags.names.empty()) chosen = pending->changes;
  std::string told;
  for (const behaviour::Change& change : chosen) {
    behaviour::apply_change(change, pending->proposed, pending->baseline);
    told += "accepted " + behaviour::change_text(change) + "\n";
  }
  const Result<void> settled = settle(flags.file, *pending);
  if (!settled) return trouble(settled.error());
  return output::print(told) ? kSuccess : kTrouble;
}

int run_review(const Flags& flags, const Arguments& command) {
  if (!command.empty())
    return fail(kTrouble, "tc baseline review runs no command; tc baseline check does");
  if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1) {
    return fail(kTrouble, fmt::format("review needs a terminal; without one, "
                                      "tc baseline accept {} NAME… takes what is named",
                                      flags.file));
  }
  Result<Pending> pending = read_pending(flags.file);
  if (!pending) return trouble(pending.error());
  bool heard = true;
  const behaviour::ReviewTalk talk = {
      .say = [&](const std::string& text) { heard = output::print(text).ok() && heard; },
      .listen = [&]() -> std::optional<std::string> {
        std::string line;
        if (!heard || !std::getline(std::cin, line)) return std::nullopt;
        return line;
      }};
  const behaviour::ReviewOutcome outcome =
      behaviour::review(pending->baseline, pending->proposed, talk);
  if (outcome.accepted + outcome.rejected > 0) {
    const Result<void> settled = settle(flags.file, *pending);
    if (!settled) return trouble(settled.error());
  }
  talk.say(fmt::format("\n{} accepted, {} rejected, {} left\n", outcome.accepted, outcome.rejected,
                       outcome.left));
  return heard ? kSuccess : kTrouble;
}

using Act = int (*)(const Flags& flags, const Arguments& command);

struct Part {
  CLI::App* app;
  Act act;
};

CLI::App* add_part(CLI::App& app, Flags& flags, const char* name, const char* help,
                   const char* usage, const char* footer) {
  CLI::App* part = app.add_subcommand(name, help);
  part->add_option("FILE", flags.file, "The baseline")->required()->type_name("");
  set_usage(*part, usage);
  part->footer(footer);
  return part;
}

void add_run_options(CLI::App& part, Flags& flags) {
  part.add_option("--log", flags.logs,
                  "Take this log instead of running a command; may be repeated")
      ->type_name("LOG")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  part.add_option("--engine", flags.engine, "How to trace: see tc trace --help")->type_name("NAME");
  part.add_option("--keep-logs", flags.keep_logs, "Keep the logs of the runs in DIR")
      ->type_name("DIR");
  part.add_flag("--allow-loss", flags.allow_loss, "Take logs that lost records, too");
}

}  // namespace

Subcommand add_baseline(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("baseline", "Pin what a program does, and guard it");
  auto flags = std::make_shared<Flags>();
  sub->require_subcommand(1);
  set_usage(*sub, "Usage: tc baseline record|check|review|accept [OPTIONS] FILE [-- CMD…]");
  sub->footer(kFooter);
  const auto positive = CLI::Range(std::size_t{1}, std::size_t{1000});

  CLI::App* record =
      add_part(*sub, *flags, "record", "Run a command several times and learn what it does",
               "Usage: tc baseline record [OPTIONS] FILE -- CMD…", kRecordFooter);
  record->add_option("-n,--runs", flags->record_runs, "How many runs; default 3")
      ->type_name("N")
      ->check(positive);
  record->add_flag("--calls", flags->calls, "Pin the names of the system calls, too");
  record->add_flag("--force", flags->force, "Replace FILE if it exists");
  add_run_options(*record, *flags);

  CLI::App* check = add_part(*sub, *flags, "check", "Run it again: fail on what is new or missing",
                             "Usage: tc baseline check [OPTIONS] FILE [-- CMD…]", kCheckFooter);
  check->add_option("-n,--runs", flags->check_runs, "How many runs; default 1")
      ->type_name("N")
      ->check(positive);
  check->add_option("--write-new", flags->write_new, "Write FILE.new when there are changes")
      ->type_name("auto|no")
      ->check(CLI::IsMember({"auto", "no"}));
  add_run_options(*check, *flags);
  flags->output.add_to(*check);

  CLI::App* review = add_part(*sub, *flags, "review", "Go through FILE.new change by change",
                              "Usage: tc baseline review FILE", kReviewFooter);
  CLI::App* accept = add_part(*sub, *flags, "accept", "Take over FILE.new, or parts of it",
                              "Usage: tc baseline accept FILE [EFFECT…]", kAcceptFooter);
  accept->add_option("EFFECT", flags->names, "Only these changes")->type_name("");

  const std::vector<Part> parts = {
      {record, run_record}, {check, run_check}, {review, run_review}, {accept, run_accept}};
  return {.app = sub,
          .run =
              [flags, parts](const Arguments& command) {
                std::signal(SIGPIPE, SIG_IGN);
                for (const Part& part : parts)
                  if (part.app->parsed()) return part.act(*flags, command);
                return kTrouble;
              },
          .takes_command = true};
}

}  // namespace tc::cli
