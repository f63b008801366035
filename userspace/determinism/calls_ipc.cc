// System V semaphores, message queues and shared memory, POSIX message queues. What would block is
// asked for with IPC_NOWAIT and waited for with the scheduler; what tells of times tells virtual
// ones. The objects themselves are the kernel's, in the sandbox's own IPC namespace, which counts
// them from the start.
#include <fcntl.h>
#include <fmt/format.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "determinism/calls.h"
#include "determinism/deadlines.h"
#include "determinism/open_file.h"

namespace tc::determinism {
namespace {

using guest::Handler;

constexpr std::uint32_t kMostOperations = 32000;  // of semop; SEMOPM is 500 unless changed

// An object that was there and is gone when it is tried again was removed meanwhile.
std::int64_t behind_wait(std::int64_t result, bool has_waited) {
  return result == -EINVAL && has_waited ? -EIDRM : result;
}

// --- semaphores ---------------------------------------------------------------------------------

// The operation that the set cannot do now, as the kernel goes through them (perform_atomic_semop
// of ipc/sem.c). Nothing when it cannot be told.
std::optional<sembuf> find_blocked(std::int32_t set, const std::vector<sembuf>& operations) {
  semid_ds status{};
  if (::semctl(set, 0, IPC_STAT, &status) != 0) return std::nullopt;
  std::vector<std::uint16_t> values(status.sem_nsems);
  if (::semctl(set, 0, GETALL, values.data()) != 0) return std::nullopt;
  for (const sembuf& operation : operations) {
    if (operation.sem_num >= values.size()) return std::nullopt;
    std::uint16_t& value = values[operation.sem_num];
    const int changed = value + operation.sem_op;
    const bool is_blocked = operation.sem_op == 0 ? value != 0 : changed < 0;
    if (is_blocked) return operation;
    value = static_cast<std::uint16_t>(changed);
  }
  return std::nullopt;
}

// Counted as a waiter for as long as it lives.
class CountedWait {
 public:
  CountedWait(World& world, TaskId task, const SemaphoreWait& wait)
      : waits_(world.semaphore_waits), task_(task) {
    waits_[task_] = wait;
  }
  CountedWait(const CountedWait&) = delete;
  CountedWait& operator=(const CountedWait&) = delete;
  ~CountedWait() { waits_.erase(task_); }

