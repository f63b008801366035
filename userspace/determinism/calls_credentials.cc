// Users, groups, capabilities, roots and namespaces that a process changes for itself. The kernel
// does it all; remembered is that from now on a name or a permission of ours is not the guest's
// (Process::has_changed_user, has_own_root), so that its files are asked for in its own name.
#include <linux/sched.h>

#include <cstdint>

#include "determinism/calls.h"

namespace tc::determinism {
namespace {

// Whether it succeeds does not matter: the slower way is right for everybody.
template <class T>
guest::Handler change_user(World& /*world*/, T /*call*/, Tracee& guest) {
  guest.process().has_changed_user = true;
  co_return guest::pass();
}

template <class T>
guest::Handler change_root(World& /*world*/, T /*call*/, Tracee& guest) {
  guest.process().has_own_root = true;
  co_return guest::pass();
}

guest::Handler answer_unshare(World& /*world*/, sys::call::unshare call, Tracee& guest) {
  if ((call.unshare_flags.value & CLONE_NEWNS) != 0) guest.process().has_own_root = true;
  if ((call.unshare_flags.value & CLONE_NEWUSER) != 0) guest.process().has_changed_user = true;
  co_return guest::pass();
}

// Of which kind the namespace is, its descriptor alone may say.
guest::Handler answer_setns(World& /*world*/, sys::call::setns /*call*/, Tracee& guest) {
  guest.process().has_own_root = true;
  guest.process().has_changed_user = true;
  co_return guest::pass();
}

}  // namespace

void add_credential_calls(guest::Handlers& handlers, World& world) {
  using namespace sys::call;  // NOLINT(google-build-using-namespace): a table of calls
  on<setuid>(handlers, world, change_user<setuid>);
  on<setgid>(handlers, world, change_user<setgid>);
  on<setreuid>(handlers, world, change_user<setreuid>);
  on<setregid>(handlers, world, change_user<setregid>);
  on<setresuid>(handlers, world, change_user<setresuid>);
  on<setresgid>(handlers, world, change_user<setresgid>);
  on<setfsuid>(handlers, world, change_user<setfsuid>);
  on<setfsgid>(handlers, world, change_user<setfsgid>);
  on<setgroups>(handlers, world, change_user<setgroups>);
  on<capset>(handlers, world, change_user<capset>);
  on<chroot>(handlers, world, change_root<chroot>);
  on<pivot_root>(handlers, world, change_root<pivot_root>);
  on<unshare>(handlers, world, answer_unshare);
  on<setns>(handlers, world, answer_setns);
}

}  // namespace tc::determinism
