#include "ptrace/tracer.h"

#include <dirent.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "base/number.h"
#include "proc/tree.h"
#include "sys/filter.h"

namespace tc::ptrace {
namespace {

constexpr std::uint64_t kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
                                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                                   PTRACE_O_TRACEEXIT;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

// Empty when there is no such process.
std::vector<std::uint32_t> threads_of(std::uint32_t pid) {
  std::vector<std::uint32_t> tids;
  const std::unique_ptr<DIR, CloseDirectory> directory(
      opendir(fmt::format("/proc/{}/task", pid).c_str()));
  while (const dirent* entry = directory ? readdir(directory.get()) : nullptr)
    if (const auto tid = base::parse_unsigned<std::uint32_t>(entry->d_name)) tids.push_back(*tid);
  // The leader, which has the lowest number unless numbers have wrapped around, comes first.
  std::stable_partition(tids.begin(), tids.end(), [pid](std::uint32_t tid) { return tid == pid; });
  return tids;
}

std::vector<std::uint32_t> children_of(const std::set<std::uint32_t>& parents) {
  std::vector<std::uint32_t> children;
  const auto links = proc::process_links();
  if (!links) return children;
  for (const proc::ProcessLink& link : *links)
    if (parents.contains(link.parent)) children.push_back(link.pid);
  return children;
}

Error explained(const Error& failure, std::uint32_t pid) {
  if (failure.code() != EPERM) return failure;
  return Error(fmt::format("{} (another tracer may have it, see TracerPid in /proc/{}/status; or "
                           "the user may not, see /proc/sys/kernel/yama/ptrace_scope)",
                           failure.text(), pid),
               failure.code());
}

}  // namespace

StopOptions Tracer::stop_options() const {
  return {.calls = options_.calls,
          .data_max = options_.data_max,
          .places = options_.places,
          .is_filtered = !options_.command.empty() && !options_.keep_alive,
          .handlers = options_.handlers};
}

Tracer::Tracer(const TracerOptions& options) : options_(options), stops_(stop_options()) {}

Tracer::~Tracer() {
  if (former_cpus_) sched_setaffinity(0, sizeof(*former_cpus_), &*former_cpus_);
}

Result<std::vector<guest::Task>> Tracer::prepare() {
  TC_ASSERT(options_.command.empty() != options_.pids.empty());
  TC_TRY(Bell bell, Bell::hang());
  bell_.emplace(std::move(bell));
  return options_.command.empty() ? attach() : launch();
}

void Tracer::pin_to_one_cpu() {
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0) return;
  const int here = sched_getcpu();
  if (here < 0) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(here), &one);
  if (sched_setaffinity(0, sizeof(one), &one) == 0) former_cpus_ = cpus;
}

Result<std::vector<guest::Task>> Tracer::launch() {
  if (options_.pin) pin_to_one_cpu();
  const StopOptions stop = stop_options();
  const sys::FilterProgram filter =
      stop.is_filtered ? sys::trace_filter(filter_calls(stop)) : sys::FilterProgram{};
  TC_TRY(HeldCommand command, HeldCommand::hold(options_.command, filter));
  command_.emplace(std::move(command));
  std::uint64_t options = kOptions;
  if (stop.is_filtered) options |= PTRACE_O_TRACESECCOMP;
  if (!options_.keep_alive) options |= PTRACE_O_EXITKILL;
  TC_CHECK(seize(command_->pid(), options));
  // Without a filter each call has to stop, which begins with the first stop of all.
  if (!stop.is_filtered) interrupt(command_->pid());
  const auto pid = static_cast<std::uint32_t>(command_->pid());
  stops_.meet({.pid = pid, .tid = pid}, /*is_silent=*/true);
  stops_.watch_end_of(pid);
  return std::vector<guest::Task>{{.pid = pid, .tid = pid}};
}

// True: there was a thread that was not traced yet.
Result<bool> Tracer::attach_process(std::uint32_t pid, bool is_named,
                                    std::vector<guest::Task>& tasks) {
  bool found_new = false;
  const std::vector<std::uint32_t> tids = threads_of(pid);
  if (tids.empty() && is_named) return system_error(ESRCH, fmt::format("trace process {}", pid));
  for (const std::uint32_t tid : tids) {
    const auto is_known = [tid](const guest::Task& task) { return task.tid == tid; };
    if (std::any_of(tasks.begin(), tasks.end(), is_known)) continue;
    // A thread made since by one that is traced is so from its birth, and refuses; its creator
    // will tell of it.
    const Result<void> seized = seize(static_cast<pid_t>(tid), kOptions);
    if (!seized && is_named && tid == pid) return explained(seized.error(), pid);
    if (!seized) continue;
    tasks.push_back({.pid = pid, .tid = tid});
    stops_.meet(tasks.back());
    found_new = true;
  }
  return found_new;
}

Result<std::vector<guest::Task>> Tracer::attach() {
  std::vector<guest::Task> tasks;
  const std::set<std::uint32_t> named(options_.pids.begin(), options_.pids.end());
  for (const std::uint32_t pid : options_.pids) TC_CHECK(attach_process(pid, true, tasks));
  // What is traced cannot make anything that is not; so this ends.
  for (bool found_new = true; found_new;) {
    found_new = false;
    std::set<std::uint32_t> pids;
    for (const guest::Task& task : tasks) pids.insert(task.pid);
    const std::vector<std::uint32_t> children = children_of(pids);
    pids.insert(children.begin(), children.end());
    for (const std::uint32_t pid : pids) {
      TC_TRY(const bool is_new, attach_process(pid, false, tasks));
      found_new = found_new || is_new;
    }
  }
  for (const guest::Task& task : tasks) interrupt(static_cast<pid_t>(task.tid));
  return tasks;
}

Result<void> Tracer::wait_and_handle(guest::Listener& listener) {
  int status = 0;
  const pid_t tid = waitpid(-1, &status, __WALL);
  if (tid < 0) {
    if (errno == EINTR) return {};
    return system_error(errno, "wait for the traced processes");
  }
  if (!bell_->is_rung_by(tid)) stops_.handle(tid, WaitStatus(status), listener);
  return {};
}

Result<std::optional<int>> Tracer::run(guest::Listener& listener) {
  if (command_) TC_CHECK(command_->release());
  while (!stops_.is_done()) {
    if (stop_wanted_ && !std::exchange(is_stopping_, true)) {
      if (command_ && !options_.keep_alive)
        stops_.kill_all();
      else
        stops_.release_all();
    }
    TC_CHECK(wait_and_handle(listener));
  }
  if (!command_) return std::optional<int>();
  if (!stops_.watched_has_started()) {
    if (const auto failure = command_->failure()) {
      launch_failed_ = true;
      return *failure;
    }
  }
  return stops_.watched_status();
}

void Tracer::stop() {
  stop_wanted_ = true;
  bell_->ring();
}

void Tracer::send(int signal) const {
  if (command_) command_->send(signal);
}

}  // namespace tc::ptrace
