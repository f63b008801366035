// Calls that make, move and remove names of files: mkdir(2), mknod(2), symlink(2), link(2),
// rename(2), unlink(2) and their kin. The kernel does it; what is new or has changed by it is told
// to the book of inodes: the file, and the directories whose entries these are.
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

#include "determinism/calls.h"
#include "determinism/file_changes.h"
#include "determinism/lookup.h"
#include "determinism/open_file.h"

namespace tc::determinism {
namespace {

using guest::Handler;

// A name in the guest's memory.
struct GuestName {
  int dirfd = AT_FDCWD;
  std::uint64_t address = 0;
};

Lookup look_up_name(Tracee& guest, const GuestName& name) {
  const Result<std::string> text = read_path(guest, name.address);
  if (!text) return {};
  return look_up(guest, {.dirfd = name.dirfd, .text = *text}, LastLink::kKeep);
}

void tell_directory(World& world, Tracee& guest, const GuestName& name) {
  const Result<std::string> text = read_path(guest, name.address);
  if (!text) return;
  tell_entry_changed(world, guest, {.dirfd = name.dirfd, .text = *text});
}

// The call makes a new file of this name.
Handler make_file(World& world, guest::RawCall call, GuestName name, Tracee& guest) {
  const std::int64_t result = co_await guest::Injection(call.number, call.arguments);
  if (result != 0) co_return result;
  tell_directory(world, guest, name);
  std::optional<FileId> made;
  const Lookup lookup = look_up_name(guest, name);
  if (lookup.found) {
    made = lookup.found->id();
  } else {
    const auto ask = make_status_call(guest, name.dirfd, name.address, AT_SYMLINK_NOFOLLOW);
    if (!ask) co_return result;
    const std::int64_t asked = co_await guest.inject(*ask);
    if (const auto told = read_status_call(guest, *ask, asked)) made = told->id;
  }
  if (made) world.inodes.created(*made, world.clock.wall_ns());
  co_return result;
}

// The call gives a file that is there a name, or a new one instead of `former`.
Handler give_name(World& world, guest::RawCall call, std::optional<GuestName> former,
                  GuestName name, Tracee& guest) {
  const std::int64_t result = co_await guest::Injection(call.number, call.arguments);
  if (result != 0) co_return result;
  if (former) tell_directory(world, guest, *former);
  tell_directory(world, guest, name);
  const Lookup lookup = look_up_name(guest, name);
  if (lookup.found) world.inodes.changed(lookup.found->id(), world.clock.wall_ns());
  co_return result;
}

// Told before the kernel does it, which saves a stop: one that may not be removed is rare, and the
// time of its directory is then the same wrong one on every run.
Handler remove_file(World& world, GuestName name, Tracee& guest) {
  const Lookup lookup = look_up_name(guest, name);
  if (lookup.found && lookup.found->type() != S_IFDIR) {
    tell_directory(world, guest, name);
    world.inodes.changed(lookup.found->id(), world.clock.wall_ns());
  }
  co_return guest::pass();
}

Handler remove_directory(World& world, guest::RawCall call, GuestName name, Tracee& guest) {
  const std::int64_t result = co_await guest::Injection(call.number, call.arguments);
  if (result == 0) tell_directory(world, guest, name);
  co_return result;
}

// --- the calls ----------------------------------------------------------------------------------

Handler answer_mkdir(World& world, sys::call::mkdir call, Tracee& guest) {
  return make_file(world, raw_call(call), {.address = call.pathname.address}, guest);
}
Handler answer_mkdirat(World& world, sys::call::mkdirat call, Tracee& guest) {
  return make_file(world, raw_call(call),
                   {.dirfd = call.dfd.value, .address = call.pathname.address}, guest);
}
Handler answer_mknod(World& world, sys::call::mknod call, Tracee& guest) {
  return make_file(world, raw_call(call), {.address = call.filename.address}, guest);
}
Handler answer_mknodat(World& world, sys::call::mknodat call, Tracee& guest) {
  return make_file(world, raw_call(call),
                   {.dirfd = call.dfd.value, .address = call.filename.address}, guest);
}
Handler answer_symlink(World& world, sys::call::symlink call, Tracee& guest) {
  return make_file(world, raw_call(call), {.address = call.newname.address}, guest);
}
Handler answer_symlinkat(World& world, sys::call::symlinkat call, Tracee& guest) {
  return make_file(world, raw_call(call),
                   {.dirfd = call.newdfd.value, .address = call.newname.address}, guest);
}

Handler answer_link(World& world, sys::call::link call, Tracee& guest) {
  return give_name(world, raw_call(call), std::nullopt, {.address = call.newname.address}, guest);
}
Handler answer_linkat(World& world, sys::call::linkat call, Tracee& guest) {
  return give_name(world, raw_call(call), std::nullopt,
                   {.dirfd = call.newdfd.value, .address = call.newname.address}, guest);
}
Handler answer_rename(World& world, sys::call::rename call, Tracee& guest) {
  return give_name(world, raw_call(call), GuestName{.address = call.oldname.address},
                   {.address = call.newname.address}, guest);
}
template <class T>
Handler answer_rename_between(World& world, T call, Tracee& guest) {
  return give_name(world, raw_call(call),
                   GuestName{.dirfd = call.olddfd.value, .address = call.oldname.address},
                   {.dirfd = call.newdfd.value, .address = call.newname.address}, guest);
}

Handler answer_unlink(World& world, sys::call::unlink call, Tracee& guest) {
  return remove_file(world, {.address = call.pathname.address}, guest);
}
Handler answer_rmdir(World& world, sys::call::rmdir call, Tracee& guest) {
  return remove_directory(world, raw_call(call), {.address = call.pathname.address}, guest);
}
Handler answer_unlinkat(World& world, sys::call::unlinkat call, Tracee& guest) {
  const GuestName name{.dirfd = call.dfd.value, .address = call.pathname.address};
  if ((call.flag.value & AT_REMOVEDIR) == 0) return remove_file(world, name, guest);
  return remove_directory(world, raw_call(call), name, guest);
}

}  // namespace

void add_name_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::mkdir>(handlers, world, answer_mkdir);
  on<sys::call::mkdirat>(handlers, world, answer_mkdirat);
  on<sys::call::mknod>(handlers, world, answer_mknod);
  on<sys::call::mknodat>(handlers, world, answer_mknodat);
  on<sys::call::symlink>(handlers, world, answer_symlink);
  on<sys::call::symlinkat>(handlers, world, answer_symlinkat);
  on<sys::call::link>(handlers, world, answer_link);
  on<sys::call::linkat>(handlers, world, answer_linkat);
  on<sys::call::rename>(handlers, world, answer_rename);
  on<sys::call::renameat>(handlers, world, answer_rename_between<sys::call::renameat>);
  on<sys::call::renameat2>(handlers, world, answer_rename_between<sys::call::renameat2>);
  on<sys::call::unlink>(handlers, world, answer_unlink);
  on<sys::call::rmdir>(handlers, world, answer_rmdir);
  on<sys::call::unlinkat>(handlers, world, answer_unlinkat);
}

}  // namespace tc::determinism
