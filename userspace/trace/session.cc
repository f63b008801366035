#include "trace/session.h"

#include <signal.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/launch.h"
#include "probe/privilege.h"
#include "proc/tree.h"
#include "trace/chronicle.h"
#include "trace/fold.h"
#include "trace/idle.h"
#include "trace/place.h"
#include "trace/spool.h"
#include "trace/variance.h"

namespace tc::trace {
namespace {

constexpr std::size_t kSpoolMemory = std::size_t{256} << 20U;
constexpr int kSignalStatus = 128;  // as a shell reports an end by signal

void say(const std::string& line) { std::fprintf(stderr, "tc: %s\n", line.c_str()); }

std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

std::string temporary_directory() {
  const char* directory = std::getenv("TMPDIR");
  return directory == nullptr || *directory == '\0' ? "/tmp" : directory;
}

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

}  // namespace

// Hands events on to the chronicle and opens and closes its gate at the places named.
class GateKeeper final : public guest::Listener {
 public:
  GateKeeper(Chronicle& chronicle, std::size_t from_places, std::function<void()> on_idle)
      : chronicle_(chronicle), from_places_(from_places), on_idle_(std::move(on_idle)) {
    if (from_places_ > 0) chronicle_.close_gate();
  }

  void on(const guest::Called& event) override { chronicle_.on(event); }
  void on(const guest::Created& event) override { chronicle_.on(event); }
  void on(const guest::Started& event) override { chronicle_.on(event); }
  void on(const guest::Signalled& event) override { chronicle_.on(event); }
  void on(const guest::Ended& event) override { chronicle_.on(event); }
  void on(const guest::Missed& event) override { chronicle_.on(event); }
  void on(const guest::Reached& event) override {
    if (event.place < from_places_) {
      chronicle_.open_gate();
      reached_ = true;
    } else {
      chronicle_.close_gate();
    }
  }
  void on_idle() override { on_idle_(); }

  bool has_begun() const { return from_places_ == 0 || reached_; }

 private:
  Chronicle& chronicle_;
  const std::size_t from_places_;  // those below begin, the others end
  std::function<void()> on_idle_;
  bool reached_ = false;
};

// Waits for the signals that end a trace, in a thread of its own: an engine may be waiting for its
// tracees at that moment.
class SignalWatch {
 public:
  SignalWatch(Engine& engine, bool has_command)
      : engine_(engine), has_command_(has_command), thread_([this] { watch(); }) {}
  ~SignalWatch() {
    finished_ = true;
    pthread_kill(thread_.native_handle(), SIGHUP);
    thread_.join();
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // The signal that made it stop the engine, or 0.
  int stopped_by() const { return stopped_by_; }

 private:
  void watch() {
    const sigset_t signals = ending_signals();
    bool passed_on = false;
    while (true) {
      siginfo_t info{};
      const int signal = sigwaitinfo(&signals, &info);
      if (finished_) return;
      if (signal < 0) continue;
      // The terminal's Ctrl-C reaches the command by itself.
      if (signal == SIGINT && has_command_ && !std::exchange(passed_on, true)) {
        if (info.si_code != SI_KERNEL) engine_.send(SIGINT);
        continue;
      }
      stopped_by_ = signal;
      engine_.stop();
    }
  }

  Engine& engine_;
  const bool has_command_;
  std::atomic<bool> finished_ = false;
  std::atomic<int> stopped_by_ = 0;
  std::thread thread_;
};

struct Session::State {
  State(const TraceOptions& wanted, output::EvidenceStream& destination)
      : options(wanted), stream(destination), spool(temporary_directory(), kSpoolMemory) {}

  Result<std::vector<guest::Task>> prepare_engine();
  Result<void> resolve_places();
  Result<void> write_start();
  Result<Outcome> run();
  Result<void> finish();
  void emit(std::uint32_t thread, const event::Record& record);
  void put(std::uint32_t thread, std::string_view line, std::uint64_t lost);
  void put_mark(std::uint32_t thread, std::string_view name, std::size_t records);
  void fold(std::uint32_t thread, std::string_view line);
  void finish_folding(std::uint32_t thread);
  std::string profile_text() const;
  std::string whom() const;

