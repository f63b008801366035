// stat(2) and statx(2). Answered by looking at the file ourselves wherever that shows what the
// guest would see (lookup.h), else the guest looks and what it was told is rewritten.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "determinism/calls.h"
#include "determinism/file_status.h"
#include "determinism/lookup.h"
#include "determinism/open_file.h"

namespace tc::determinism {
namespace {

using guest::Handler;

constexpr std::uint32_t kStatusFlags =
    AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;
constexpr std::uint32_t kReservedMask = 0x80000000U;  // STATX__RESERVED of the kernel

// What is asked of: a path, or with AT_EMPTY_PATH an open file.
struct StatusQuestion {
  int dirfd = AT_FDCWD;
  std::uint64_t path_address = 0;
  std::uint32_t flags = 0;  // AT_…
};

LastLink last_link(std::uint32_t flags) {
  return (flags & AT_SYMLINK_NOFOLLOW) != 0 ? LastLink::kKeep : LastLink::kFollow;
}

struct StatusAnswer {
  Lookup lookup;
  bool is_kernel_view = false;  // of an unknown one
};

StatusAnswer look_for_status(Tracee& guest, const StatusQuestion& question) {
  const bool may_be_empty = (question.flags & AT_EMPTY_PATH) != 0;
  // Without a path, what happens depends on the version of the kernel: its own business.
  if (question.path_address == 0 && may_be_empty) return {};
  const Result<std::string> text = read_path(guest, question.path_address);
  if (!text) return {.lookup = {.found = std::nullopt, .error = text.error().code()}};
  GuestPath path{.dirfd = question.dirfd, .text = *text};
  if (path.text.empty() && may_be_empty) {
    if (path.dirfd >= 0) return {.lookup = look_at(guest, path.dirfd)};
    path.text = ".";
  }
  StatusAnswer answer;
  // /proc/self is somebody else for us.
  if (!path.text.starts_with("/proc/"))
    answer.lookup = look_up(guest, path, last_link(question.flags));
  const bool may_differ = answer.lookup.found && answer.lookup.found->is_kernel_view;
  if (may_differ) answer.lookup.found.reset();
  if (answer.lookup.is_unknown()) {
    const std::optional<std::string> name = kernel_view_name(guest, path);
    answer.is_kernel_view = name && !leads_through_magic_link(*name);
  }
  return answer;
}

std::int64_t tell_status(World& world, Tracee& guest, const FoundFile& found,
                         const sys::RemotePointer<sys::abi::stat>& to) {
  const struct statx told = told_status(world, found.status, found.is_kernel_view);
  return guest.write(to, to_stat(told)) ? 0 : -EFAULT;
}

// The guest makes the call; what it was told is told anew.
template <class T>
Handler ask_for_status(World& world, T call, bool is_kernel_view, Tracee& guest) {
  const std::int64_t result = co_await guest.inject(call);
  if (result != 0) co_return result;
  const Result<sys::abi::stat> status = guest.read(call.statbuf);
  if (!status) co_return -EFAULT;
  const struct statx told = told_status(world, from_stat(*status), is_kernel_view);
  co_return guest.write(call.statbuf, to_stat(told)) ? 0 : -EFAULT;
}

Handler ask_for_statx(World& world, sys::call::statx call, bool is_kernel_view, Tracee& guest) {
  sys::call::statx full = call;
  full.mask.value |= STATX_BASIC_STATS;  // what we number by
  const std::int64_t result = co_await guest.inject(full);
  if (result != 0) co_return result;
  const Result<sys::abi::statx> status = guest.read(call.buffer);
  if (!status) co_return -EFAULT;
  const struct statx told = told_status(world, from_statx(*status), is_kernel_view);
  co_return guest.write(call.buffer, to_statx(told, call.mask.value)) ? 0 : -EFAULT;
}

template <class T>
Handler answer_status(World& world, const T& call, const StatusQuestion& question, Tracee& guest) {
  if ((question.flags & ~kStatusFlags) != 0) return answer_with(-EINVAL);
  const StatusAnswer answer = look_for_status(guest, question);
  if (answer.lookup.is_unknown()) return ask_for_status(world, call, answer.is_kernel_view, guest);
  if (!answer.lookup.found) return answer_with(-answer.lookup.error);
  return answer_with(tell_status(world, guest, *answer.lookup.found, call.statbuf));
}

Handler answer_stat(World& world, sys::call::stat call, Tracee& guest) {
  return answer_status(world, call, {.path_address = call.filename.address}, guest);
}

Handler answer_lstat(World& world, sys::call::lstat call, Tracee& guest) {
  return answer_status(
      world, call, {.path_address = call.filename.address, .flags = AT_SYMLINK_NOFOLLOW}, guest);
}

Handler answer_newfstatat(World& world, sys::call::newfstatat call, Tracee& guest) {
  return answer_status(
      world, call,
      {.dirfd = call.dfd.value, .path_address = call.filename.address, .flags = call.flag.value},
      guest);
}

Handler answer_fstat(World& world, sys::call::fstat call, Tracee& guest) {
  const Lookup lookup = look_at(guest, call.fd.value);
  if (!lookup.found) co_return -lookup.error;
  co_return tell_status(world, guest, *lookup.found, call.statbuf);
}

Handler answer_statx(World& world, sys::call::statx call, Tracee& guest) {
  const bool is_valid = (call.flags.value & ~kStatusFlags) == 0 &&
                        (call.flags.value & AT_STATX_SYNC_TYPE) != AT_STATX_SYNC_TYPE &&
                        (call.mask.value & kReservedMask) == 0;
  if (!is_valid) return answer_with(-EINVAL);
  const StatusAnswer answer = look_for_status(
      guest,
      {.dirfd = call.dfd.value, .path_address = call.filename.address, .flags = call.flags.value});
  if (answer.lookup.is_unknown()) return ask_for_statx(world, call, answer.is_kernel_view, guest);
  if (!answer.lookup.found) return answer_with(-answer.lookup.error);
  const FoundFile& found = *answer.lookup.found;
  const struct statx told = told_status(world, found.status, found.is_kernel_view);
  const bool is_told = guest.write(call.buffer, to_statx(told, call.mask.value)).ok();
  return answer_with(is_told ? 0 : -EFAULT);
}

Handler refuse_file_getattr(World& /*world*/, sys::call::file_getattr /*call*/, Tracee& /*guest*/) {
  co_return -ENOSYS;  // flags of the file system's own; kernels before 6.17 have no such call
}

}  // namespace

void add_status_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::stat>(handlers, world, answer_stat);
  on<sys::call::lstat>(handlers, world, answer_lstat);
  on<sys::call::fstat>(handlers, world, answer_fstat);
  on<sys::call::newfstatat>(handlers, world, answer_newfstatat);
  on<sys::call::statx>(handlers, world, answer_statx);
  on<sys::call::file_getattr>(handlers, world, refuse_file_getattr);
}

}  // namespace tc::determinism
