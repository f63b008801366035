// sendfile, splice, tee, vmsplice, copy_file_range: what moves bytes between two descriptors. Once
// both ends are ready the kernel moves what there is and returns, but for a socket at the far end,
// which is written without blocking.
#include "determinism/calls_splice.h"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <utility>

#include "determinism/calls.h"
#include "determinism/transfer.h"

namespace tc::determinism {
namespace {

using guest::Handler;
using guest::RawCall;

struct Splice {
  OpenFile in;
  OpenFile out;
  RawCall call;
  std::size_t length_argument = 0;
  bool is_whole = false;  // goes on until all is there (sendfile)
};

// An end that can wait, and has the call wait.
bool may_wait(const OpenFile& end) {
  return end.kind != FileKind::kFile && end.kind != FileKind::kMemory && !end.is_nonblocking();
}
bool is_blocked(const OpenFile& end, std::int16_t events) {
  return may_wait(end) && poll_now(end, events) == 0;
}

Handler splice_to_socket(Splice splice) {
  RawCall call = splice.call;
  std::uint64_t& left = call.arguments[splice.length_argument];
  std::int64_t done = 0;
  while (true) {
    std::int64_t result = 0;
    {
      const NonBlocking out(splice.out);
      const NonBlocking in(splice.in);
      guest::Injection attempt(call.number, call.arguments);
      result = co_await attempt;
    }
    if (result > 0) {
      done += result;
      left -= static_cast<std::uint64_t>(result);
      if (!splice.is_whole || left == 0) co_return done;
      continue;
    }
    if (result != -EAGAIN) co_return done > 0 ? guest::Answer(done) : answer_of(result);
    const bool needs_input = is_blocked(splice.in, POLLIN);
    guest::Wait wait = needs_input ? wait_for(splice.in, POLLIN) : wait_for(splice.out, POLLOUT);
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    if (woken == guest::Woken::kReady) continue;
    if (done > 0) co_return done;
    co_return guest::interrupted(guest::kRestartSys);
  }
}

// The kernel's own loop over the pieces ends early when somebody knocks at the task, as whoever
// looks for spins does (engine.cc); not so in a call that is awaited.
Handler pass_when_both_are_ready(Splice splice) {
  while (true) {
    const bool needs_input = is_blocked(splice.in, POLLIN);
    const bool needs_room = is_blocked(splice.out, POLLOUT);
    if (!needs_input && !needs_room) break;
    guest::Wait wait = needs_input ? wait_for(splice.in, POLLIN) : wait_for(splice.out, POLLOUT);
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(guest::kRestartSys);
  }
  guest::Injection whole(splice.call.number, splice.call.arguments);
  const std::int64_t result = co_await whole;
  co_return answer_of(result);
}

Handler move_bytes(World& world, Tracee& guest, int in_fd, int out_fd, Splice splice) {
  auto in = find_file(world, guest, in_fd);
  auto out = find_file(world, guest, out_fd);
  if (!in || !out || !in->may_read() || !out->may_write() ||
      splice.call.arguments[splice.length_argument] == 0)
    return answer_with(guest::pass());
  // The host's random bytes do not get in this way: whoever tries falls back to read(2).
  if (in->kind == FileKind::kRandom) return answer_with(-EINVAL);
  if (out->kind == FileKind::kFile) world.inodes.modified(out->id, world.clock.wall_ns());
  splice.in = *std::move(in);
  splice.out = *std::move(out);
  if (splice.out.kind == FileKind::kSocket && may_wait(splice.out) && !splice.out.outside)
    return splice_to_socket(std::move(splice));
  return pass_when_both_are_ready(std::move(splice));
}

Handler answer_sendfile(World& world, sys::call::sendfile call, Tracee& guest) {
  Splice splice;
  splice.call = raw_call(call);
  splice.length_argument = 3;
  splice.is_whole = true;
  return move_bytes(world, guest, call.in_fd.value, call.out_fd.value, std::move(splice));
}

Handler answer_splice(World& world, sys::call::splice call, Tracee& guest) {
  if ((call.flags.value & SPLICE_F_NONBLOCK) != 0) return answer_with(guest::pass());
  Splice splice;
  splice.call = raw_call(call);
  splice.length_argument = 4;
  return move_bytes(world, guest, call.fd_in.value, call.fd_out.value, std::move(splice));
}

Handler answer_tee(World& world, sys::call::tee call, Tracee& guest) {
  if ((call.flags.value & SPLICE_F_NONBLOCK) != 0) return answer_with(guest::pass());
  Splice splice;
  splice.call = raw_call(call);
  splice.length_argument = 2;
  return move_bytes(world, guest, call.fdin.value, call.fdout.value, std::move(splice));
}

Handler answer_vmsplice(World& world, sys::call::vmsplice call, Tracee& guest) {
  auto pipe = find_file(world, guest, call.fd.value);
  if (!pipe || pipe->kind != FileKind::kPipe || (call.flags.value & SPLICE_F_NONBLOCK) != 0)
    return answer_with(guest::pass());
  // The end of the pipe says which way it goes; one that does both is written to.
  const std::int16_t events = pipe->may_write() ? POLLOUT : POLLIN;
  return pass_when_ready({.file = *std::move(pipe), .events = events});
}

Handler answer_copy_file_range(World& world, sys::call::copy_file_range call, Tracee& guest) {
  const auto out = find_file(world, guest, call.fd_out.value);
  if (out && out->kind == FileKind::kFile && out->may_write() && call.len.value > 0)
    world.inodes.modified(out->id, world.clock.wall_ns());
  const std::int64_t result = co_await guest.inject(call);
  co_return answer_of(result);
}

}  // namespace

void add_splice_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::sendfile>(handlers, world, answer_sendfile);
  on<sys::call::splice>(handlers, world, answer_splice);
  on<sys::call::tee>(handlers, world, answer_tee);
  on<sys::call::vmsplice>(handlers, world, answer_vmsplice);
  on<sys::call::copy_file_range>(handlers, world, answer_copy_file_range);
}

}  // namespace tc::determinism
