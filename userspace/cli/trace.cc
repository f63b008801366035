// tc trace: the typed log of a process tree's system calls.
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "cli/command.h"
#include "cli/evidence_output.h"
#include "cli/quantity.h"
#include "sys/selection.h"
#include "trace/session.h"

namespace tc::cli {
namespace {

constexpr int kBrokenPipe = 128 + SIGPIPE;

constexpr const char* kExamples = R"(Examples:
  tc trace -- ls                                  every call, with its arguments, on standard error
  tc trace -o run.ndjson -- make                  the log to keep and to compare: tc diff, tc baseline
  tc trace --calls %file,%network -- ./install.sh only what touches files and the network
  tc trace --calls '!%memory,!futex' -- firefox   all but these
  tc trace --from main -- ./server                from the program's main on, without the loader
  tc trace --raw --pid 1234                       a running process, with numbers, pids and times
  tc trace --fold --drop variance -o a.ndjson -- redis-server    idle loops told once

Groups for --calls: %file %desc %network %process %memory %signal %ipc %time.
Words for --normalise: pids descriptors data times inodes names ports random entries state, none,
all, and !WORD for all but one. Logs are comparable when they were written with the same words.

Exit status: the command's own; without one 0. 125 when tc fails, 126 and 127 when the command
cannot be executed or found, 2 when the log could not be written.)";

struct Flags {
  trace::TraceOptions options;
  OutputOptions output;
  std::string calls = "all";
  std::string engine = "auto";
  std::string order;
  std::string addresses;
  std::vector<std::string> normalise;
  std::vector<std::string> environment;
  std::vector<std::string> drop;
  std::string data = "32";
  std::string ring;
  std::string backlog;
  bool raw = false;
  bool quiet = false;
};

Result<void> read_size(const std::string& option, const std::string& text, std::size_t limit,
                       std::size_t& into) {
  if (text.empty()) return {};
  const auto size = parse_size(text);
  if (!size || *size > limit)
    return error("{} {}: expected a size like 64K or 16M, at most {} bytes", option, text, limit);
  into = *size;
  return {};
}

Result<void> read_profile(Flags& flags) {
  trace::Profile& profile = flags.options.profile;
  if (flags.raw) profile = trace::Profile::raw();
  for (const std::string& word : flags.normalise) TC_CHECK(profile.apply(word));
  if (!flags.addresses.empty()) TC_CHECK(profile.apply("addresses=" + flags.addresses));
  return {};
}

Result<void> read_flags(Flags& flags, const Arguments& command) {
  trace::TraceOptions& options = flags.options;
  trace::EngineOptions& engine = options.engine;
  engine.command = command;
  if (command.empty() == engine.pids.empty())
    return Error(command.empty() ? "say what to trace: --pid P, or -- COMMAND"
                                 : "either --pid P or -- COMMAND, not both");
  if (flags.calls != "all") {
    TC_TRY(engine.calls, sys::CallSelection::parse(flags.calls));
    options.calls_text = flags.calls;
  }
  TC_CHECK(read_profile(flags));
  constexpr std::size_t kRingLimit = std::size_t{1} << 30U;
  constexpr std::size_t kBacklogLimit = std::size_t{1} << 40U;
  std::size_t data = engine.data_max;
  TC_CHECK(read_size("--data", flags.data, TC_CAPTURE_DATA_MAX, data));
  engine.data_max = static_cast<std::uint32_t>(data);
  TC_CHECK(read_size("--buffer", flags.ring, kRingLimit, engine.ring_bytes));
  TC_CHECK(read_size("--backlog", flags.backlog, kBacklogLimit, engine.backlog_bytes));
  static const std::map<std::string, trace::EngineChoice> kEngines = {
      {"auto", trace::EngineChoice::kAuto},
      {"bpf", trace::EngineChoice::kBpf},
      {"ptrace", trace::EngineChoice::kPtrace}};
  options.choice = kEngines.at(flags.engine);
  options.environment.insert(flags.environment.begin(), flags.environment.end());
  options.drop_variance = !flags.drop.empty();
  options.status_line = !flags.quiet && !flags.output.on_standard_error(!command.empty());
  return {};
}

int status_of(const trace::Outcome& outcome) {
  if (outcome.output_failure) {
    if (outcome.output_failure->code() == EPIPE) return kBrokenPipe;
    return fail(kTrouble, outcome.output_failure->text());
  }
  return outcome.command_status.value_or(kSuccess);
}

int run_trace(Flags& flags, const Arguments& command) {
  if (const Result<void> read = read_flags(flags, command); !read)
    return fail(kOwnFailure, read.error().text() + "\ntc: see tc trace --help");
  Result<std::unique_ptr<output::EvidenceStream>> stream =
      open_output(flags.output, !command.empty());
  if (!stream) return fail(kTrouble, stream.error().text());
  // Who reads along wants to see it as it happens; who compares wants one order.
  const bool by_tree =
      flags.order.empty() ? (*stream)->format().has_frame() : flags.order == "tree";
  flags.options.order = by_tree ? trace::Order::kTree : trace::Order::kTime;

  sigset_t handled;
  sigemptyset(&handled);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&handled, signal);
  sigprocmask(SIG_BLOCK, &handled, nullptr);
  signal(SIGPIPE, SIG_IGN);

