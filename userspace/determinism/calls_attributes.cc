// chmod(2), chown(2), setxattr(2), removexattr(2) and their kin: the kernel's to make; that they
// change the inode, and so its ctime, is told from here.
#include <fcntl.h>

#include <cstdint>
#include <string>

#include "determinism/calls.h"
#include "determinism/lookup.h"
#include "determinism/open_file.h"

namespace tc::determinism {
namespace {

using guest::Handler;

struct ChangedFile {
  int dirfd = AT_FDCWD;
  std::uint64_t path_address = 0;
  std::uint32_t flags = 0;  // AT_…
};

Lookup look_for_change(Tracee& guest, const ChangedFile& file) {
  const Result<std::string> text = read_path(guest, file.path_address);
  if (!text) return {.found = {}, .error = text.error().code()};
  if (text->empty() && (file.flags & AT_EMPTY_PATH) != 0) return look_at(guest, file.dirfd);
  const bool keeps_link = (file.flags & AT_SYMLINK_NOFOLLOW) != 0;
  return look_up(guest, {.dirfd = file.dirfd, .text = *text},
                 keeps_link ? LastLink::kKeep : LastLink::kFollow);
}

// Told before the kernel makes it, which saves a stop: where it refuses, the file has got a later
// ctime than it should have, but the same one on every run.
Handler change_named(World& world, guest::RawCall call, ChangedFile file, Tracee& guest) {
  const Lookup lookup = look_for_change(guest, file);
  if (lookup.found) world.inodes.changed(lookup.found->id(), world.clock.wall_ns());
  if (!lookup.is_unknown()) co_return guest::pass();
  const std::int64_t result = co_await guest::Injection(call.number, call.arguments);
  if (result != 0) co_return answer_of(result);
  const auto ask = make_status_call(guest, file.dirfd, file.path_address, file.flags);
  if (!ask) co_return result;
  const std::int64_t asked = co_await guest.inject(*ask);
  if (const auto told = read_status_call(guest, *ask, asked))
    world.inodes.changed(told->id, world.clock.wall_ns());
  co_return result;
}

Handler change_open(World& world, int fd, Tracee& guest) {
  const Lookup lookup = look_at(guest, fd);
  if (lookup.found) world.inodes.changed(lookup.found->id(), world.clock.wall_ns());
  return answer_with(guest::pass());
}

template <class T>
Handler change_at_filename(World& world, T call, Tracee& guest) {
  return change_named(world, raw_call(call), {.path_address = call.filename.address}, guest);
}
template <class T>
Handler change_at_pathname(World& world, T call, Tracee& guest) {
  return change_named(world, raw_call(call), {.path_address = call.pathname.address}, guest);
}
template <class T>
Handler change_link_at_pathname(World& world, T call, Tracee& guest) {
  return change_named(world, raw_call(call),
                      {.path_address = call.pathname.address, .flags = AT_SYMLINK_NOFOLLOW}, guest);
}
template <class T>
Handler change_descriptor(World& world, T call, Tracee& guest) {
  return change_open(world, call.fd.value, guest);
}
template <class T>
Handler change_with_flags(World& world, T call, Tracee& guest) {
  return change_named(world, raw_call(call),
                      {.dirfd = call.dfd.value,
                       .path_address = call.pathname.address,
                       .flags = call.at_flags.value},
                      guest);
}

Handler answer_lchown(World& world, sys::call::lchown call, Tracee& guest) {
  return change_named(world, raw_call(call),
                      {.path_address = call.filename.address, .flags = AT_SYMLINK_NOFOLLOW}, guest);
}
Handler answer_fchmodat(World& world, sys::call::fchmodat call, Tracee& guest) {
  return change_named(world, raw_call(call),
                      {.dirfd = call.dfd.value, .path_address = call.filename.address}, guest);
}
Handler answer_fchmodat2(World& world, sys::call::fchmodat2 call, Tracee& guest) {
  return change_named(
      world, raw_call(call),
      {.dirfd = call.dfd.value, .path_address = call.filename.address, .flags = call.flags.value},
      guest);
}
Handler answer_fchownat(World& world, sys::call::fchownat call, Tracee& guest) {
  return change_named(
      world, raw_call(call),
      {.dirfd = call.dfd.value, .path_address = call.filename.address, .flags = call.flag.value},
      guest);
}

}  // namespace

void add_attribute_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::chmod>(handlers, world, change_at_filename<sys::call::chmod>);
  on<sys::call::fchmod>(handlers, world, change_descriptor<sys::call::fchmod>);
  on<sys::call::fchmodat>(handlers, world, answer_fchmodat);
  on<sys::call::fchmodat2>(handlers, world, answer_fchmodat2);
  on<sys::call::chown>(handlers, world, change_at_filename<sys::call::chown>);
  on<sys::call::fchown>(handlers, world, change_descriptor<sys::call::fchown>);
  on<sys::call::lchown>(handlers, world, answer_lchown);
  on<sys::call::fchownat>(handlers, world, answer_fchownat);
  on<sys::call::setxattr>(handlers, world, change_at_pathname<sys::call::setxattr>);
  on<sys::call::lsetxattr>(handlers, world, change_link_at_pathname<sys::call::lsetxattr>);
  on<sys::call::fsetxattr>(handlers, world, change_descriptor<sys::call::fsetxattr>);
  on<sys::call::setxattrat>(handlers, world, change_with_flags<sys::call::setxattrat>);
  on<sys::call::removexattr>(handlers, world, change_at_pathname<sys::call::removexattr>);
  on<sys::call::lremovexattr>(handlers, world, change_link_at_pathname<sys::call::lremovexattr>);
  on<sys::call::fremovexattr>(handlers, world, change_descriptor<sys::call::fremovexattr>);
  on<sys::call::removexattrat>(handlers, world, change_with_flags<sys::call::removexattrat>);
}

}  // namespace tc::determinism
