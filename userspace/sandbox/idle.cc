// What happens when nobody can run: the outside is waited for, time goes on, or it is a deadlock.
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "sandbox/engine.h"
#include "sys/table.h"

namespace tc::sandbox {
namespace {

// How long what is left of the run may go on after the command has ended: virtual, since waiting
// costs nothing.
constexpr std::int64_t kAfterlifeNs = 10 * determinism::kSecondNs;
constexpr std::int64_t kMillisecondNs = 1'000'000;

}  // namespace

bool Engine::pass_time() {
  if (wait_for_outside()) return true;
  const auto next = next_event_ns();
  if (command_ended_ns_ && (!next || *next > *command_ended_ns_ + kAfterlifeNs)) {
    is_over_ = true;
    return false;
  }
  if (next) {
    world_.clock.jump_to_monotonic(*next);
    return true;
  }
  // Stopped processes are nobody's deadlock when they could be continued only from outside.
  outcome_.kind = Outcome::Kind::kDeadlock;
  outcome_.status = kDeadlockStatus;
  outcome_.report = deadlock_report();
  is_over_ = true;
  return false;
}

std::optional<std::int64_t> Engine::next_event_ns() const {
  const auto deadline = scheduler_.next_deadline();
  const auto timer = world_.timers.next();
  if (!deadline || !timer) return deadline ? deadline : timer;
  return std::min(*deadline, *timer);
}

bool Engine::is_outside(const guest::WaitFile& file) const {
  struct stat status {};
  if (fstat(file.file->get(), &status) != 0) return false;
  if (options_.settings.host_network && S_ISSOCK(status.st_mode)) return true;
  return std::any_of(outside_.begin(), outside_.end(), [&](const auto& entry) {
    return entry.second == determinism::FileId{.device = status.st_dev, .inode = status.st_ino};
  });
}

bool Engine::is_ready_outside(const Task& task) const {
  if (task.spin || !task.handler) return false;
  const auto& files = task.handler->wait().files;
  return std::any_of(files.begin(), files.end(), [this](const guest::WaitFile& file) {
    pollfd asked{.fd = file.file->get(), .events = file.events, .revents = 0};
    return is_outside(file) && ::poll(&asked, 1, 0) == 1;
  });
}

// Input that was there before the run is as good as there at once: it is waited for, and no virtual
// time passes. A terminal is different: nobody may ever type.
bool Engine::wait_for_outside() {
  bool has_outside = false;
  bool has_terminal_only = true;
  for (const Scheduler::Waiter& waiter : scheduler_.waiters())
    for (const guest::WaitFile& file : waiter.wait->files) {
      if (!is_outside(file)) continue;
      has_outside = true;
      if (isatty(file.file->get()) == 0) has_terminal_only = false;
    }
  if (!has_outside || command_ended_ns_) return false;
  const auto next = next_event_ns();
  if (has_terminal_only && next) return false;
  int timeout_ms = -1;
  const auto begun = std::chrono::steady_clock::now();
  // With the host's network real time matters, and passes here as there.
  if (options_.settings.host_network && next)
    timeout_ms = static_cast<int>(
        std::max<std::int64_t>(0, (*next - world_.clock.monotonic_ns()) / kMillisecondNs + 1));
  if (options_.timeout_ns) {
    const auto left = std::chrono::nanoseconds(*options_.timeout_ns) - (begun - started_);
    const auto left_ms = std::chrono::duration_cast<Milliseconds>(left).count();
    if (left_ms <= 0) {
      outcome_.kind = Outcome::Kind::kTimeout;
      outcome_.status = kTimeoutStatus;
      is_over_ = true;
      return true;
    }
    if (timeout_ms < 0 || left_ms < timeout_ms) timeout_ms = static_cast<int>(left_ms) + 1;
  }
  scheduler_.wait_for_files([this](const guest::WaitFile& file) { return is_outside(file); },
                            timeout_ms);
  if (options_.settings.host_network) {
    const auto passed = std::chrono::steady_clock::now() - begun;
    world_.clock.advance(std::chrono::duration_cast<std::chrono::nanoseconds>(passed).count());
  }
  return true;
}

std::string Engine::deadlock_report() const {
  std::string report = "deadlock: every task waits, and nothing is left that could wake one\n";
  for (const auto& [id, task] : tasks_) {
    if (task->process->told.order == 1) continue;
    std::string what = "?";
    if (task->spin) {
      what = task->spin->wait.what;
    } else if (task->handler && task->handler->is_waiting()) {
      const sys::Row* const row = sys::find_row(task->call.number);
      what = fmt::format("{}: {}", row == nullptr ? "?" : row->name, task->handler->wait().what);
    } else if (task->state == TaskState::kStopped) {
      what = "SIGCONT: it is stopped";
    } else if (task->state == TaskState::kVfork) {
      what = "its child (vfork) to execute a program or to end";
    } else if (task->state == TaskState::kZombie) {
      what = "the other threads of its process to end";
    }
    report +=
        fmt::format("  {} (pid {}) waits for {}\n", task->name, task->process->told.pid, what);
  }
  return report;
}

}  // namespace tc::sandbox
