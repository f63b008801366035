// utimensat(2) and its elders, and calls that change a file without writing to it: truncate(2),
// fallocate(2). Explicit times are the kernel's to keep, and told from here; "now" is the virtual
// clock's.
//
// A store into a shared mapping changes a file as well; mmap(2) is not looked at for it (inodes.h).
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "determinism/calls.h"
#include "determinism/lookup.h"
#include "determinism/open_file.h"

namespace tc::determinism {
namespace {

using guest::Handler;

constexpr std::int64_t kNsPerMicrosecond = 1'000;

// Nothing: left as it is.
struct NewTimes {
  std::optional<std::int64_t> accessed_ns;
  std::optional<std::int64_t> modified_ns;
};

struct TimedFile {
  int dirfd = AT_FDCWD;
  std::uint64_t path_address = 0;  // 0: the open file `dirfd` itself
  std::uint32_t flags = 0;         // AT_…
};

// Times that do not fit are the end of time.
std::int64_t saturated_ns(std::int64_t seconds, std::int64_t rest_ns) {
  std::int64_t ns = 0;
  const bool overflows =
      __builtin_mul_overflow(seconds, kSecondNs, &ns) || __builtin_add_overflow(ns, rest_ns, &ns);
  if (!overflows) return ns;
  return seconds < 0 ? std::numeric_limits<std::int64_t>::min()
                     : std::numeric_limits<std::int64_t>::max();
}

NewTimes both_now(const World& world) {
  return {.accessed_ns = world.clock.wall_ns(), .modified_ns = world.clock.wall_ns()};
}

std::optional<std::int64_t> chosen_time(const World& world, const sys::abi::clock_reading& time) {
  if (time.tv_nsec.value == UTIME_OMIT) return std::nullopt;
  if (time.tv_nsec.value == UTIME_NOW) return world.clock.wall_ns();
  return saturated_ns(time.tv_sec.value, time.tv_nsec.value);
}

std::int64_t chosen_time(const sys::abi::clock_timeval& time) {
  return saturated_ns(time.tv_sec.value, time.tv_usec.value * kNsPerMicrosecond);
}

Lookup look_for_times(Tracee& guest, const TimedFile& file) {
  if (file.path_address == 0) return look_at(guest, file.dirfd);
  const Result<std::string> text = read_path(guest, file.path_address);
  if (!text) return {};
  if (text->empty() && (file.flags & AT_EMPTY_PATH) != 0) return look_at(guest, file.dirfd);
  const bool keeps_link = (file.flags & AT_SYMLINK_NOFOLLOW) != 0;
  return look_up(guest, {.dirfd = file.dirfd, .text = *text},
                 keeps_link ? LastLink::kKeep : LastLink::kFollow);
}

Handler set_file_times(World& world, guest::RawCall call, TimedFile file, NewTimes times,
                       Tracee& guest) {
  const Lookup lookup = look_for_times(guest, file);
  const std::int64_t result = co_await guest::Injection(call.number, call.arguments);
  if (result != 0) co_return result;
  std::optional<FileId> id;
  if (lookup.found) id = lookup.found->id();
  if (!id && file.path_address != 0) {
    const auto ask = make_status_call(guest, file.dirfd, file.path_address, file.flags);
    if (!ask) co_return result;
    const std::int64_t asked = co_await guest.inject(*ask);
    if (const auto told = read_status_call(guest, *ask, asked)) id = told->id;
  }
  const bool changes = times.accessed_ns || times.modified_ns;
  if (id && changes)
    world.inodes.set_times(*id, times.accessed_ns, times.modified_ns, world.clock.wall_ns());
  co_return result;
}

Handler answer_utimensat(World& world, sys::call::utimensat call, Tracee& guest) {
  NewTimes times = both_now(world);
  if (call.utimes.address != 0) {
    const Result<sys::abi::file_times> chosen = guest.read(call.utimes);
    if (!chosen) return answer_with(guest::pass());
    times = {.accessed_ns = chosen_time(world, chosen->atim),
             .modified_ns = chosen_time(world, chosen->mtim)};
  }
  return set_file_times(
      world, raw_call(call),
      {.dirfd = call.dfd.value, .path_address = call.filename.address, .flags = call.flags.value},
      times, guest);
}

template <class T>
Handler set_times_in_microseconds(World& world, const T& call, int dirfd, Tracee& guest) {
  NewTimes times = both_now(world);
  if (call.utimes.address != 0) {
    const Result<sys::abi::file_times_us> chosen = guest.read(call.utimes);
    if (!chosen) return answer_with(guest::pass());
    times = {.accessed_ns = chosen_time(chosen->atim), .modified_ns = chosen_time(chosen->mtim)};
  }
  return set_file_times(world, raw_call(call),
                        {.dirfd = dirfd, .path_address = call.filename.address}, times, guest);
}

Handler answer_utimes(World& world, sys::call::utimes call, Tracee& guest) {
  return set_times_in_microseconds(world, call, AT_FDCWD, guest);
}

Handler answer_futimesat(World& world, sys::call::futimesat call, Tracee& guest) {
  return set_times_in_microseconds(world, call, call.dfd.value, guest);
}

Handler answer_utime(World& world, sys::call::utime call, Tracee& guest) {
  NewTimes times = both_now(world);
  if (call.times.address != 0) {
    const Result<sys::abi::utimbuf> chosen = guest.read(call.times);
    if (!chosen) return answer_with(guest::pass());
    times = {.accessed_ns = saturated_ns(chosen->actime.value, 0),
             .modified_ns = saturated_ns(chosen->modtime.value, 0)};
  }
  return set_file_times(world, raw_call(call), {.path_address = call.filename.address}, times,
                        guest);
}

// --- changes of size ----------------------------------------------------------------------------
// Told before the kernel makes them, which saves a stop: where it refuses, a file has got a later
// time than it should have, but the same one on every run.

void tell_modified(World& world, const Lookup& lookup) {
  if (lookup.found && lookup.found->type() == S_IFREG)
    world.inodes.modified(lookup.found->id(), world.clock.wall_ns());
}

Handler answer_truncate(World& world, sys::call::truncate call, Tracee& guest) {
  const Result<std::string> path = read_path(guest, call.path.address);
  if (!path) co_return guest::pass();
  const Lookup lookup = look_up(guest, {.text = *path}, LastLink::kFollow);
  const bool keeps_size = lookup.found && lookup.found->status.stx_size ==
                                              static_cast<std::uint64_t>(call.length.value);
  if (!keeps_size) tell_modified(world, lookup);
  co_return guest::pass();
}

Handler answer_ftruncate(World& world, sys::call::ftruncate call, Tracee& guest) {
  tell_modified(world, look_at(guest, call.fd.value));
  co_return guest::pass();
}

Handler answer_fallocate(World& world, sys::call::fallocate call, Tracee& guest) {
  tell_modified(world, look_at(guest, call.fd.value));
  co_return guest::pass();
}

}  // namespace

void add_file_time_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::utimensat>(handlers, world, answer_utimensat);
  on<sys::call::utimes>(handlers, world, answer_utimes);
  on<sys::call::futimesat>(handlers, world, answer_futimesat);
  on<sys::call::utime>(handlers, world, answer_utime);
  on<sys::call::truncate>(handlers, world, answer_truncate);
  on<sys::call::ftruncate>(handlers, world, answer_ftruncate);
  on<sys::call::fallocate>(handlers, world, answer_fallocate);
}

}  // namespace tc::determinism
