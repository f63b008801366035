// tc observe: eBPF evidence from running processes, or from a command.
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "cli/command.h"
#include "cli/evidence_output.h"
#include "cli/quantity.h"
#include "event/names.h"
#include "event/wire.h"
#include "observe/session.h"

namespace tc::cli {
namespace {

constexpr std::uint32_t kDefaultPlaintext = 4096;
constexpr std::uint32_t kDefaultStackDepth = 32;
constexpr int kBrokenPipe = 128 + SIGPIPE;

constexpr const char* kExamples = R"(Examples:
  tc observe -- curl -s https://localhost/        what a command does, from its first instruction
  tc observe --pid 1234 --duration 10s            a running process and its descendants
  tc observe --pid 1234 --events file_access      only the files it opens
  tc observe --all -o day.ndjson.zst              everything on this host, compressed
  tc observe --container 4f1d --stats             a container, with costs and losses at the end
  tc observe --pid 1234 --symbol 'libz.so*:deflate*'   was this function ever called, and by whom
  tc observe --pid 1234 --events ssl_op --ssl-data     what it says over TLS

Exit status: the command's own; without one 0. 125 when tc fails, 126 and 127 when the command
cannot be executed or found, 2 when evidence could not be written.)";

struct Flags {
  observe::ObserveOptions options;
  OutputOptions output;
  std::vector<std::string> events;
  std::vector<std::string> symbols;
  std::string duration;
  std::string ring;
  std::string backlog;
  std::string hook = "auto";
  std::string ssl_data;
  std::string stacks;
  bool quiet = false;
  CLI::Option* ssl_data_option = nullptr;
  CLI::Option* stacks_option = nullptr;
};

std::string event_names() {
  std::string names;
  for (const event::NamedValue& row : event::names_of(tc_event_type{}))
    if (event::is_evidence(static_cast<std::uint32_t>(row.value)) && row.value != TC_EVENT_lost)
      names.append(names.empty() ? "" : ", ").append(row.name);
  return names;
}

Result<void> read_events(Flags& flags) {
  for (const event::NamedValue& row : event::names_of(tc_event_type{})) {
    const auto type = static_cast<std::uint32_t>(row.value);
    const bool wanted = type != TC_EVENT_symbol_call || !flags.symbols.empty();
    if (flags.events.empty() && event::is_evidence(type) && wanted)
      flags.options.events.insert(type);
  }
  for (const std::string& name : flags.events) {
    const auto type = event::value_of(event::names_of(tc_event_type{}), name);
    if (!type || !event::is_evidence(static_cast<std::uint32_t>(*type)))
      return error("--events {}: no such event; there are {}", name, event_names());
    flags.options.events.insert(static_cast<std::uint32_t>(*type));
  }
  // Who names functions wants to see them called.
  if (!flags.symbols.empty()) flags.options.events.insert(TC_EVENT_symbol_call);
  if (flags.symbols.empty() && flags.options.events.contains(TC_EVENT_symbol_call))
    return error("--events symbol_call: name the functions with --symbol MODULE:GLOB");
  return {};
}

Result<void> read_symbols(Flags& flags) {
  for (const std::string& text : flags.symbols) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == text.size())
      return error("--symbol {}: expected MODULE:GLOB, like 'libz.so*:deflate*'", text);
    flags.options.symbols.push_back({text.substr(0, colon), text.substr(colon + 1)});
  }
  return {};
}

Result<void> read_size(const std::string& option, const std::string& text, std::size_t& into) {
  if (text.empty()) return {};
  const auto size = parse_size(text);
  if (!size || *size == 0) return error("{} {}: expected a size like 64K or 16M", option, text);
  into = *size;
  return {};
}

Result<void> read_flags(Flags& flags, const Arguments& command) {
  observe::ObserveOptions& options = flags.options;
  options.command = command;
  if (options.pids.empty() && options.cgroup.empty() && options.container.empty() && !options.all &&
      command.empty())
    return error(
        "say what to observe: --pid P, --cgroup DIR, --container ID, --all, or -- COMMAND");
  TC_CHECK(read_symbols(flags));
  TC_CHECK(read_events(flags));
  TC_CHECK(read_size("--buffer", flags.ring, options.ring_bytes));
  TC_CHECK(read_size("--backlog", flags.backlog, options.backlog_bytes));
  if (options.ring_bytes > std::size_t{1} << 30U)
    return error("--buffer {}: the kernel takes at most 1G", flags.ring);
  if (!flags.duration.empty()) {
    options.duration = parse_duration(flags.duration);
    if (!options.duration)
      return error("--duration {}: expected a time like 500ms, 10s or 2m", flags.duration);
  }
  if (flags.ssl_data_option->count() > 0) {
    std::size_t bytes = kDefaultPlaintext;
    TC_CHECK(read_size("--ssl-data", flags.ssl_data, bytes));
    if (bytes > probe::kSslDataMax)
      return error("--ssl-data {}: a record holds at most {} bytes of a call", flags.ssl_data,
                   probe::kSslDataMax);
    options.ssl_data = static_cast<std::uint32_t>(bytes);
  }
  if (flags.stacks_option->count() > 0) {
    std::size_t depth = kDefaultStackDepth;
    TC_CHECK(read_size("--stacks", flags.stacks, depth));
    options.stack_depth = static_cast<std::uint32_t>(std::min<std::size_t>(depth, 127));
  }
  static const std::map<std::string, probe::SyscallHook> kHooks = {
      {"auto", probe::SyscallHook::kAuto},
      {"tracepoint", probe::SyscallHook::kTracepoint},
      {"raw", probe::SyscallHook::kRaw}};
  options.hook = kHooks.at(flags.hook);
  const bool beside = !command.empty();
  options.status_line = !flags.quiet && !flags.output.on_standard_error(beside);
  return {};
}

