// poll, ppoll, select, pselect6: when nothing that they watch is ready they wait with the
// scheduler; what they return is always the kernel's own answer, by a call that does not block.
// The time that is left, which Linux writes back, is of the virtual clock. epoll is calls_epoll.cc.
#include <poll.h>

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "determinism/calls.h"
#include "determinism/calls_epoll.h"
#include "determinism/deadlines.h"
#include "determinism/open_file.h"
#include "determinism/watched_files.h"

namespace tc::determinism {
namespace {

using guest::Handler;
using guest::RawCall;

constexpr std::uint32_t kMostPolled = 1U << 20U;  // more than any RLIMIT_NOFILE: EINVAL
constexpr std::int32_t kMostSelected = 1 << 20;   // likewise; what is beyond is not looked at
constexpr std::int64_t kMillisecondNs = 1'000'000;
constexpr std::uint64_t kSignalSetSize = 8;

// The sets of select(2): what is asked of poll(2) for each, and what of its answer counts
// (POLLIN_SET and so on of fs/select.c).
constexpr std::int16_t kAskedToRead = POLLIN | POLLRDNORM | POLLRDBAND;
constexpr std::int16_t kAskedToWrite = POLLOUT | POLLWRNORM | POLLWRBAND;
constexpr std::int16_t kReadable = kAskedToRead | POLLHUP | POLLERR | POLLNVAL;
constexpr std::int16_t kWritable = kAskedToWrite | POLLERR | POLLNVAL;
constexpr std::int16_t kExceptional = POLLPRI | POLLNVAL;

struct PollingCall {
  RawCall made;
  std::size_t limit_argument = 0;  // which one is the timeout
  // 0: it is milliseconds. Else the address of seconds and a part of which a second has so many.
  std::int64_t parts_per_second = 0;
  std::optional<std::int64_t> deadline_ns;
  std::optional<std::uint64_t> signal_mask;

  // What it writes back when nothing is ready.
  struct Result {
    std::uint64_t address = 0;
    std::vector<std::byte> nothing;
  };
  std::vector<Result> results;

