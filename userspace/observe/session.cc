#include "observe/session.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <thread>

#include "base/file.h"
#include "base/launch.h"
#include "observe/container.h"
#include "observe/late_prober.h"
#include "observe/pipeline.h"
#include "observe/probe_setter.h"
#include "observe/statistics.h"
#include "probe/backlog.h"
#include "probe/cgroup.h"
#include "probe/ring_reader.h"
#include "proc/tree.h"

namespace tc::observe {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr int kSignalStatus = 128;  // as a shell reports an end by signal
constexpr std::chrono::milliseconds kCounterPeriod{200};

std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecondNs +
         static_cast<std::uint64_t>(now.tv_nsec);
}

void say(const std::string& line) { std::fprintf(stderr, "tc: %s\n", line.c_str()); }

Result<UniqueFd> open_pidfd(std::uint32_t pid) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (fd && proc::process_exists(pid)) return fd;
  const Result<std::string> status = base::read_file(fmt::format("/proc/{}/status", pid));
  const std::size_t tgid = status ? status->find("\nTgid:\t") : std::string::npos;
  if (tgid == std::string::npos)
    return error(
        "process {}: there is none (it has ended, or it lives in a pid namespace that tc "
        "does not see); `ps -e` lists what runs",
        pid);
  const std::size_t begin = tgid + 7;
  return error("process {}: that is a thread; its process is {}", pid,
               status->substr(begin, status->find('\n', begin) - begin));
}

}  // namespace

struct Session::State {
  State(const ObserveOptions& wanted, output::EvidenceStream& destination)
      : options(wanted),
        stream(destination),
        images(proc::LiveProc(), symbol::Images::Options{.elf = {.debug_root = "/usr/lib/debug"}}),
        enricher(live, images, probed, [](const Error& problem) { say(problem.text()); }),
        pipeline(enricher, stream, options.events),
        backlog(options.backlog_bytes) {}

  Result<void> prepare();
  Result<void> load();
  Result<void> follow_processes();
  void set_probes();
  Result<void> write_start();
  std::string whom() const;
  Result<void> begin();
  Result<void> watch();
  Result<void> on_signal();
  bool is_over();
  void show_counter();
  Result<void> work_off_one();
  Result<void> end();
  Result<void> write_last_losses();
  void stop_reading();

  const ObserveOptions& options;
  output::EvidenceStream& stream;
  proc::LiveProc live;
  symbol::LiveImages images;
  enrich::ProbedFunctions probed;
  enrich::Enricher enricher;
  Pipeline pipeline;
  probe::Backlog backlog;

  std::string program;  // the file behind options.command
  std::optional<base::LaunchedCommand> command;
  std::vector<UniqueFd> pidfds;
  UniqueFd signals;
  UniqueFd timer;
  std::optional<probe::Observer> observer;
  std::optional<ProbeSetter> setter;
  std::optional<LateProber> late;
  std::optional<probe::RingReader> reader;

  Outcome outcome;
  bool launch_failed = false;
  bool interrupted = false;  // the command was told, or heard it itself
  bool stopping = false;
  bool abandoning = false;
  bool time_is_up = false;
  bool counter_shown = false;
  std::uint64_t opened_ns = 0;
  std::uint64_t closed_ns = 0;
  std::uint64_t cpu_at_open_ns = 0;
  std::uint64_t flushed_ns = 0;
  std::uint64_t counter_ns = 0;
  std::uint64_t arrived = 0;
};

// Everything that can be refused before anything is loaded or started.
Result<void> Session::State::prepare() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  signals = UniqueFd(signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return system_error(errno, "open a signalfd");
  for (const std::uint32_t pid : options.pids) {
    TC_TRY(UniqueFd fd, open_pidfd(pid));
    pidfds.push_back(std::move(fd));
  }
  // Before any thread exists, so that the child is a plain copy.
  if (!options.command.empty()) {
    program = base::find_program(options.command.front());
    TC_TRY(base::LaunchedCommand held, base::LaunchedCommand::hold(program, options.command));
    command.emplace(std::move(held));
  }
  return {};
}