int status_of(const observe::Outcome& outcome) {
  if (outcome.output_failure) {
    // Whoever read along has gone away: as quiet as any filter that SIGPIPE ends.
    if (outcome.output_failure->code() == EPIPE) return kBrokenPipe;
    return fail(kTrouble, outcome.output_failure->text());
  }
  return outcome.command_status.value_or(kSuccess);
}

int run_observe(Flags& flags, const Arguments& command) {
  if (const Result<void> read = read_flags(flags, command); !read)
    return fail(kOwnFailure, read.error().text() + "\ntc: see tc observe --help");
  Result<std::unique_ptr<output::EvidenceStream>> stream =
      open_output(flags.output, !command.empty());
  if (!stream) return fail(kTrouble, stream.error().text());

  sigset_t handled;
  sigemptyset(&handled);
  sigaddset(&handled, SIGINT);
  sigaddset(&handled, SIGTERM);
  sigprocmask(SIG_BLOCK, &handled, nullptr);
  signal(SIGPIPE, SIG_IGN);

  observe::Session session(flags.options, **stream);
  const Result<observe::Outcome> outcome = session.run();
  if (outcome) return status_of(*outcome);
  if (!session.launch_failed()) return fail(kOwnFailure, outcome.error().text());
  return fail(outcome.error().code() == ENOENT ? kNotFound : kNotExecutable,
              outcome.error().text());
}

void add_options(CLI::App& app, Flags& flags) {
  observe::ObserveOptions& options = flags.options;
  app.add_option("-p,--pid", options.pids, "Observe this process and its descendants; repeatable")
      ->type_name("P");
  app.add_option("--cgroup", options.cgroup, "Observe the processes of this cgroup and below it")
      ->type_name("DIR");
  app.add_option("--container", options.container,
                 "Observe a container by its id or the beginning of one")
      ->type_name("ID");
  app.add_flag("-a,--all", options.all, "Observe every process but tc itself");
  app.add_option("-e,--events", flags.events,
                 "Write only these events: " + event_names() + " (default: all)")
      ->delimiter(',')
      ->type_name("NAME,…");
  app.add_option("-s,--symbol", flags.symbols,
                 "Tell each call of the functions that match GLOB in files whose name (or path, "
                 "with a /) matches MODULE; repeatable")
      ->type_name("MODULE:GLOB");
  flags.ssl_data_option =
      app.add_option(
             "--ssl-data", flags.ssl_data,
             "Keep the plaintext of TLS calls, up to BYTES of each (default 4096, at most 32768)")
          ->expected(0, 1)
          ->type_name("BYTES");
  flags.stacks_option = app.add_option("--stacks", flags.stacks,
                                       "Tell the call stack of ssl_op and symbol_call, up to DEPTH "
                                       "frames (default 32), as far as frame pointers carry")
                            ->expected(0, 1)
                            ->type_name("DEPTH");
  app.add_option("-d,--duration", flags.duration,
                 "End observing after this time: 500ms, 10s, 2m; a command runs on to its end")
      ->type_name("TIME");
  flags.output.add_to(app);
  app.add_flag("--stats", options.stats,
               "Tell on standard error what was seen, what was lost and what it cost");
  app.add_flag("-q,--quiet", flags.quiet, "No status line on standard error");
  app.add_option("--buffer", flags.ring, "Size of the kernel's ring buffer (default 16M)")
      ->type_name("SIZE");
  app.add_option("--backlog", flags.backlog,
                 "Memory for records that wait to be written (default 512M)")
      ->type_name("SIZE");
  app.add_option("--syscall-hook", flags.hook,
                 "See system calls by one tracepoint each, which slows other processes least, or "
                 "by the raw one, which needs no tracefs")
      ->type_name("auto|tracepoint|raw")
      ->check(CLI::IsMember({"auto", "tracepoint", "raw"}));
  app.add_option("--btf", options.btf, "Type information of the running kernel, where it has none")
      ->type_name("FILE");
}

}  // namespace

Subcommand add_observe(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("observe", "Watch running processes, or a command, with eBPF");
  auto flags = std::make_shared<Flags>();
  add_options(*sub, *flags);
  set_usage(*sub, "Usage: tc observe [OPTIONS] [-- COMMAND [ARGUMENT…]]");
  sub->footer(kExamples);
  return {.app = sub,
          .run = [flags](const Arguments& command) { return run_observe(*flags, command); },
          .takes_command = true,
          .usage_status = kOwnFailure};
}

}  // namespace tc::cli