  bool has_limit_in_memory() const {
    return parts_per_second != 0 && made.arguments[limit_argument] != 0;
  }
};

struct Limit {
  std::int64_t seconds = 0;
  std::int64_t part = 0;
};

// The kernel does this on its way out of each such call; a place that cannot be written is no
// error there either (poll_select_finish of fs/select.c).
void write_time_left(const World& world, Tracee& guest, const PollingCall& call) {
  if (!call.has_limit_in_memory() || !call.deadline_ns) return;
  const std::int64_t left =
      std::max<std::int64_t>(0, *call.deadline_ns - world.clock.monotonic_ns());
  const Limit limit{.seconds = left / kSecondNs,
                    .part = left % kSecondNs / (kSecondNs / call.parts_per_second)};
  (void)guest.write_memory(call.made.arguments[call.limit_argument],
                           std::as_bytes(std::span(&limit, 1)));
}

// The call with no time to wait: it returns what there is.
guest::Answer pass_without_time(const World& world, Tracee& guest, PollingCall call) {
  write_time_left(world, guest, call);
  guest::Answer answer = guest::pass();
  if (call.parts_per_second != 0) {
    const Limit none;
    const Result<std::uint64_t> placed = guest.place(std::as_bytes(std::span(&none, 1)));
    if (!placed) return answer;
    call.made.arguments[call.limit_argument] = *placed;
  } else {
    call.made.arguments[call.limit_argument] = 0;
  }
  answer.call = call.made;
  return answer;
}

// The time is over and nothing was ready: no entry tells of anything, no set has a bit. The kernel
// is not asked, since a signal that does nothing (SIGCHLD without a handler) would interrupt it.
guest::Answer answer_nothing(const World& world, Tracee& guest, const PollingCall& call) {
  for (const PollingCall::Result& result : call.results)
    if (!guest.write_memory(result.address, result.nothing)) return -EFAULT;
  write_time_left(world, guest, call);
  return 0;
}

guest::Answer leave_for_signal(World& world, Tracee& guest, const PollingCall& call) {
  // The handler must run with the mask of the call in force, which only the kernel's own call has.
  if (call.signal_mask) {
    return call.has_limit_in_memory() ? pass_without_time(world, guest, call) : guest::pass();
  }
  write_time_left(world, guest, call);
  if (call.parts_per_second == 0 && call.deadline_ns)
    world.kept_deadlines.keep(guest.id(), *call.deadline_ns);
  return guest::interrupted(guest::kRestartNoHand);
}

Handler wait_for_any(World& world, Tracee& guest, WatchedFiles watched, PollingCall call) {
  while (!watched.is_ready(guest)) {
    guest::Wait wait = watched.wait();
    wait.deadline_ns = call.deadline_ns;
    wait.signal_mask = call.signal_mask;
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    if (woken == guest::Woken::kSignal) co_return leave_for_signal(world, guest, call);
    if (woken == guest::Woken::kDeadline && !watched.is_ready(guest))
      co_return answer_nothing(world, guest, call);
  }
  // Ready: the call would not wait, but would write back how long it did not. And select(2) does
  // not see a bad descriptor that is beyond its table.
  if (call.has_limit_in_memory() || (call.parts_per_second != 0 && watched.has_bad()))
    co_return pass_without_time(world, guest, call);
  co_return guest::pass();
}

// --- timeouts and masks -------------------------------------------------------------------------

enum class Checked : std::uint8_t { kWaits, kAtOnce };  // the latter also: it is an error

// Takes the timeout from memory: sets the deadline.
Checked read_limit(const World& world, Tracee& guest, PollingCall& call) {
  const std::uint64_t address = call.made.arguments[call.limit_argument];
  if (address == 0) return Checked::kWaits;
  Limit limit;
  if (!guest.read_memory(address, std::as_writable_bytes(std::span(&limit, 1))))
    return Checked::kAtOnce;
  // select(2) takes any number of microseconds (kern_select).
  if (call.parts_per_second != kSecondNs && limit.part >= call.parts_per_second) {
    limit.seconds = limit.seconds + limit.part / call.parts_per_second;
    limit.part %= call.parts_per_second;
  }
  const auto duration = duration_ns(limit.seconds, limit.part, call.parts_per_second);
  if (!duration || *duration == 0) return Checked::kAtOnce;
  call.deadline_ns = add_ns(world.clock.monotonic_ns(), *duration);
  return Checked::kWaits;
}

Checked read_signal_mask(Tracee& guest, std::uint64_t address, std::uint64_t size,
                         PollingCall& call) {
  if (address == 0) return Checked::kWaits;
  std::uint64_t mask = 0;
  if (size != kSignalSetSize ||
      !guest.read_memory(address, std::as_writable_bytes(std::span(&mask, 1))))
    return Checked::kAtOnce;
  call.signal_mask = mask;
  return Checked::kWaits;
}

// --- poll ---------------------------------------------------------------------------------------

Handler poll_files(World& world, Tracee& guest, PollingCall call) {
  const auto count = static_cast<std::uint32_t>(call.made.arguments[1]);
  if (count > kMostPolled) return answer_with(guest::pass());
  std::vector<pollfd> entries(count);
  if (!guest.read_memory(call.made.arguments[0], std::as_writable_bytes(std::span(entries))))
    return answer_with(guest::pass());
  WatchedFiles watched;
  for (const pollfd& entry : entries)
    if (entry.fd >= 0) watched.add(world, guest, entry.fd, entry.events, /*counting=*/-1);
  for (pollfd& entry : entries) entry.revents = 0;
  const auto nothing = std::as_bytes(std::span(entries));
  call.results.push_back(
      {.address = call.made.arguments[0], .nothing = {nothing.begin(), nothing.end()}});
  return wait_for_any(world, guest, std::move(watched), std::move(call));
}

Handler answer_poll(World& world, sys::call::poll made, Tracee& guest) {
  const auto kept = world.kept_deadlines.take(guest);
  const std::int64_t timeout = made.timeout_msecs.value;
  if (timeout == 0) return answer_with(guest::pass());
  PollingCall call{.made = raw_call(made),
                   .limit_argument = 2,
                   .deadline_ns = {},
                   .signal_mask = {},
                   .results = {}};
  if (timeout > 0)
    call.deadline_ns = kept.value_or(add_ns(world.clock.monotonic_ns(), timeout * kMillisecondNs));
  return poll_files(world, guest, std::move(call));
}

Handler answer_ppoll(World& world, sys::call::ppoll made, Tracee& guest) {
  PollingCall call{.made = raw_call(made),
                   .limit_argument = 2,
                   .parts_per_second = kSecondNs,
                   .deadline_ns = {},
                   .signal_mask = {},
                   .results = {}};
  if (read_limit(world, guest, call) == Checked::kAtOnce ||
      read_signal_mask(guest, made.sigmask.address, made.sigsetsize.value, call) ==
          Checked::kAtOnce)
    return answer_with(guest::pass());
  return poll_files(world, guest, std::move(call));
}

// --- select -------------------------------------------------------------------------------------

// The first bits of an fd_set of the guest, as many as can be read; the kernel looks at no more
// than its table of descriptors has, which we do not know. Nothing when there are none: EFAULT.
std::optional<std::vector<std::uint64_t>> read_bits(Tracee& guest, std::uint64_t address,
                                                    std::size_t words) {
  std::vector<std::uint64_t> bits(words);
  if (address == 0) return bits;
  while (words > 0 && !guest.read_memory(address, std::as_writable_bytes(std::span(bits))))
    bits.resize(words /= 2);
  if (bits.empty()) return std::nullopt;
  return bits;
}

bool has_bit(const std::vector<std::uint64_t>& bits, std::size_t bit) {
  return bit / 64 < bits.size() && (bits[bit / 64] >> (bit % 64) & 1U) != 0;
}

Handler select_files(World& world, Tracee& guest, PollingCall call) {
  const auto count = static_cast<std::int32_t>(call.made.arguments[0]);
  if (count < 0) return answer_with(guest::pass());
  const auto size = static_cast<std::size_t>(std::min(count, kMostSelected));
  std::vector<std::uint64_t> sets[3];
  for (std::size_t i = 0; i < 3; ++i) {
    auto bits = size == 0 ? std::vector<std::uint64_t>()
                          : read_bits(guest, call.made.arguments[1 + i], (size + 63) / 64);
    if (!bits) return answer_with(guest::pass());
    if (call.made.arguments[1 + i] != 0)
      call.results.push_back(
          {.address = call.made.arguments[1 + i],
           .nothing = std::vector<std::byte>(bits->size() * sizeof(std::uint64_t))});
    sets[i] = *std::move(bits);
  }
  WatchedFiles watched;
  for (std::size_t fd = 0; fd < size; ++fd) {
    std::int16_t asked = 0;
    std::int16_t counting = 0;
    const auto want = [&](std::size_t set, std::int16_t to_ask, std::int16_t to_count) {
      if (!has_bit(sets[set], fd)) return;
      asked = static_cast<std::int16_t>(asked | to_ask);
      counting = static_cast<std::int16_t>(counting | to_count);
    };
    want(0, kAskedToRead, kReadable);
    want(1, kAskedToWrite, kWritable);
    want(2, POLLPRI, kExceptional);
    if (counting != 0) watched.add(world, guest, static_cast<int>(fd), asked, counting);
  }
  return wait_for_any(world, guest, std::move(watched), std::move(call));
}

Handler answer_select(World& world, sys::call::select made, Tracee& guest) {
  PollingCall call{.made = raw_call(made),
                   .limit_argument = 4,
                   .parts_per_second = 1'000'000,
                   .deadline_ns = {},
                   .signal_mask = {},
                   .results = {}};
  if (read_limit(world, guest, call) == Checked::kAtOnce) return answer_with(guest::pass());
  return select_files(world, guest, std::move(call));
}

Handler answer_pselect6(World& world, sys::call::pselect6 made, Tracee& guest) {
  PollingCall call{.made = raw_call(made),
                   .limit_argument = 4,
                   .parts_per_second = kSecondNs,
                   .deadline_ns = {},
                   .signal_mask = {},
                   .results = {}};
  if (read_limit(world, guest, call) == Checked::kAtOnce) return answer_with(guest::pass());
  if (made.sig.address != 0) {
    const auto mask = guest.read(made.sig);
    if (!mask ||
        read_signal_mask(guest, mask->ss.value, mask->ss_len.value, call) == Checked::kAtOnce)
      return answer_with(guest::pass());
  }
  return select_files(world, guest, std::move(call));
}

}  // namespace

void add_poll_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::poll>(handlers, world, answer_poll);
  on<sys::call::ppoll>(handlers, world, answer_ppoll);
  on<sys::call::select>(handlers, world, answer_select);
  on<sys::call::pselect6>(handlers, world, answer_pselect6);
  add_epoll_calls(handlers, world);
}

}  // namespace tc::determinism
