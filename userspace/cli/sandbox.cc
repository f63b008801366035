// tc sandbox: a process tree as a pure function of its inputs.
#include <fcntl.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "base/number.h"
#include "cli/command.h"
#include "cli/instant.h"
#include "cli/quantity.h"
#include "sandbox/namespaces.h"
#include "sandbox/run.h"
#include "sandbox/verify.h"

namespace tc::cli {
namespace {

constexpr unsigned kRunsByDefault = 3;
constexpr unsigned kRunsAtMost = 1000;

constexpr const char* kSandboxExamples = R"(Examples:
  tc sandbox -- date                        always the same: 2025 has just begun
  tc sandbox -- sh -c 'sleep 3600; date'    an hour later, at once
  tc sandbox --seed 7 -- python3 test.py    another draw of everything random
  tc sandbox --verify -- make               is it the same, three times under changed conditions?
  tc sandbox --verify=20 -- ./test          … twenty times
  tc sandbox --discard -- ./install.sh      what it writes is dropped, the host untouched
  tc sandbox --overlay out -- ./install.sh  … is kept in out/files
  tc sandbox --root rootfs -- /bin/sh       in another root file system
  tc sandbox --log run.ndjson -- ./test     with every system call; tc diff compares two

Times for --epoch: @SECONDS since 1970, 2025-01-01, 2025-01-01T12:00:00Z (RFC 3339), or now.
Without it the environment variable SOURCE_DATE_EPOCH is taken, else 2025-01-01T00:00:00Z.

What cannot be promised is told on standard error at the end, a line each: "tc: not promised: …".
With --strict it is an error.

Exit status: the command's own. 123 when it is deadlocked, 124 after --timeout, 125 when tc fails
or --strict has a reason to, 126 and 127 when the command cannot be executed or found.
With --verify: 0 all runs equal, 1 not, 2 trouble.)";

struct SandboxFlags {
  sandbox::Options options;
  std::string epoch;
  std::string clock_step;
  std::string timeout;
  std::string base_environment = "minimal";
  std::string network = "loopback";
  std::string temporary_files;
  std::string file_times = "fixed";
  std::string log_engine = "auto";
  std::vector<std::string> environment;
  std::vector<std::string> binds;
  const CLI::Option* verify_option = nullptr;  // may stand without a value
  std::string verify;
  unsigned verify_runs = 0;  // 0: run it once, and show it
  bool wants_verify() const { return verify_option->count() > 0; }
  bool no_user_namespace = false;
  bool no_pid_namespace = false;
  bool no_mount_namespace = false;
};

std::int64_t wall_clock_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

Result<void> read_epoch(const std::string& given, std::int64_t& epoch_ns) {
  if (given == "now") {
    epoch_ns = wall_clock_ns();
    return {};
  }
  const char* variable = std::getenv("SOURCE_DATE_EPOCH");
  const bool from_variable = given.empty() && variable != nullptr && *variable != '\0';
  if (given.empty() && !from_variable) return {};
  const auto instant = parse_instant(from_variable ? std::string("@") + variable : given);
  if (!instant)
    return from_variable
               ? error("SOURCE_DATE_EPOCH={}: expected seconds since 1970", variable)
               : error("--epoch {}: expected @SECONDS, a time like 2025-01-01T00:00:00Z, or now",
                       given);
  epoch_ns = *instant;
  return {};
}

Result<void> read_durations(const SandboxFlags& flags, sandbox::Options& options) {
  if (!flags.clock_step.empty()) {
    const auto step = parse_fine_duration(flags.clock_step);
    if (!step || step->count() < 1 || step->count() > 1'000'000'000)
      return error("--clock-step {}: expected a duration from 1ns to 1s, like 10us",
                   flags.clock_step);
    options.settings.clock_step_ns = step->count();
  }
  if (!flags.timeout.empty()) {
    const auto timeout = parse_fine_duration(flags.timeout);
    if (!timeout || timeout->count() < 1)
      return error("--timeout {}: expected a duration like 30s or 5m", flags.timeout);
    options.timeout_ns = timeout->count();
  }
  return {};
}

Result<void> read_environment(const SandboxFlags& flags, sandbox::Options& options) {
  for (const std::string& entry : flags.environment) {
    const std::size_t equals = entry.find('=');
    const std::string name = entry.substr(0, equals);
    if (name.empty()) return error("--env {}: expected NAME=VALUE, or NAME", entry);
    if (equals != std::string::npos) {
      options.environment[name] = entry.substr(equals + 1);
    } else if (const char* value = std::getenv(name.c_str())) {
      options.environment[name] = value;
    }
  }
  return {};
}

// Both without ":" in their names, or there would be no telling.
Result<void> read_binds(const SandboxFlags& flags, sandbox::Options& options) {
  for (const std::string& entry : flags.binds) {
    const std::size_t colon = entry.find(':');
    const std::string source = entry.substr(0, colon);
    const std::string target = colon == std::string::npos ? source : entry.substr(colon + 1);
    if (source.empty() || !target.starts_with('/'))
      return error("--bind {}: expected SRC:DST with an absolute DST, or an absolute path", entry);
    std::error_code failure;
    const std::filesystem::path absolute = std::filesystem::absolute(source, failure);
    if (!std::filesystem::exists(absolute, failure))
      return error("--bind {}: there is no {}", entry, source);
    options.binds.emplace_back(absolute.string(), target);
  }
  return {};
}

// Named as they are from here, before anything is mounted.
Result<void> read_directories(sandbox::Options& options) {
  std::error_code failure;
  if (!options.root.empty()) {
    const std::string given = options.root;
    options.root = std::filesystem::canonical(given, failure).string();
    if (failure) return system_error(failure.value(), "--root " + given);
    if (!std::filesystem::is_directory(options.root, failure))
      return error("--root {}: is no directory", given);
    if (options.root == "/") options.root.clear();
  }
  if (!options.overlay.empty())
    options.overlay = std::filesystem::absolute(options.overlay, failure).lexically_normal();
  return {};
}

Result<void> read_verify(SandboxFlags& flags) {
  if (!flags.wants_verify()) return {};
  const bool without_number = flags.verify.empty();
  const auto runs =
      without_number ? std::optional(kRunsByDefault) : base::parse_unsigned<unsigned>(flags.verify);
  if (!runs || *runs < 2 || *runs > kRunsAtMost)
    return error("--verify={}: expected from 2 to {} runs", flags.verify, kRunsAtMost);
  flags.verify_runs = *runs;
  return {};
}

Result<void> check_combinations(const SandboxFlags& flags) {
  const sandbox::Options& options = flags.options;
  if (options.discard && !options.overlay.empty())
    return Error("either --overlay DIR or --discard, not both");
  if (flags.verify_runs > 0 && !options.overlay.empty())
    return Error("--verify drops what the runs write; leave out --overlay");
  if (!options.user_map.empty() && flags.no_user_namespace)
    return Error("--uid-map needs a user namespace; leave out --no-userns");
  const bool mounts = options.discard || !options.overlay.empty() || !options.root.empty() ||
                      !options.binds.empty() || flags.verify_runs > 0;
  if (mounts && flags.no_mount_namespace)
    return Error(
        "--root, --bind, --overlay, --discard and --verify need a mount namespace; leave out "
        "--no-mountns");
  return {};
}

Result<void> read_flags(SandboxFlags& flags, const Arguments& command) {
  sandbox::Options& options = flags.options;
  if (command.empty()) return Error("say what to run: tc sandbox -- COMMAND");
  options.command = command;
  TC_CHECK(read_verify(flags));
  TC_CHECK(check_combinations(flags));
  TC_CHECK(read_epoch(flags.epoch, options.settings.epoch_ns));
  TC_CHECK(read_durations(flags, options));
  TC_CHECK(read_environment(flags, options));
  TC_CHECK(read_binds(flags, options));
  TC_CHECK(read_directories(options));
  if (const auto user = sandbox::parse_user_inside(options.user_map); !user)
    return user.error().while_doing("--uid-map");
  const std::string& host_name = options.settings.host_name;
  if (host_name.empty() || host_name.size() >= sizeof(utsname::nodename))
    return error("--hostname {}: expected 1 to {} bytes", host_name, sizeof(utsname::nodename) - 1);
  static const std::map<std::string, sandbox::BaseEnvironment> kEnvironments = {
      {"empty", sandbox::BaseEnvironment::kEmpty},
      {"minimal", sandbox::BaseEnvironment::kMinimal},
      {"host", sandbox::BaseEnvironment::kHost}};
  static const std::map<std::string, sandbox::Network> kNetworks = {
      {"none", sandbox::Network::kNone},
      {"loopback", sandbox::Network::kLoopback},
      {"host", sandbox::Network::kHost}};
  static const std::map<std::string, sandbox::TemporaryFiles> kTemporaryFiles = {
      {"", sandbox::TemporaryFiles::kAuto},
      {"fresh", sandbox::TemporaryFiles::kFresh},
      {"host", sandbox::TemporaryFiles::kHost}};
  options.base_environment = kEnvironments.at(flags.base_environment);
  options.network = kNetworks.at(flags.network);
  options.settings.host_network = options.network == sandbox::Network::kHost;
  options.temporary_files = kTemporaryFiles.at(flags.temporary_files);
  options.settings.file_times =
      flags.file_times == "keep" ? determinism::FileTimes::kKeep : determinism::FileTimes::kFixed;
  static const std::map<std::string, sandbox::LogEngine> kLogEngines = {
      {"auto", sandbox::LogEngine::kAuto},
      {"bpf", sandbox::LogEngine::kBpf},
      {"ptrace", sandbox::LogEngine::kPtrace}};
  options.log_engine = kLogEngines.at(flags.log_engine);
  options.user_namespace = !flags.no_user_namespace;
  options.pid_namespace = !flags.no_pid_namespace;
  options.mount_namespace = !flags.no_mount_namespace;
  return {};
}

void print_statistics(const sandbox::Statistics& statistics) {
  const auto line = [](const char* what, std::uint64_t count) {
    std::fprintf(stderr, "%12llu  %s\n", static_cast<unsigned long long>(count), what);
  };
  std::fprintf(stderr, "tc: statistics\n");
  line("stops", statistics.stops);
  line("calls answered", statistics.determinised);
  line("calls stopped and passed", statistics.passed);
  line("calls refused", statistics.refused);
  line("time stamps read (RDTSC)", statistics.tsc_traps);
  line("processor questions (CPUID)", statistics.cpuid_traps);
  line("signals", statistics.signals);
  line("tasks", statistics.tasks);
  line("switches between tasks", statistics.switches);
  line("waits in user space found", statistics.spins);
  std::fprintf(stderr, "%12.6f  seconds of the virtual clock\n",
               static_cast<double>(statistics.virtual_ns) / 1e9);
  if (statistics.calls.empty()) return;
  std::vector<std::pair<std::string, std::uint64_t>> calls(statistics.calls.begin(),
                                                           statistics.calls.end());
  std::stable_sort(calls.begin(), calls.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::fprintf(stderr, "tc: calls answered, by name\n");
  for (const auto& [name, count] : calls) line(name.c_str(), count);
}

void tell_not_promised(const std::vector<std::string>& notes) {
  for (const std::string& note : notes)
    std::fprintf(stderr, "tc: not promised: %s\n", note.c_str());
}

// What the user has to know beside the status.
int tell_outcome(const sandbox::Options& options, const sandbox::Outcome& outcome) {
  std::vector<std::string> missing = outcome.weaker;
  missing.insert(missing.end(), outcome.notes.begin(), outcome.notes.end());
  tell_not_promised(missing);
  if (options.statistics) print_statistics(outcome.statistics);
  switch (outcome.kind) {
    case sandbox::Outcome::Kind::kDeadlock:
      std::fprintf(stderr, "tc: %s", outcome.report.c_str());  // of several lines
      return sandbox::kDeadlockStatus;
    case sandbox::Outcome::Kind::kTimeout:
      return fail(sandbox::kTimeoutStatus, "--timeout: the command was ended");
    case sandbox::Outcome::Kind::kNoCommand:
      return fail(outcome.status, outcome.report);
    case sandbox::Outcome::Kind::kInterrupted:
      return outcome.status;
    case sandbox::Outcome::Kind::kEnded:
      break;
  }
  if (options.strict && !missing.empty())
    return fail(kOwnFailure, "--strict: not all could be promised, see above");
  return outcome.status;
}

int run_verify(const SandboxFlags& flags) {
  const Result<sandbox::Verdict> verdict = sandbox::verify(flags.options, flags.verify_runs);
  if (!verdict) return fail(kTrouble, "--verify: " + verdict.error().text());
  tell_not_promised(verdict->not_promised);
  for (const std::string& line : verdict->lines) std::fprintf(stderr, "tc: %s\n", line.c_str());
  if (flags.options.strict && !verdict->not_promised.empty())
    return fail(kTrouble, "--strict: not all could be promised, see above");
  return verdict->equal ? kSuccess : kNo;
}

// A file opened in the place of a standard stream that is closed would be taken for it by the
// command: so none is closed.
void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0) [[maybe_unused]]
      const int opened = open("/dev/null", O_RDWR);  // the lowest that is free: this one
}

int run_sandbox(SandboxFlags& flags, const Arguments& command) {
  open_standard_streams();
  const int trouble = flags.wants_verify() ? kTrouble : kOwnFailure;
  if (const Result<void> read = read_flags(flags, command); !read)
    return fail(trouble, read.error().text() + "\ntc: see tc sandbox --help");
  if (flags.verify_runs > 0) return run_verify(flags);
  const Result<sandbox::Outcome> outcome = sandbox::run(flags.options);
  if (!outcome) return fail(kOwnFailure, outcome.error().text());
  return tell_outcome(flags.options, *outcome);
}

void add_inputs(CLI::App& app, SandboxFlags& flags) {
  sandbox::Options& options = flags.options;
  app.add_option("--epoch", flags.epoch, "When the run begins; see below")->type_name("T");
  app.add_option("--clock-step", flags.clock_step,
                 "How far the clock goes with each call (default 1us)")
      ->type_name("DURATION");
  app.add_option("--seed", options.settings.seed, "Of everything random (default 0)")
      ->type_name("N");
  app.add_option("--base-env", flags.base_environment,
                 "Environment variables to begin with (default minimal: PATH, HOME, LANG, TZ …)")
      ->type_name("empty|minimal|host")
      ->check(CLI::IsMember({"empty", "minimal", "host"}));
  app.add_option("--env", flags.environment,
                 "Set an environment variable; NAME alone takes the value it has; repeatable")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  app.add_option("--hostname", options.settings.host_name, "(default testchamber)")
      ->type_name("NAME");
  app.add_option("--uid-map", options.user_map, "What the user is inside (default 0:0)")
      ->type_name("UID[:GID]");
  app.add_option("--network", flags.network,
                 "What can be connected to: nothing, itself (default), or the host's network")
      ->type_name("none|loopback|host")
      ->check(CLI::IsMember({"none", "loopback", "host"}));
  app.add_flag("--real-proc", options.settings.real_proc, "/proc and /sys tell of the host");
  app.add_flag("--aslr", options.aslr, "Addresses are random");
}

void add_files(CLI::App& app, SandboxFlags& flags) {
  sandbox::Options& options = flags.options;
  app.add_option("--root", options.root, "A directory to be the root of all files")
      ->type_name("DIR");
  app.add_option("--bind", flags.binds, "SRC of the host is seen as DST; repeatable")
      ->type_name("SRC:DST")
      ->allow_extra_args(false);
  app.add_option("--workdir", options.directory,
                 "Where the command starts (default: here; with --root, /)")
      ->type_name("DIR");
  app.add_option("--overlay", options.overlay, "Keep all that is written in DIR/files instead")
      ->type_name("DIR");
  app.add_flag("--discard", options.discard, "Drop all that is written");
  app.add_option(
         "--tmp", flags.temporary_files,
         "/tmp is empty and dropped, or the host's (default: fresh, unless the program, the "
         "directory or an argument lies there)")
      ->type_name("fresh|host")
      ->check(CLI::IsMember({"fresh", "host"}));
  app.add_option("--mtime", flags.file_times,
                 "Times of files that the run has not touched: all the epoch (default), or as they "
                 "are")
      ->type_name("fixed|keep")
      ->check(CLI::IsMember({"fixed", "keep"}));
}

void add_running(CLI::App& app, SandboxFlags& flags) {
  sandbox::Options& options = flags.options;
  flags.verify_option =
      app.add_option(
             "--verify", flags.verify,
             "Run it N times (default 3) under changed conditions and compare stdout, stderr, "
             "status, system calls and files; the command's output is not shown")
          ->type_name("[=N]")
          ->expected(0, 1);
  app.add_option("--log", options.log, "Write every system call to FILE, as tc trace does")
      ->type_name("FILE");
  app.add_option("--log-engine", flags.log_engine,
                 "How calls that need no answer get into the log: by eBPF, which stops nobody but "
                 "needs privileges and a quarter of a second; by stops; or whatever there is")
      ->type_name("auto|bpf|ptrace")
      ->check(CLI::IsMember({"auto", "bpf", "ptrace"}));
  app.add_option("--timeout", flags.timeout, "End it after this much real time")
      ->type_name("DURATION");
  app.add_flag("--strict", options.strict, "What cannot be promised is an error");
  app.add_flag("--verbose", options.verbose, "Tell each answered call on standard error");
  app.add_flag("--stats", options.statistics, "Tell stops, calls and traps on standard error");
  app.add_flag("--no-userns", flags.no_user_namespace, "Without a user namespace");
  app.add_flag("--no-pidns", flags.no_pid_namespace, "Without a pid namespace");
  app.add_flag("--no-mountns", flags.no_mount_namespace,
               "Without a mount namespace: for containers that give none");
}

}  // namespace

Subcommand add_sandbox(CLI::App& app) {
  CLI::App* sub = app.add_subcommand(
      "sandbox", "Run a command so that the same inputs give the same output, files and calls");
  auto flags = std::make_shared<SandboxFlags>();
  add_inputs(*sub, *flags);
  add_files(*sub, *flags);
  add_running(*sub, *flags);
  set_usage(*sub, "Usage: tc sandbox [OPTIONS] -- COMMAND [ARGUMENT…]");
  sub->footer(kSandboxExamples);
  return {.app = sub,
          .run = [flags](const Arguments& command) { return run_sandbox(*flags, command); },
          .takes_command = true,
          .usage_status = kOwnFailure};
}

}  // namespace tc::cli