  const TraceOptions& options;
  output::EvidenceStream& stream;
  Spool spool;
  EngineOptions engine_options;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<ProcessView> processes = live_process_view();
  std::optional<Chronicle> chronicle;
  // Of one thread, with --fold.
  struct Folding {
    IdleFolder idle;
    Folder loops;
  };
  std::unordered_map<std::uint32_t, Folding> folding;
  event::Record scratch;
  std::string line;
  std::uint64_t lost = 0;
  std::optional<Error> failure;  // of the output
  bool launch_failed = false;
};

std::string Session::State::profile_text() const {
  std::string text = options.profile.text();
  if (options.fold) text += " fold";
  if (options.drop_variance) text += " drop=variance";
  return text;
}

std::string Session::State::whom() const {
  if (!options.engine.command.empty()) return options.engine.command.front();
  std::string text;
  for (const std::uint32_t pid : options.engine.pids)
    text += fmt::format("{}process {}", text.empty() ? "" : ", ", pid);
  return text;
}

Result<void> Session::State::resolve_places() {
  std::string program;
  if (!options.engine.command.empty())
    program = base::find_program(options.engine.command.front());
  else if (!options.engine.pids.empty())
    program = fmt::format("/proc/{}/exe", options.engine.pids.front());
  for (const auto* list : {&options.from, &options.until}) {
    for (const std::string& text : *list) {
      TC_TRY(Place place, find_place(text, program));
      engine_options.places.push_back(std::move(place));
    }
  }
  return {};
}

// eBPF when it may be used, ptrace otherwise; --engine decides for good.
Result<std::vector<guest::Task>> Session::State::prepare_engine() {
  engine_options = options.engine;
  for (const std::uint32_t pid : options.engine.pids)
    if (!proc::process_exists(pid))
      return error(
          "process {}: there is none (it has ended, or it lives in a pid namespace that tc "
          "does not see); `ps -e` lists what runs",
          pid);
  TC_CHECK(resolve_places());
  const sys::CallSelection books = bookkeeping_calls(options.profile);
  for (std::uint32_t number = 0; number < TC_CALLS_MAX; ++number)
    if (books.contains(number)) engine_options.calls.add(number);

  const bool may_bpf = probe::privilege_advice().empty();
  if (options.choice == EngineChoice::kBpf || (options.choice == EngineChoice::kAuto && may_bpf)) {
    Result<std::unique_ptr<Engine>> made = make_bpf_engine(engine_options);
    Result<std::vector<guest::Task>> tasks = made ? (*made)->prepare() : made.error();
    if (tasks || options.choice == EngineChoice::kBpf) {
      if (made) engine = std::move(made).value();
      return tasks;
    }
    say("using ptrace, which is slower: " + tasks.error().text());
  }
  TC_TRY(engine, make_ptrace_engine(engine_options));
  return engine->prepare();
}

Result<void> Session::State::write_start() {
  event::Record facts;
  facts.start("stream_start");
  std::string command;
  for (const std::string& argument : options.engine.command)
    command.append(argument).push_back('\0');
  if (!command.empty()) facts.add("command", event::ByteList{command});
  const std::string profile = profile_text();
  facts.add("calls", event::Bytes{options.calls_text});
  facts.add("order", std::string_view(options.order == Order::kTree ? "tree" : "time"));
  facts.add("profile", std::string_view(profile));
  facts.add("source", std::string_view("trace"));
  utsname host{};
  uname(&host);
  if (!options.profile.times) {
    facts.add("boot_unix_ns", clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME));
    facts.add("engine", engine->name());
    facts.add("kernel", event::Bytes{host.release});
    facts.add("time_ns", clock_ns(CLOCK_BOOTTIME));
  }
  return stream.start(facts);
}

void Session::State::put(std::uint32_t thread, std::string_view text, std::uint64_t lost_records) {
  if (failure) return;
  const Result<void> kept = options.order == Order::kTree
                                ? spool.append(thread, text, lost_records)
                                : stream.write_formatted(text, 1, lost_records);
  if (kept) return;
  // Nothing more can be kept: what has been stays whole, and nobody needs to wait for the rest.
  failure = kept.error();
  engine->stop();
}

void Session::State::put_mark(std::uint32_t thread, std::string_view name, std::size_t records) {
  event::Record mark;
  mark.start(name);
  mark.add("records", std::uint64_t{records});
  mark.add("thread", chronicle->thread_name(thread));
  std::string text;
  stream.format().append(mark, text);
  put(thread, text, 0);
}

void Session::State::fold(std::uint32_t thread, std::string_view text) {
  folding[thread].loops.add(text, [&](std::string_view told, std::size_t repeats) {
    put(thread, told, 0);
    if (repeats > 0) put_mark(thread, "repeat", repeats);
  });
}

void Session::State::finish_folding(std::uint32_t thread) {
  const auto found = folding.find(thread);
  if (found == folding.end()) return;
  Folding& of_thread = found->second;
  const auto take = [&](std::string_view told, std::size_t repeats) {
    put(thread, told, 0);
    if (repeats > 0) put_mark(thread, "repeat", repeats);
  };
  std::vector<std::vector<std::string>> idle_rounds;
  of_thread.idle.finish([&](std::string_view text) { of_thread.loops.add(text, take); },
                        [&](std::span<const std::string> lines) {
                          idle_rounds.emplace_back(lines.begin(), lines.end());
                        });
  of_thread.loops.finish(take);
  for (const std::vector<std::string>& lines : idle_rounds) {
    put_mark(thread, "idle", lines.size());
    for (const std::string& text : lines) put(thread, text, 0);
  }
}

void Session::State::emit(std::uint32_t thread, const event::Record& record) {
  if (options.drop_variance && is_variance(record)) return;
  line.clear();
  stream.format().append(record, line);
  if (record.event() == "lost") {
    const event::Value* count = record.find("count");
    const auto* number = count == nullptr ? nullptr : std::get_if<std::uint64_t>(count);
    const std::uint64_t lost_now = number == nullptr ? 0 : *number;
    lost += lost_now;
    return put(thread, line, lost_now);
  }
  if (!options.fold) return put(thread, line, 0);
  folding[thread].idle.add(line, IdleFolder::kind_of(record),
                           [&](std::string_view text) { fold(thread, text); });
}

Result<void> Session::State::finish() {
  std::vector<std::uint32_t> threads(chronicle ? chronicle->thread_count() : 0);
  for (std::uint32_t i = 0; i < threads.size(); ++i) threads[i] = i;
  for (const std::uint32_t thread : threads) finish_folding(thread);
  if (options.order == Order::kTree) {
    std::sort(threads.begin(), threads.end(), [&](std::uint32_t left, std::uint32_t right) {
      return tree_order(chronicle->thread_name(left), chronicle->thread_name(right));
    });
    TC_CHECK(spool.drain(threads, [&](const Spool::Lines& lines) {
      return stream.write_formatted(lines.text, lines.records, lines.lost);
    }));
  }
  TC_CHECK(stream.finish());
  return failure ? Result<void>(*failure) : Result<void>();
}

Result<Outcome> Session::State::run() {
  TC_TRY(const std::vector<guest::Task> tasks, prepare_engine());
  ChronicleOptions told;
  told.profile = options.profile;
  told.calls = options.engine.calls;
  told.environment = options.environment;
  chronicle.emplace(told, *processes, [this](std::uint32_t thread, const event::Record& record) {
    emit(thread, record);
  });
  for (const guest::Task& task : tasks) chronicle->meet(task);
  TC_CHECK(write_start());
  const bool has_command = !options.engine.command.empty();
  if (options.status_line)
    say(fmt::format("tracing {} with {}{}", whom(), engine->name(),
                    has_command ? "" : " (Ctrl-C ends)"));

  GateKeeper gate(*chronicle, options.from.size(), [this] {
    if (options.order != Order::kTime || failure) return;
    if (const Result<void> flushed = stream.flush(); !flushed) failure = flushed.error();
  });
  Outcome outcome;
  std::optional<Error> engine_failure;
  {
    SignalWatch signals(*engine, has_command);
    const Result<EngineOutcome> ended = engine->run(gate);
    launch_failed = engine->launch_failed();
    if (!ended)
      engine_failure = ended.error();
    else if (ended->wait_status)
      outcome.command_status = base::shell_status(*ended->wait_status);
    if (signals.stopped_by() != 0 && has_command)
      outcome.command_status = kSignalStatus + signals.stopped_by();
  }
  // Also after a failure: what was gathered is evidence.
  if (const Result<void> written = finish(); !written) outcome.output_failure = written.error();
  if (engine_failure) return *engine_failure;
  if (!gate.has_begun()) say("the place named by --from was never reached: nothing was logged");
  if (lost > 0)
    say(fmt::format("{} events were lost; the log tells where. A larger --buffer may help", lost));
  return outcome;
}

Session::Session(const TraceOptions& options, output::EvidenceStream& stream)
    : state_(std::make_unique<State>(options, stream)) {}

Session::~Session() = default;

Result<Outcome> Session::run() { return state_->run(); }

bool Session::launch_failed() const { return state_->launch_failed; }

}  // namespace tc::trace