Result<void> Session::State::load() {
  probe::ObserverOptions wanted;
  wanted.events = options.events;
  wanted.all = options.all;
  wanted.hook = options.hook;
  wanted.ring_bytes = options.ring_bytes;
  wanted.ssl_data = options.ssl_data.value_or(0);
  wanted.stack_depth = options.stack_depth;
  wanted.measure = options.stats;
  wanted.btf = options.btf;
  wanted.mappings = options.events.contains(TC_EVENT_network_op) ||
                    options.events.contains(TC_EVENT_ssl_op) || !options.symbols.empty();
  std::string cgroup = options.cgroup;
  if (!options.container.empty()) {
    TC_TRY(cgroup, container_cgroup(options.container));
  }
  if (!cgroup.empty()) {
    TC_TRY(wanted.cgroup, probe::select_cgroup(cgroup));
  }
  TC_TRY(probe::Observer loaded, probe::Observer::load(wanted));
  observer.emplace(std::move(loaded));
  return observer->attach();
}

// Fork following is already attached: a child born from here on enters by itself, so the set is
// complete once a look at all processes finds no new member.
Result<void> Session::State::follow_processes() {
  std::set<std::uint32_t> followed(options.pids.begin(), options.pids.end());
  if (command) followed.insert(static_cast<std::uint32_t>(command->pid()));
  for (const std::uint32_t pid : followed) {
    TC_CHECK(observer->follow(pid));
    enricher.meet(pid, setter->wants_anything());
  }
  bool grown = !options.pids.empty();
  while (grown) {
    grown = false;
    TC_TRY(const std::vector<proc::ProcessLink> links, proc::process_links());
    for (const proc::ProcessLink& link : links) {
      if (!followed.contains(link.parent) || !followed.insert(link.pid).second) continue;
      TC_CHECK(observer->follow(link.pid));
      enricher.meet(link.pid, setter->wants_anything());
      grown = true;
    }
  }
  TC_CHECK(observer->learn_sockets());
  if (!setter->wants_anything()) return {};
  if (options.all || !options.cgroup.empty() || !options.container.empty()) {
    TC_TRY(const std::vector<proc::ProcessLink> links, proc::process_links());
    for (const proc::ProcessLink& link : links) {
      setter->consider_process(link.pid);
      if (options.all) enricher.meet(link.pid, true);
    }
  } else {
    for (const std::uint32_t pid : followed) setter->consider_process(pid);
  }
  return {};
}

void Session::State::set_probes() {
  if (!setter->wants_anything()) return;
  setter->consider_system_libraries();
  setter->consider_named_files(program);
  if (!options.command.empty()) setter->consider_file(program);
  late.emplace(*setter);
}

Result<void> Session::State::write_start() {
  utsname host{};
  uname(&host);
  event::Record facts;
  facts.start("stream_start");
  facts.add("boot_unix_ns", clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME));
  facts.add("kernel", event::Bytes{host.release});
  facts.add("source", std::string_view("observe"));
  facts.add("time_ns", clock_ns(CLOCK_BOOTTIME));
  return stream.start(facts);
}

std::string Session::State::whom() const {
  std::vector<std::string> parts;
  for (const std::uint32_t pid : options.pids) parts.push_back(fmt::format("process {}", pid));
  if (!options.cgroup.empty()) parts.push_back("cgroup " + options.cgroup);
  if (!options.container.empty()) parts.push_back("container " + options.container);
  if (options.all) parts.emplace_back("every process");
  if (!options.command.empty()) parts.push_back(options.command.front());
  std::string text;
  for (const std::string& part : parts) text.append(text.empty() ? "" : ", ").append(part);
  return text;
}

