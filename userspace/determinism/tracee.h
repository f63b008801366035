// Tracee: a guest of the sandbox as a handler sees it: a Guest (memory, injection) of which one may
// also ask for its open files and names. Abstract: sandbox/ makes a live process one, tests one of
// memory. Only one task runs at a time, so nothing asked here changes until the handler lets go.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "determinism/process.h"
#include "guest/guest.h"
#include "guest/wait.h"

namespace tc::determinism {

class Tracee : public guest::Guest {
 public:
  // Of the run, in order of creation; never reused.
  virtual TaskId id() const = 0;
  virtual Process& process() = 0;
  // As the guest itself sees its thread: getpid() is process().pid.
  virtual pid_t own_tid() const = 0;
  // The call is the one that a signal interrupted before and that the kernel makes again because no
  // handler of the guest's ran: a relative timeout goes on from the first try (deadlines.h).
  virtual bool is_made_again() const { return false; }

  // A descriptor of our own for the same open file description (pidfd_getfd(2)): position, status
  // flags and locks are shared with the guest's. The errno that the guest's call gives is the code
  // of the error: EBADF.
  virtual Result<UniqueFd> file(int fd) = 0;
  // What /proc/self/NAME links to: "cwd", "root", "exe", "fd/3".
  virtual Result<std::string> link(const std::string& name) = 0;
  // A name of ours for the same: "/proc/PID/NAME" of a /proc where the guest has an entry. Opening
  // it makes a new open file description.
  virtual std::string proc_name(const std::string& name) const = 0;
  // The path of the guest as an absolute one, lexically: `dirfd` is AT_FDCWD or a descriptor.
  // Symbolic links are not followed. Reads the path from the guest's memory.
  virtual Result<std::string> absolute_path(int dirfd, std::uint64_t path_address) = 0;

  // Room in the guest's memory for arguments of injected calls: `bytes` written below its stack
  // pointer, behind the red zone; what was there is put back when the handler has ended. Each call
  // gives other room. The address, or EFAULT.
  virtual Result<std::uint64_t> place(std::span<const std::byte> bytes) = 0;

  static guest::Waiting wait(guest::Wait what) { return guest::Waiting(std::move(what)); }
};

}  // namespace tc::determinism
