// epoll_wait, epoll_pwait, epoll_pwait2. An epoll is itself a file that poll(2) tells of, so a wait
// for it is a wait for that file. In which order events come is the order in which they happened:
// the kernel's own list, which is deterministic as long as one task runs at a time.
//
// But when there is a signal descriptor in it: poll(2) of ours would ask for our own signals and
// drop it from the list of those that are ready. Such an epoll is only ever asked by the guest.
#include "determinism/calls_epoll.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "determinism/calls.h"
#include "determinism/deadlines.h"
#include "determinism/epoll_members.h"
#include "determinism/open_file.h"
#include "determinism/signal_files.h"

namespace tc::determinism {
namespace {

using guest::Handler;
using guest::RawCall;

constexpr std::int64_t kMillisecondAsNs = 1'000'000;
constexpr int kMostNested = 4;  // EP_MAX_NESTS

struct EpollCall {
  OpenFile epoll;
  RawCall at_once;  // the same with no time to wait
  std::optional<std::int64_t> deadline_ns;
  std::optional<std::uint64_t> signal_mask;
};

// The signals that descriptors in the epoll accept.
std::uint64_t accepted_signals_of_epoll(Tracee& guest, int epoll, int depth = 0) {
  if (depth > kMostNested) return 0;
  std::uint64_t accepted = 0;
  for (const EpollMember& member : epoll_members(guest, epoll)) {
    if (const auto mask = signalfd_mask(guest, member.fd))
      accepted |= *mask;
    else
      accepted |= accepted_signals_of_epoll(guest, member.fd, depth + 1);
  }
  return accepted;
}

// Members that are fed or drained from outside, so that whoever looks at the wait knows that it is
// not for other tasks alone. Those that are ready already have been told of, and make it no
// shorter.
std::vector<guest::WaitFile> outside_members(const World& world, Tracee& guest, int epoll) {
  std::vector<guest::WaitFile> files;
  if (world.external.empty()) return files;
  for (const EpollMember& member : epoll_members(guest, epoll)) {
    if (std::find(world.external.begin(), world.external.end(), member.file) ==
        world.external.end())
      continue;
    const auto events = static_cast<std::int16_t>(member.events & (POLLIN | POLLPRI | POLLOUT));
    auto file = find_file(world, guest, member.fd);
    if (file && file->id == member.file && poll_now(*file, events) == 0)
      files.push_back({.file = std::move(file->file), .events = events});
  }
  return files;
}

guest::Wait epoll_wait_for(const EpollCall& call, bool by_guest, std::uint64_t accepted) {
  guest::Wait wait;
  if (by_guest) {
    wait.retry = true;
    wait.accepted_signals = accepted;
  } else {
    wait.files.push_back({.file = call.epoll.file, .events = POLLIN});
  }
  wait.deadline_ns = call.deadline_ns;
  wait.signal_mask = call.signal_mask;
  wait.what = fmt::format("events of an epoll (descriptor {})", call.epoll.number);
  return wait;
}

Handler wait_for_events(const World& world, Tracee& guest, EpollCall call, bool by_guest) {
  while (true) {
    const bool is_ready = !by_guest && poll_now(call.epoll, POLLIN) != 0;
    if (is_ready) co_return guest::pass();
    if (by_guest) {
      guest::Injection attempt(call.at_once.number, call.at_once.arguments);
      const std::int64_t result = co_await attempt;
      if (result != 0) co_return answer_of(result);
    }
    const std::uint64_t accepted =
        by_guest ? accepted_signals_of_epoll(guest, call.epoll.number) : 0;
    // One that is pending and not told of by the epoll would end the wait again and again.
    const std::uint64_t awaited = accepted & ~pending_signals(guest, accepted);
    guest::Wait wait = epoll_wait_for(call, by_guest, awaited);
    for (guest::WaitFile& file : outside_members(world, guest, call.epoll.number))
      wait.files.push_back(std::move(file));
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    if (woken == guest::Woken::kSignal)
      // With a mask of its own the kernel's call must run: the handler sees that mask.
      co_return call.signal_mask ? guest::pass() : guest::Answer(guest::interrupted(-EINTR));
    if (woken == guest::Woken::kDeadline && !by_guest && poll_now(call.epoll, POLLIN) == 0)
      co_return 0;
    if (woken == guest::Woken::kDeadline && by_guest) {
      guest::Injection last(call.at_once.number, call.at_once.arguments);
      const std::int64_t result = co_await last;
      co_return answer_of(result);
    }
  }
}

Handler await_epoll(World& world, Tracee& guest, EpollCall call) {
  const auto made = sys::from_registers<sys::call::epoll_pwait>(call.at_once.arguments);
  const auto link = guest.link(fmt::format("fd/{}", made.epfd.value));
  if (made.maxevents.value <= 0 || !link || *link != "anon_inode:[eventpoll]")
    return answer_with(guest::pass());
  if (made.sigmask.address != 0) {
    std::uint64_t mask = 0;
    if (made.sigsetsize.value != sizeof(mask) ||
        !guest.read_memory(made.sigmask.address, std::as_writable_bytes(std::span(&mask, 1))))
      return answer_with(guest::pass());
    call.signal_mask = mask;
  }
  std::optional<OpenFile> epoll = find_file(world, guest, made.epfd.value);
  if (!epoll) return answer_with(guest::pass());
  call.epoll = *std::move(epoll);
  const bool by_guest =
      world.has_signal_files && accepted_signals_of_epoll(guest, made.epfd.value) != 0;
  return wait_for_events(world, guest, std::move(call), by_guest);
}

// What it is with no time to wait, whichever of the three it was made as. No arguments are lost:
// epoll_wait without a mask is epoll_pwait with none.
RawCall without_time(std::int32_t epfd, std::uint64_t events, std::int32_t count,
                     std::uint64_t mask, std::uint64_t mask_size) {
  return raw_call(sys::call::epoll_pwait{.epfd = {epfd},
                                         .events = {{events}},
                                         .maxevents = {count},
                                         .timeout = {0},
                                         .sigmask = {{mask}},
                                         .sigsetsize = {mask_size}});
}

std::optional<std::int64_t> milliseconds_from_now(const World& world, std::int64_t milliseconds) {
  if (milliseconds < 0) return std::nullopt;
  return add_ns(world.clock.monotonic_ns(), milliseconds * kMillisecondAsNs);
}

Handler answer_epoll_wait(World& world, sys::call::epoll_wait made, Tracee& guest) {
  if (made.timeout.value == 0) return answer_with(guest::pass());
  EpollCall call;
  call.at_once = without_time(made.epfd.value, made.events.address, made.maxevents.value, 0, 0);
  call.deadline_ns = milliseconds_from_now(world, made.timeout.value);
  return await_epoll(world, guest, std::move(call));
}

Handler answer_epoll_pwait(World& world, sys::call::epoll_pwait made, Tracee& guest) {
  if (made.timeout.value == 0) return answer_with(guest::pass());
  EpollCall call;
  call.at_once = without_time(made.epfd.value, made.events.address, made.maxevents.value,
                              made.sigmask.address, made.sigsetsize.value);
  call.deadline_ns = milliseconds_from_now(world, made.timeout.value);
  return await_epoll(world, guest, std::move(call));
}

Handler answer_epoll_pwait2(World& world, sys::call::epoll_pwait2 made, Tracee& guest) {
  EpollCall call;
  call.at_once = without_time(made.epfd.value, made.events.address, made.maxevents.value,
                              made.sigmask.address, made.sigsetsize.value);
  if (made.timeout.address != 0) {
    const auto limit = guest.read(made.timeout);
    const auto duration =
        limit ? duration_ns(limit->tv_sec.value, limit->tv_nsec.value) : std::nullopt;
    if (!duration || *duration == 0) return answer_with(guest::pass());
    call.deadline_ns = add_ns(world.clock.monotonic_ns(), *duration);
  }
  return await_epoll(world, guest, std::move(call));
}

Handler answer_signalfd(World& world, sys::call::signalfd /*made*/, Tracee& /*guest*/) {
  world.has_signal_files = true;
  return answer_with(guest::pass());
}
Handler answer_signalfd4(World& world, sys::call::signalfd4 /*made*/, Tracee& /*guest*/) {
  world.has_signal_files = true;
  return answer_with(guest::pass());
}

}  // namespace

void add_epoll_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::epoll_wait>(handlers, world, answer_epoll_wait);
  on<sys::call::epoll_pwait>(handlers, world, answer_epoll_pwait);
  on<sys::call::epoll_pwait2>(handlers, world, answer_epoll_pwait2);
  on<sys::call::signalfd>(handlers, world, answer_signalfd);
  on<sys::call::signalfd4>(handlers, world, answer_signalfd4);
}

}  // namespace tc::determinism