Result<void> Session::State::begin() {
  TC_CHECK(prepare());
  TC_CHECK(load());
  setter.emplace(options, *observer, probed, [](const std::string& problem) { say(problem); });
  set_probes();
  TC_CHECK(follow_processes());
  if (!options.symbols.empty() && options.command.empty()) {
    for (const SymbolPattern& pattern : setter->unmatched())
      say(fmt::format("no function matches {}:{} so far; libraries loaded later are looked at too",
                      pattern.module, pattern.function));
  }
  TC_CHECK(write_start());
  reader.emplace(*observer, backlog, [this](std::span<const std::byte> record) {
    if (late) late->tell(record);
  });
  if (options.duration) {
    timer = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    const auto count = options.duration->count();
    itimerspec when{};
    when.it_value.tv_sec = count / 1000;
    when.it_value.tv_nsec = count % 1000 * 1'000'000 + 1;
    timerfd_settime(timer.get(), 0, &when, nullptr);
  }
  observer->open_gate();
  opened_ns = clock_ns(CLOCK_BOOTTIME);
  cpu_at_open_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  if (options.status_line)
    say(fmt::format("observing {}{}", whom(),
                    options.command.empty() && !options.duration ? " (Ctrl-C ends)" : ""));
  if (!command) return {};
  Result<void> released = command->release();
  launch_failed = !released.ok();
  return released;
}

Result<void> Session::State::on_signal() {
  signalfd_siginfo info{};
  if (::read(signals.get(), &info, sizeof(info)) != sizeof(info)) return {};
  if (stopping) {
    abandoning = true;
    return {};
  }
  // The terminal's Ctrl-C reaches the command by itself; a kill of tc alone is passed on. Either
  // way the command decides when it ends, and tc sees it through, unless it is asked twice.
  if (command && command->pid() > 0 && !interrupted) {
    if (info.ssi_code != SI_KERNEL) command->send(static_cast<int>(info.ssi_signo));
    interrupted = true;
    return {};
  }
  if (command && command->pid() > 0) {
    say(fmt::format("{} still runs as process {}", options.command.front(), command->pid()));
    outcome.command_status = kSignalStatus + static_cast<int>(info.ssi_signo);
  }
  stopping = true;
  return {};
}

bool Session::State::is_over() {
  if (time_is_up) return true;
  if (command) {
    const auto status = command->try_reap();
    if (status) outcome.command_status = base::shell_status(*status);
    return outcome.command_status.has_value();
  }
  if (pidfds.empty()) return false;
  std::erase_if(pidfds, [](const UniqueFd& fd) {
    pollfd ended{fd.get(), POLLIN, 0};
    return poll(&ended, 1, 0) == 1;
  });
  return pidfds.empty();
}

void Session::State::show_counter() {
  // Evidence on the same terminal tells by itself that it goes on.
  if (!options.status_line || isatty(STDERR_FILENO) == 0 || stream.destination().is_terminal())
    return;
  const std::uint64_t now = clock_ns(CLOCK_BOOTTIME);
  if (now - counter_ns < static_cast<std::uint64_t>(kCounterPeriod.count()) * 1'000'000) return;
  counter_ns = now;
  counter_shown = true;
  std::fprintf(stderr, "\r\x1b[Ktc: %llu records, %llu lost, %llu s",
               static_cast<unsigned long long>(stream.records()),
               static_cast<unsigned long long>(stream.lost()),
               static_cast<unsigned long long>((now - opened_ns) / kSecondNs));
}

Result<void> Session::State::work_off_one() {
  probe::Delivery delivery = backlog.pop();
  if (delivery.block) {
    arrived += delivery.block->count();
    pipeline.add(std::move(delivery.block));
  }
  if (delivery.settled_ns == 0) return {};
  TC_CHECK(pipeline.advance(delivery.settled_ns));
  // Whoever reads along must not wait for a block to fill. Compressed, many small frames would
  // cost more than a reader gains.
  if (!backlog.is_empty()) return {};
  const std::uint64_t now = clock_ns(CLOCK_BOOTTIME);
  if (stream.destination().is_compressed() && now - flushed_ns < kSecondNs) return {};
  flushed_ns = now;
  return stream.flush();
}

