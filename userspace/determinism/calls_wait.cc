// Waiting for children: wait4(2) and waitid(2). The kernel tells and reaps them; it is only never
// let wait itself.
#include <fcntl.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

#include "determinism/calls.h"
#include "determinism/cpu_time.h"

namespace tc::determinism {
namespace {

using sys::call::wait4;
using sys::call::waitid;

guest::Wait wait_for_children() {
  guest::Wait wait;
  wait.children = true;
  wait.what = "a child to change its state";
  return wait;
}

// How much of the host a child has used is not told.
std::int64_t write_usage(Tracee& guest, const sys::RemotePointer<sys::abi::rusage>& pointer) {
  if (pointer.address == 0) return 0;
  return guest.write(pointer, consumed(0)) ? 0 : -EFAULT;
}

guest::Handler answer_wait4(World& /*world*/, wait4 call, Tracee& guest) {
  const bool may_wait = (call.options.value & WNOHANG) == 0;
  if (!may_wait && call.ru.address == 0) co_return guest::pass();
  call.options.value |= WNOHANG;
  while (true) {
    const std::int64_t pid = co_await guest.inject(call);
    if (pid > 0) {
      const std::int64_t written = write_usage(guest, call.ru);
      co_return written != 0 ? written : pid;
    }
    if (pid != 0 || !may_wait) co_return pid;
    const guest::Woken woken = co_await Tracee::wait(wait_for_children());
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(guest::kRestartSys);
  }
}

// A process descriptor with O_NONBLOCK asks for EAGAIN instead of a wait.
bool never_waits(Tracee& guest, const waitid& call) {
  if ((call.options.value & WNOHANG) != 0) return true;
  if (call.which.value != P_PIDFD) return false;
  const Result<UniqueFd> file = guest.file(call.upid.value);
  return file && (::fcntl(file->get(), F_GETFL) & O_NONBLOCK) != 0;
}

guest::Handler answer_waitid(World& /*world*/, waitid call, Tracee& guest) {
  const bool may_wait = !never_waits(guest, call);
  if (!may_wait && call.ru.address == 0) co_return guest::pass();
  if (may_wait) call.options.value |= WNOHANG;
  if (may_wait && call.infop.address == 0) {
    // Whether there was a child is told only there.
    const sys::abi::child_info nobody{};
    const Result<std::uint64_t> room = guest.place(std::as_bytes(std::span(&nobody, 1)));
    if (!room) co_return -EFAULT;
    call.infop.address = *room;
  }
  while (true) {
    const std::int64_t result = co_await guest.inject(call);
    if (result != 0) co_return result;
    bool has_child = true;
    if (call.infop.address != 0) {
      const Result<sys::abi::child_info> child = guest.read(call.infop);
      if (!child) co_return -EFAULT;
      has_child = child->pid.value != 0;
    }
    if (has_child) co_return write_usage(guest, call.ru);
    if (!may_wait) co_return 0;
    const guest::Woken woken = co_await Tracee::wait(wait_for_children());
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(guest::kRestartSys);
  }
}

}  // namespace

void add_wait_calls(guest::Handlers& handlers, World& world) {
  on<wait4>(handlers, world, answer_wait4);
  on<waitid>(handlers, world, answer_waitid);
}

}  // namespace tc::determinism
