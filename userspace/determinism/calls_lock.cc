// flock and fcntl: locks of files, of which one that is held is waited for with the scheduler; and
// the requests of fcntl by which descriptors come to send signals.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "determinism/calls.h"
#include "determinism/open_file.h"

namespace tc::determinism {
namespace {

using guest::Handler;
using FlockCall = sys::call::flock;
using FcntlCall = sys::call::fcntl;

guest::Wait wait_for_lock(int fd, const char* kind) {
  guest::Wait wait;
  wait.retry = true;
  wait.what = fmt::format("a {} lock (descriptor {})", kind, fd);
  return wait;
}

// --- flock --------------------------------------------------------------------------------------

// The lock belongs to the open file description, so ours is the guest's.
Handler answer_flock(World& world, FlockCall call, Tracee& guest) {
  const auto file = find_file(world, guest, call.fd.value);
  if (!file) co_return guest::pass();
  const int operation = static_cast<int>(call.cmd.value);
  while (true) {
    if (::flock(file->get(), operation | LOCK_NB) == 0) co_return 0;
    const int reason = errno;
    if (reason != EWOULDBLOCK || (operation & LOCK_NB) != 0) co_return -reason;
    guest::Wait wait = wait_for_lock(call.fd.value, "flock");
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(guest::kRestartSys);
  }
}

// --- record locks -------------------------------------------------------------------------------

std::optional<struct flock> read_flock(Tracee& guest, std::uint64_t address) {
  struct flock lock {};
  if (!guest.read_memory(address, std::as_writable_bytes(std::span(&lock, 1)))) return std::nullopt;
  return lock;
}
bool write_flock(Tracee& guest, std::uint64_t address, const struct flock& lock) {
  return guest.write_memory(address, std::as_bytes(std::span(&lock, 1))).ok();
}

// A process that waits for another's record lock, for as long as this lives: what the kernel looks
// through for a circle (posix_locks_deadlock), and cannot see since nobody waits in it.
class LockWait {
 public:
  LockWait(World& world, pid_t waiter) : waits_(world.record_lock_waits), waiter_(waiter) {}
  LockWait(const LockWait&) = delete;
  LockWait& operator=(const LockWait&) = delete;
  ~LockWait() { end(); }

  void begin(pid_t owner) { waits_[waiter_] = owner; }
  void end() { waits_.erase(waiter_); }
  // Would a wait for `owner` be one for itself?
  bool would_close_circle(pid_t owner) const {
    std::set<pid_t> seen;
    while (seen.insert(owner).second) {
      if (owner == waiter_) return true;
      const auto next = waits_.find(owner);
      if (next == waits_.end()) return false;
      owner = next->second;
    }
    return false;
  }

 private:
  std::map<pid_t, pid_t>& waits_;
  pid_t waiter_;
};

// F_SETLKW: the lock is the process's, so only the guest can ask for it.
Handler lock_record(World& world, Tracee& guest, FcntlCall call) {
  const auto read = read_flock(guest, call.arg.address);
  if (!read) co_return guest::pass();
  const struct flock wanted = *read;
  FcntlCall attempt_call = call;
  attempt_call.cmd.value = F_SETLK;
  // Who holds it is asked at a place of ours, since the answer overwrites the question.
  FcntlCall question = call;
  question.cmd.value = F_GETLK;
  const Result<std::uint64_t> placed = guest.place(std::as_bytes(std::span(&wanted, 1)));
  question.arg.address = placed ? *placed : 0;
  LockWait lock_wait(world, guest.process().pid);
  while (true) {
    guest::Injection attempt = Tracee::inject(attempt_call);
    const std::int64_t result = co_await attempt;
    if (result != -EAGAIN && result != -EACCES) co_return answer_of(result);
    if (question.arg.address != 0 && write_flock(guest, question.arg.address, wanted)) {
      guest::Injection asking = Tracee::inject(question);
      const std::int64_t told = co_await asking;
      const auto held = told == 0 ? read_flock(guest, question.arg.address) : std::nullopt;
      if (held && held->l_type != F_UNLCK && held->l_pid > 0) {
        if (lock_wait.would_close_circle(held->l_pid)) co_return -EDEADLK;
        lock_wait.begin(held->l_pid);
      }
    }
    guest::Wait wait = wait_for_lock(call.fd.value, "record");
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    lock_wait.end();
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(guest::kRestartSys);
  }
}

// F_OFD_SETLKW: like flock's, it belongs to the open file description.
Handler lock_description(World& world, Tracee& guest, FcntlCall call) {
  const auto file = find_file(world, guest, call.fd.value);
  if (!file) co_return guest::pass();
  auto wanted = read_flock(guest, call.arg.address);
  if (!wanted) co_return -EFAULT;
  while (true) {
    if (::fcntl(file->get(), F_OFD_SETLK, &*wanted) == 0) co_return 0;
    const int reason = errno;
    if (reason != EAGAIN && reason != EACCES) co_return -reason;
    guest::Wait wait = wait_for_lock(call.fd.value, "record");
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(guest::kRestartSys);
  }
}

// --- fcntl --------------------------------------------------------------------------------------

Handler answer_fcntl(World& world, FcntlCall call, Tracee& guest) {
  switch (call.cmd.value) {
    case F_SETLKW:
      return lock_record(world, guest, call);
    case F_OFD_SETLKW:
      return lock_description(world, guest, call);
    case F_SETFL:
      if ((call.arg.address & O_ASYNC) != 0) world.asynchronous_signals = true;
      return answer_with(guest::pass());
    case F_NOTIFY:
      world.asynchronous_signals = true;
      return answer_with(guest::pass());
    case F_SETLEASE:
      // Whoever opens a leased file waits in the kernel for the holder: as if it were open
      // elsewhere, there is no lease to be had.
      return answer_with(call.arg.address == F_UNLCK ? guest::pass() : -EAGAIN);
    default:
      return answer_with(guest::pass());
  }
}

}  // namespace

void add_lock_calls(guest::Handlers& handlers, World& world) {
  on<FlockCall>(handlers, world, answer_flock);
  on<FcntlCall>(handlers, world, answer_fcntl);
}

}  // namespace tc::determinism