 private:
  std::map<TaskId, SemaphoreWait>& waits_;
  TaskId task_;
};

struct SemaphoreCall {
  sys::call::semtimedop made;
  std::vector<sembuf> operations;
  std::optional<std::int64_t> deadline_ns;
};

Handler operate(World& world, Tracee& guest, SemaphoreCall call) {
  std::vector<sembuf> impatient = call.operations;
  for (sembuf& operation : impatient)
    operation.sem_flg = static_cast<short>(operation.sem_flg | IPC_NOWAIT);
  const Result<std::uint64_t> placed = guest.place(std::as_bytes(std::span(impatient)));
  if (!placed) co_return guest::pass();
  sys::call::semtimedop attempt_call = call.made;
  attempt_call.tsops.address = *placed;
  attempt_call.timeout.address = 0;
  const std::int32_t set = call.made.semid.value;
  bool has_waited = false;
  while (true) {
    guest::Injection attempt = Tracee::inject(attempt_call);
    const std::int64_t result = co_await attempt;
    if (result != -EAGAIN) co_return answer_of(behind_wait(result, has_waited));
    const std::optional<sembuf> blocked = find_blocked(set, call.operations);
    if (!blocked || (blocked->sem_flg & IPC_NOWAIT) != 0) co_return -EAGAIN;
    guest::Wait wait;
    wait.retry = true;
    wait.deadline_ns = call.deadline_ns;
    wait.what = fmt::format("semaphore {} of set {}", blocked->sem_num, set);
    guest::Woken woken = guest::Woken::kReady;
    {
      const CountedWait counted(
          world, guest.id(),
          {.set = set, .number = blocked->sem_num, .for_zero = blocked->sem_op == 0});
      guest::Waiting waiting(std::move(wait));
      woken = co_await waiting;
    }
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(-EINTR);
    if (woken == guest::Woken::kDeadline) co_return -EAGAIN;
    has_waited = true;
  }
}

Handler answer_semtimedop(World& world, sys::call::semtimedop made, Tracee& guest) {
  SemaphoreCall call{.made = made, .operations = {}, .deadline_ns = {}};
  if (made.nsops.value == 0 || made.nsops.value > kMostOperations)
    return answer_with(guest::pass());
  call.operations.resize(made.nsops.value);
  if (!guest.read_memory(made.tsops.address, std::as_writable_bytes(std::span(call.operations))))
    return answer_with(-EFAULT);
  if (made.timeout.address != 0) {
    const auto limit = guest.read(made.timeout);
    if (!limit) return answer_with(-EFAULT);
    const auto duration = duration_ns(limit->tv_sec.value, limit->tv_nsec.value);
    if (!duration) return answer_with(-EINVAL);
    call.deadline_ns = add_ns(world.clock.monotonic_ns(), *duration);
  }
  const bool never_waits =
      std::all_of(call.operations.begin(), call.operations.end(),
                  [](const sembuf& operation) { return (operation.sem_flg & IPC_NOWAIT) != 0; });
  if (never_waits) return answer_with(guest::pass());
  return operate(world, guest, std::move(call));
}

Handler answer_semop(World& world, sys::call::semop made, Tracee& guest) {
  return answer_semtimedop(
      world, {.semid = made.semid, .tsops = made.tsops, .nsops = made.nsops, .timeout = {}}, guest);
}

// --- System V message queues --------------------------------------------------------------------

// Tries with IPC_NOWAIT until there is room, or a message.
Handler exchange_message(guest::RawCall call, std::size_t flags_argument, std::int64_t not_now,
                         std::string what) {
  call.arguments[flags_argument] |= IPC_NOWAIT;
  bool has_waited = false;
  while (true) {
    guest::Injection attempt(call.number, call.arguments);
    const std::int64_t result = co_await attempt;
    if (result != not_now) co_return answer_of(behind_wait(result, has_waited));
    guest::Wait wait;
    wait.retry = true;
    wait.what = what;
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(guest::kRestartNoHand);
    has_waited = true;
  }
}

Handler answer_msgsnd(World& /*world*/, sys::call::msgsnd call, Tracee& /*guest*/) {
  if ((call.msgflg.value & IPC_NOWAIT) != 0) return answer_with(guest::pass());
  return exchange_message(raw_call(call), 3, -EAGAIN,
                          fmt::format("room in message queue {}", call.msqid.value));
}

Handler answer_msgrcv(World& /*world*/, sys::call::msgrcv call, Tracee& /*guest*/) {
  if ((call.msgflg.value & IPC_NOWAIT) != 0) return answer_with(guest::pass());
  return exchange_message(raw_call(call), 4, -ENOMSG,
                          fmt::format("a message of queue {}", call.msqid.value));
}

// --- status -------------------------------------------------------------------------------------

// struct semid64_ds of x86-64 (arch/x86/include/uapi/asm/sembuf.h).
struct SemaphoreStatus {
  sys::abi::ipc_perm permissions;
  std::int64_t operated;
  std::uint64_t unused0;
  std::int64_t changed;
  std::uint64_t unused1;
  std::uint64_t count;
  std::uint64_t unused2[2];
};
static_assert(sizeof(SemaphoreStatus) == sizeof(semid_ds));

std::int64_t now_in_seconds(const World& world) { return world.clock.wall_ns() / kSecondNs; }
// The kernel's time of something that happened, or 0: it has not.
void make_virtual(const World& world, std::int64_t& seconds) {
  if (seconds != 0) seconds = now_in_seconds(world);
}

Handler tell_semaphores(World& world, Tracee& guest, sys::call::semctl call) {
  guest::Injection attempt = Tracee::inject(call);
  const std::int64_t result = co_await attempt;
  SemaphoreStatus status{};
  const auto bytes = std::span(&status, 1);
  if (result < 0) co_return answer_of(result);
  if (!guest.read_memory(call.arg.value, std::as_writable_bytes(bytes))) co_return -EFAULT;
  make_virtual(world, status.operated);
  make_virtual(world, status.changed);
  if (!guest.write_memory(call.arg.value, std::as_bytes(bytes))) co_return -EFAULT;
  co_return result;
}

Handler count_waiters(const World& world, sys::call::semctl call, bool for_zero) {
  guest::Injection attempt = Tracee::inject(call);
  const std::int64_t result = co_await attempt;
  if (result < 0) co_return answer_of(result);
  co_return std::count_if(
      world.semaphore_waits.begin(), world.semaphore_waits.end(), [&](const auto& wait) {
        return wait.second.set == call.semid.value && wait.second.number == call.semnum.value &&
               wait.second.for_zero == for_zero;
      });
}

// The command without the flag by which old programs ask for new structs.
constexpr std::uint32_t kNewStructs = 0x100;  // IPC_64

Handler answer_semctl(World& world, sys::call::semctl call, Tracee& guest) {
  switch (call.cmd.value & ~kNewStructs) {
    case IPC_STAT:
    case SEM_STAT:
    case SEM_STAT_ANY:
      return tell_semaphores(world, guest, call);
    case GETNCNT:
      return count_waiters(world, call, /*for_zero=*/false);
    case GETZCNT:
      return count_waiters(world, call, /*for_zero=*/true);
    default:
      return answer_with(guest::pass());
  }
}

Handler tell_queue(World& world, Tracee& guest, sys::call::msgctl call) {
  guest::Injection attempt = Tracee::inject(call);
  const std::int64_t result = co_await attempt;
  if (result < 0) co_return answer_of(result);
  auto status = guest.read(call.buf);
  if (!status) co_return -EFAULT;
  make_virtual(world, status->msg_stime.value);
  make_virtual(world, status->msg_rtime.value);
  make_virtual(world, status->msg_ctime.value);
  const Result<void> written = guest.write(call.buf, *status);
  co_return written.ok() ? result : -EFAULT;
}

Handler answer_msgctl(World& world, sys::call::msgctl call, Tracee& guest) {
  switch (call.cmd.value & ~kNewStructs) {
    case IPC_STAT:
    case MSG_STAT:
    case MSG_STAT_ANY:
      return tell_queue(world, guest, call);
    default:
      return answer_with(guest::pass());
  }
}

Handler tell_memory(World& world, Tracee& guest, sys::call::shmctl call) {
  guest::Injection attempt = Tracee::inject(call);
  const std::int64_t result = co_await attempt;
  if (result < 0) co_return answer_of(result);
  auto status = guest.read(call.buf);
  if (!status) co_return -EFAULT;
  make_virtual(world, status->shm_atime.value);
  make_virtual(world, status->shm_dtime.value);
  make_virtual(world, status->shm_ctime.value);
  const Result<void> written = guest.write(call.buf, *status);
  co_return written.ok() ? result : -EFAULT;
}

// What is swapped out is the host's affair.
Handler tell_all_memory(Tracee& guest, sys::call::shmctl call) {
  guest::Injection attempt = Tracee::inject(call);
  const std::int64_t result = co_await attempt;
  if (result < 0) co_return answer_of(result);
  shm_info status{};
  const auto bytes = std::span(&status, 1);
  if (!guest.read_memory(call.buf.address, std::as_writable_bytes(bytes))) co_return -EFAULT;
  status.shm_rss += std::exchange(status.shm_swp, 0);
  status.swap_attempts = 0;
  status.swap_successes = 0;
  if (!guest.write_memory(call.buf.address, std::as_bytes(bytes))) co_return -EFAULT;
  co_return result;
}

Handler answer_shmctl(World& world, sys::call::shmctl call, Tracee& guest) {
  switch (call.cmd.value & ~kNewStructs) {
    case IPC_STAT:
    case SHM_STAT:
    case SHM_STAT_ANY:
      return tell_memory(world, guest, call);
    case SHM_INFO:
      return tell_all_memory(guest, call);
    default:
      return answer_with(guest::pass());
  }
}

// --- POSIX message queues -----------------------------------------------------------------------

// A queue is a file that poll(2) tells of; the limit is a point of the wall clock.
Handler exchange_posix(World& world, Tracee& guest, int fd, std::int16_t events,
                       const sys::RemotePointer<sys::abi::wait_limit>& limit_at,
                       const guest::RawCall& call) {
  auto queue = find_file(world, guest, fd);
  if (!queue || queue->is_nonblocking()) return answer_with(guest::pass());
  ReadyCall ready{.file = *std::move(queue), .events = events};
  ready.at_deadline = -ETIMEDOUT;
  ready.attempt = call;
  if (limit_at.address != 0) {
    const auto limit = guest.read(limit_at);
    const auto wall_ns =
        limit ? duration_ns(limit->tv_sec.value, limit->tv_nsec.value) : std::nullopt;
    if (!wall_ns) return answer_with(guest::pass());
    ready.deadline_ns = monotonic_of_wall(world.clock, *wall_ns);
  }
  return pass_when_ready(std::move(ready));
}

Handler answer_mq_timedsend(World& world, sys::call::mq_timedsend call, Tracee& guest) {
  return exchange_posix(world, guest, call.mqdes.value, POLLOUT, call.u_abs_timeout,
                        raw_call(call));
}
Handler answer_mq_timedreceive(World& world, sys::call::mq_timedreceive call, Tracee& guest) {
  return exchange_posix(world, guest, call.mqdes.value, POLLIN, call.u_abs_timeout, raw_call(call));
}

Handler answer_mq_notify(World& world, sys::call::mq_notify call, Tracee& /*guest*/) {
  if (call.u_notification.address != 0) world.asynchronous_signals = true;
  return answer_with(guest::pass());
}

}  // namespace

void add_ipc_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::semop>(handlers, world, answer_semop);
  on<sys::call::semtimedop>(handlers, world, answer_semtimedop);
  on<sys::call::semctl>(handlers, world, answer_semctl);
  on<sys::call::msgsnd>(handlers, world, answer_msgsnd);
  on<sys::call::msgrcv>(handlers, world, answer_msgrcv);
  on<sys::call::msgctl>(handlers, world, answer_msgctl);
  on<sys::call::shmctl>(handlers, world, answer_shmctl);
  on<sys::call::mq_timedsend>(handlers, world, answer_mq_timedsend);
  on<sys::call::mq_timedreceive>(handlers, world, answer_mq_timedreceive);
  on<sys::call::mq_notify>(handlers, world, answer_mq_notify);
}

}  // namespace tc::determinism
