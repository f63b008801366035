// The handlers of all determinised calls, one file a subject (calls_SUBJECT.cc), each in its own
// function here. What has the policy Determinise in syscalls.def and no handler passes at a stop.
#pragma once

#include "determinism/tracee.h"
#include "determinism/world.h"
#include "guest/handlers.h"

namespace tc::determinism {

// The world must outlive the handlers.
guest::Handlers make_handlers(World& world);

void add_time_calls(guest::Handlers& handlers, World& world);  // clocks, sleeps
void add_timer_calls(guest::Handlers& handlers,
                     World& world);  // alarm, setitimer, timer_*, timerfd
void add_timer_descriptor_calls(guest::Handlers& handlers, World& world);
void add_identity_calls(guest::Handlers& handlers,
                        World& world);  // uname, sysinfo, rusage, limits…
void add_random_calls(guest::Handlers& handlers, World& world);    // getrandom
void add_transfer_calls(guest::Handlers& handlers, World& world);  // read, write and their kin
void add_poll_calls(guest::Handlers& handlers, World& world);      // poll, select, epoll
void add_open_calls(guest::Handlers& handlers, World& world);      // open and their kin
void add_name_calls(guest::Handlers& handlers, World& world);      // mkdir, link, rename, unlink…
void add_status_calls(guest::Handlers& handlers, World& world);    // stat, statx
void add_space_calls(guest::Handlers& handlers, World& world);     // statfs
void add_file_time_calls(guest::Handlers& handlers, World& world);  // utimensat, truncate…
void add_attribute_calls(guest::Handlers& handlers, World& world);  // chmod, chown, setxattr…
void add_link_text_calls(guest::Handlers& handlers, World& world);  // readlink
void add_directory_calls(guest::Handlers& handlers, World& world);  // getdents
void add_futex_calls(guest::Handlers& handlers, World& world);
void add_futex2_calls(guest::Handlers& handlers, World& world);      // futex_wait, futex_waitv…
void add_process_calls(guest::Handlers& handlers, World& world);     // clone, prctl, seccomp…
void add_wait_calls(guest::Handlers& handlers, World& world);        // wait4, waitid
void add_schedule_calls(guest::Handlers& handlers, World& world);    // sched_set…, ioprio
void add_credential_calls(guest::Handlers& handlers, World& world);  // setuid…, chroot, setns
void add_signal_calls(guest::Handlers& handlers, World& world);      // kill, pause, sigsuspend…
void add_socket_calls(guest::Handlers& handlers, World& world);
void add_ipc_calls(guest::Handlers& handlers, World& world);     // System V, POSIX queues
void add_lock_calls(guest::Handlers& handlers, World& world);    // flock, fcntl
void add_device_calls(guest::Handlers& handlers, World& world);  // ioctl

// Makes FUNCTION(World&, T, Tracee&) the handler of T, as one line of an add_… function:
//   on<sys::call::uname>(handlers, world, answer_uname);
template <sys::TypedCall T>
void on(guest::Handlers& handlers, World& world, guest::Handler (*function)(World&, T, Tracee&)) {
  handlers.on<T>([&world, function](T call, guest::Guest& guest) {
    return function(world, call, static_cast<Tracee&>(guest));
  });
}

}  // namespace tc::determinism
