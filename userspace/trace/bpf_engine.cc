#include "trace/bpf_engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/launch.h"
#include "base/number.h"
#include "probe/privilege.h"
#include "proc/tree.h"
#include "sys/capture.h"
#include "sys/table.h"

namespace tc::trace {
namespace {

// After records were missed, how long to believe that a process still lives without asking.
constexpr int kDoubtMs = 200;

// symbol_call's cookie: the number in front of the distance to the function's start.
constexpr unsigned kProbeShift = 8;

std::uint64_t boot_ns() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

Result<void> check_process(std::uint32_t pid) {
  if (proc::process_exists(pid)) return {};
  const Result<std::string> status = base::read_file(fmt::format("/proc/{}/status", pid));
  if (status) return error("process {}: that is a thread, not a process", pid);
  return error("process {}: there is none; `ps -e` lists what runs", pid);
}

struct DirectoryCloser {
  void operator()(DIR* directory) const { closedir(directory); }
};

// The threads of a process, the leader first; none when it has ended.
std::vector<guest::Task> threads_of(std::uint32_t pid) {
  const std::unique_ptr<DIR, DirectoryCloser> directory(
      opendir(fmt::format("/proc/{}/task", pid).c_str()));
  std::vector<guest::Task> tasks;
  while (const dirent* entry = directory ? readdir(directory.get()) : nullptr)
    if (const auto tid = base::parse_unsigned<std::uint32_t>(entry->d_name))
      tasks.push_back({.pid = pid, .tid = *tid});
  std::ranges::sort(tasks, {},
                    [&](const guest::Task& task) { return std::pair(task.tid != pid, task.tid); });
  return tasks;
}

}  // namespace

probe::CallTracing call_tracing(const sys::CallSelection& calls, std::uint32_t data_max) {
  probe::CallTracing tracing;
  tracing.plans.resize(TC_CALLS_MAX);
  for (std::uint32_t number = 0; number < TC_CALLS_MAX; ++number) {
    tc_capture_plan& plan = tracing.plans[number];
    const sys::Row* row = sys::find_row(number);
    if (row != nullptr && !calls.contains(number)) continue;
    if (row != nullptr) plan = sys::capture_plan(*row, data_max);
    plan.wanted = 1;
  }
  // As the ptrace engine's filter does: whether they are told is decided behind the engines.
  tracing.foreign = true;
  tracing.unknown = true;
  return tracing;
}

Result<std::unique_ptr<Engine>> make_bpf_engine(const EngineOptions& options) {
  if (const std::string advice = probe::privilege_advice(); !advice.empty())
    return Error(advice + "\nor trace with --engine ptrace, which needs no privilege", EPERM);
  return std::unique_ptr<Engine>(std::make_unique<BpfEngine>(options));
}

BpfEngine::BpfEngine(const EngineOptions& options)
    : options_(options),
      stop_event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      backlog_(options.backlog_bytes) {
  TC_ASSERT(stop_event_);
}

// The reader must not wait for room that nobody makes any more.
BpfEngine::~BpfEngine() { backlog_.abandon(); }

Result<std::vector<guest::Task>> BpfEngine::prepare() {
  for (const std::uint32_t pid : options_.pids) TC_CHECK(check_process(pid));
  // Before any thread and any descriptor exists that a copy of this process should not have.
  if (!options_.command.empty()) {
    const std::string program = base::find_program(options_.command.front());
    TC_TRY(Warden launched, Warden::launch(program, options_.command, options_.keep_alive));
    warden_.emplace(std::move(launched));
  }
  TC_CHECK(load());
  TC_CHECK(watch_places());
  TC_CHECK(follow_attached());
  if (warden_) TC_CHECK(observer_->follow(static_cast<std::uint32_t>(warden_->command_pid())));
  // A mapping record needs no more than its place in the ring.
  reader_.emplace(*observer_, backlog_, [](std::span<const std::byte>) {});
  observer_->open_gate();
  // With the gate open: a task that is not there any more is not met, one that begins meanwhile is
  // met or told.
  TC_TRY(tasks_, find_tasks());
  return tasks_;
}

Result<void> BpfEngine::load() {
  probe::ObserverOptions wanted;
  wanted.tracing =
      std::make_shared<const probe::CallTracing>(call_tracing(options_.calls, options_.data_max));
  if (!options_.places.empty()) wanted.events.insert(TC_EVENT_symbol_call);
  wanted.ring_bytes = options_.ring_bytes;
  TC_TRY(probe::Observer loaded, probe::Observer::load(wanted));
  observer_.emplace(std::move(loaded));
  return observer_->attach();
}

Result<void> BpfEngine::watch_places() {
  for (std::size_t i = 0; i < options_.places.size(); ++i) {
    const Place& place = options_.places[i];
    TC_TRY(const UniqueFd file, base::open_file(place.file, O_RDONLY));
    const std::array site = {
        probe::UprobeSite{.offset = place.file_offset, .cookie = i << kProbeShift}};
    const Result<void> attached =
        observer_->attach_uprobes(probe::UprobeProgram::kSymbolCall, file.get(), site);
    if (!attached)
      return attached.error().while_doing(
          fmt::format("watch {}+0x{:x}", place.file, place.file_offset));
  }
  return {};
}

// The following of descendants is attached already: a child born from here on enters by itself, so
// the set is complete once a look at all processes finds no new member.
Result<void> BpfEngine::follow_attached() {
  std::set<std::uint32_t> followed;
  for (const std::uint32_t pid : options_.pids)
    if (followed.insert(pid).second) attached_.push_back(pid);
  for (const std::uint32_t pid : attached_) TC_CHECK(observer_->follow(pid));
  bool grown = !attached_.empty();
  while (grown) {
    grown = false;
    TC_TRY(const std::vector<proc::ProcessLink> links, proc::process_links());
    for (const proc::ProcessLink& link : links) {
      if (!followed.contains(link.parent) || !followed.insert(link.pid).second) continue;
      TC_CHECK(observer_->follow(link.pid));
      attached_.push_back(link.pid);
      grown = true;
    }
  }
  return {};
}

Result<std::vector<guest::Task>> BpfEngine::find_tasks() const {
  std::vector<guest::Task> tasks;
  if (warden_) {
    const auto pid = static_cast<std::uint32_t>(warden_->command_pid());
    tasks.push_back({.pid = pid, .tid = pid});
  }
  for (const std::uint32_t pid : attached_) {
    const std::vector<guest::Task> threads = threads_of(pid);
    tasks.insert(tasks.end(), threads.begin(), threads.end());
  }
  if (tasks.empty()) return error("every process to attach to has ended");
  return tasks;
}

Result<EngineOutcome> BpfEngine::run(guest::Listener& listener) {
  TC_ASSERT(reader_);
  BpfEvents events(listener);
  for (const guest::Task& task : tasks_) events.meet(task);
  if (warden_) {
    events.await_program(static_cast<std::uint32_t>(warden_->command_pid()));
    const Result<void> released = warden_->release();
    if (!released) {
      launch_failed_ = !stopping_;
      finish_reading(events, listener);
      return released.error();
    }
  }
  const Result<void> watched = watch(events, listener);
  finish_reading(events, listener);
  if (!watched) return watched.error();
  EngineOutcome outcome;
  if (!warden_) return outcome;
  warden_->hear();
  outcome.wait_status = warden_->wait_status();
  if (!outcome.wait_status)
    outcome.wait_status = events.wait_status(static_cast<std::uint32_t>(warden_->command_pid()));
  return outcome;
}

Result<void> BpfEngine::watch(BpfEvents& events, guest::Listener& listener) {
  while (true) {
    std::vector<pollfd> sources = {{backlog_.event(), POLLIN, 0}};
    if (!stopping_) sources.push_back({stop_event_.get(), POLLIN, 0});
    if (warden_ && !warden_->is_lost()) sources.push_back({warden_->news(), POLLIN, 0});
    const int patience = events.has_missed() ? kDoubtMs : -1;
    if (poll(sources.data(), sources.size(), patience) < 0 && errno != EINTR)
      return system_error(errno, "poll");
    if (warden_) warden_->hear();
    work_off(events, listener);
    if (is_over(events)) return {};
  }
}

void BpfEngine::work_off(BpfEvents& events, guest::Listener& listener) {
  // The ring's own order is the one in which things happened, as far as one caused another: each
  // record is in the ring before what it tells of goes on. By time stamp, a writer that was
  // preempted between stamp and ring could come too late.
  while (!backlog_.is_empty()) {
    const probe::Delivery delivery = backlog_.pop();
    if (!delivery.block) continue;
    delivery.block->for_each([&](std::span<const std::byte> record) { events.take(record); });
  }
  listener.on_idle();
}

bool BpfEngine::is_over(const BpfEvents& events) {
  // Whoever has been reaped has told its end.
  const bool is_left = stopping_ && options_.keep_alive;
  if (warden_ && !warden_->is_lost() && !is_left) return warden_->is_tree_gone();
  if (stopping_ || events.live_processes() == 0) return true;
  return events.has_missed() && observer_->followed_count() == 0;
}

void BpfEngine::finish_reading(BpfEvents& events, guest::Listener& listener) {
  observer_->close_gate();
  reader_->stop();
  while (!backlog_.is_finished()) {
    pollfd delivery{backlog_.event(), POLLIN, 0};
    poll(&delivery, 1, -1);
    work_off(events, listener);
  }
  const std::uint64_t now = boot_ns();
  for (const probe::Loss& loss : observer_->pending_losses())
    events.miss(now, loss.count, loss.reason);
}

void BpfEngine::stop() {
  stopping_ = true;
  if (warden_ && !options_.keep_alive) warden_->kill_tree();
  eventfd_write(stop_event_.get(), 1);
}

void BpfEngine::send(int signal) {
  if (warden_) warden_->send(signal);
}

}  // namespace tc::trace