// Until something ends the observation: waits for records, signals, ends of processes, the timer.
Result<void> Session::State::watch() {
  while (!stopping) {
    std::vector<pollfd> sources = {{backlog.event(), POLLIN, 0}, {signals.get(), POLLIN, 0}};
    if (timer) sources.push_back({timer.get(), POLLIN, 0});
    if (command) sources.push_back({command->pidfd(), POLLIN, 0});
    for (const UniqueFd& fd : pidfds) sources.push_back({fd.get(), POLLIN, 0});
    const int ready =
        poll(sources.data(), sources.size(), static_cast<int>(kCounterPeriod.count()));
    if (ready < 0 && errno != EINTR) return system_error(errno, "poll");
    if ((sources[0].revents & POLLIN) != 0) TC_CHECK(work_off_one());
    if ((sources[1].revents & POLLIN) != 0) TC_CHECK(on_signal());
    if (timer && (sources[2].revents & POLLIN) != 0) time_is_up = true;
    if (is_over()) stopping = true;
    show_counter();
  }
  return {};
}

void Session::State::stop_reading() {
  if (!observer) return;
  observer->close_gate();
  if (closed_ns == 0) closed_ns = clock_ns(CLOCK_BOOTTIME);
  if (reader) reader->stop();
}

Result<void> Session::State::write_last_losses() {
  const std::uint64_t now = clock_ns(CLOCK_BOOTTIME);
  for (const probe::Loss& loss : observer->pending_losses())
    TC_CHECK(pipeline.write_loss(now, loss.event_type, loss.reason, loss.count, loss.first_ns,
                                 loss.last_ns));
  return {};
}

// The gate is closed; what has been gathered is written, whatever it takes, unless a second signal
// says otherwise.
Result<void> Session::State::end() {
  stop_reading();
  while (!backlog.is_finished() && !abandoning) {
    std::array<pollfd, 2> sources = {{{backlog.event(), POLLIN, 0}, {signals.get(), POLLIN, 0}}};
    poll(sources.data(), sources.size(), static_cast<int>(kCounterPeriod.count()));
    if ((sources[0].revents & POLLIN) != 0) TC_CHECK(work_off_one());
    if ((sources[1].revents & POLLIN) != 0) TC_CHECK(on_signal());
    show_counter();
  }
  if (abandoning) {
    backlog.abandon();
    std::uint64_t unwritten = pipeline.waiting() + reader->discard();
    while (!backlog.is_finished()) {
      const probe::Delivery delivery = backlog.pop();
      if (delivery.block) unwritten += delivery.block->count();
    }
    TC_CHECK(pipeline.write_loss(clock_ns(CLOCK_BOOTTIME), 0, TC_LOSS_abandoned, unwritten, 0, 0));
  } else {
    TC_CHECK(pipeline.finish());
  }
  TC_CHECK(write_last_losses());
  return stream.finish();
}

Session::Session(const ObserveOptions& options, output::EvidenceStream& stream)
    : state_(std::make_unique<State>(options, stream)) {}

Session::~Session() = default;

bool Session::launch_failed() const { return state_->launch_failed; }

Result<Outcome> Session::run() {
  State& state = *state_;
  if (const Result<void> begun = state.begin(); !begun) {
    // The stream has begun by then, and the failed exec is evidence: end it as any other.
    if (state.launch_failed) (void)state.end();
    state.stop_reading();
    state.backlog.abandon();
    return begun.error();
  }
  Result<void> written = state.watch();
  if (written) written = state.end();
  if (!written) {
    // Nothing more can be written; the command still runs to its end, unobserved.
    state.stop_reading();
    state.backlog.abandon();
    state.outcome.output_failure = written.error();
  }
  if (state.counter_shown) std::fputs("\r\x1b[K", stderr);
  if (state.options.stats)
    std::fputs(describe_statistics(
                   state.pipeline, *state.observer,
                   {.wall_ns = state.closed_ns - state.opened_ns,
                    .own_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - state.cpu_at_open_ns})
                   .c_str(),
               stderr);
  for (const SymbolPattern& pattern : state.setter->unmatched())
    say(fmt::format("no function matched {}:{}", pattern.module, pattern.function));
  while (state.command && !state.outcome.command_status) {
    pollfd ended{state.command->pidfd(), POLLIN, 0};
    poll(&ended, 1, -1);
    if (const auto status = state.command->try_reap())
      state.outcome.command_status = base::shell_status(*status);
  }
  return state.outcome;
}

}  // namespace tc::observe