  trace::Session session(flags.options, **stream);
  const Result<trace::Outcome> outcome = session.run();
  if (outcome) return status_of(*outcome);
  if (!session.launch_failed()) return fail(kOwnFailure, outcome.error().text());
  return fail(outcome.error().code() == ENOENT ? kNotFound : kNotExecutable,
              outcome.error().text());
}

void add_selection(CLI::App& app, Flags& flags) {
  trace::TraceOptions& options = flags.options;
  app.add_option("-p,--pid", options.engine.pids,
                 "Trace this process, its threads and descendants; repeatable")
      ->type_name("P");
  app.add_option("-e,--calls", flags.calls,
                 "Tell only these calls: names, globs, %groups, !without; separated by commas")
      ->type_name("LIST");
  app.add_option("--from", options.from,
                 "Begin the log where the program reaches this place: main, SYMBOL, MODULE:SYMBOL "
                 "or MODULE+0xOFFSET; repeatable")
      ->type_name("PLACE");
  app.add_option("--until", options.until, "End it there; repeatable")->type_name("PLACE");
  app.add_option("--drop", flags.drop,
                 "Leave out what differs without saying anything: variance (flock, futex, calls "
                 "that a signal interrupted, SIGCHLD)")
      ->type_name("variance")
      ->check(CLI::IsMember({"variance"}));
  app.add_flag(
      "--fold", options.fold,
      "Tell runs of lines that repeat once, and what a wait loop does when idle behind the "
      "rest");
  app.add_option("--data", flags.data, "Keep this much of each buffer (default 32, at most 4096)")
      ->type_name("BYTES");
  app.add_option("--env", flags.environment, "Tell these environment variables of each program")
      ->delimiter(',')
      ->type_name("NAME,…");
}

void add_form(CLI::App& app, Flags& flags) {
  app.add_option("--normalise,--normalize", flags.normalise,
                 "Tell by identity instead of by number: words as below (default all)")
      ->delimiter(',')
      ->type_name("WORD,…");
  app.add_option("--addresses", flags.addresses,
                 "How to tell addresses: by module and offset, numbered as they appear, numbered "
                 "anew in each call, or as they are")
      ->type_name("module|sequential|per-call|raw")
      ->check(CLI::IsMember({"module", "sequential", "per-call", "raw"}));
  app.add_flag("--raw", flags.raw, "Normalise nothing; tell pids and times, too");
  app.add_option("--order", flags.order,
                 "Thread by thread along the process tree (the same on every run; written at the "
                 "end), or as it happened; default tree for ndjson, time for text")
      ->type_name("tree|time")
      ->check(CLI::IsMember({"tree", "time"}));
  flags.output.add_to(app);
}

void add_engine(CLI::App& app, Flags& flags) {
  trace::EngineOptions& engine = flags.options.engine;
  app.add_option("--engine", flags.engine,
                 "Watch with eBPF, which stops nobody and needs CAP_BPF and CAP_PERFMON, or with "
                 "ptrace, which needs neither")
      ->type_name("auto|bpf|ptrace")
      ->check(CLI::IsMember({"auto", "bpf", "ptrace"}));
  app.add_flag("--pin", engine.pin,
               "ptrace: command and tracer on one CPU; much faster stops, but the command sees one "
               "CPU only");
  app.add_flag("--keep-alive", engine.keep_alive,
               "eBPF: what was started survives when tc is killed");
  app.add_option("--buffer", flags.ring, "eBPF: size of the ring buffer (default 64M)")
      ->type_name("SIZE");
  app.add_option("--backlog", flags.backlog,
                 "eBPF: memory for records that wait to be written (default 1G)")
      ->type_name("SIZE");
  app.add_flag("-q,--quiet", flags.quiet, "No status line on standard error");
}

}  // namespace

Subcommand add_trace(CLI::App& app) {
  CLI::App* sub =
      app.add_subcommand("trace", "Log the system calls of a process tree, every argument typed");
  auto flags = std::make_shared<Flags>();
  add_selection(*sub, *flags);
  add_form(*sub, *flags);
  add_engine(*sub, *flags);
  set_usage(*sub,
            "Usage: tc trace [OPTIONS] -- COMMAND [ARGUMENT…]\n       tc trace [OPTIONS] --pid P");
  sub->footer(kExamples);
  return {.app = sub,
          .run = [flags](const Arguments& command) { return run_trace(*flags, command); },
          .takes_command = true,
          .usage_status = kOwnFailure};
}

}  // namespace tc::cli
