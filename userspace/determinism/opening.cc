#include "determinism/opening.h"

#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>

#include "determinism/file_changes.h"
#include "determinism/open_file.h"
#include "sys/calls.h"

namespace tc::determinism {
namespace {

using guest::Handler;
using guest::Woken;

constexpr std::size_t kLongestMemoryName = 249;  // MFD_NAME_MAX_LEN of the kernel
// Of the flags of an opening those that can be set on an open file, and matter to who reads a text.
constexpr std::uint64_t kSettableFlags = O_NONBLOCK | O_APPEND | O_NOATIME;

// FIFOs have names; pipes, which nobody waits to open, have only /proc/self/fd.
bool is_fifo(const UniqueFd& file, const struct stat& status) {
  if (!S_ISFIFO(status.st_mode)) return false;
  struct statfs file_system {};
  return ::fstatfs(file.get(), &file_system) == 0 && file_system.f_type != PIPEFS_MAGIC;
}

Fifos::End end_of(const Opening& opening) {
  if (!opening.writes()) return Fifos::End::kRead;
  return opening.reads() ? Fifos::End::kBoth : Fifos::End::kWrite;
}

// One end of the FIFO is open: whoever waited for it goes on.
void wake_other_end(World& world, const Opening& opening, const FileId& fifo,
                    const std::shared_ptr<const UniqueFd>& file) {
  const std::vector<TaskId> met = world.fifos.opened(fifo, end_of(opening), file);
  world.requests.wakeups.insert(world.requests.wakeups.end(), met.begin(), met.end());
}

guest::Wait wait_for_reader(const Opening& opening) {
  guest::Wait wait;
  wait.wakeup = true;
  wait.what = "a reader of the FIFO " + opening.path;
  return wait;
}

// What a writer from outside of the sandbox writes ends the wait as well.
guest::Wait wait_for_writer(const Opening& opening, const std::shared_ptr<const UniqueFd>& file) {
  guest::Wait wait;
  wait.files.push_back({.file = file, .events = POLLIN});
  wait.wakeup = true;
  wait.what = "a writer of the FIFO " + opening.path;
  return wait;
}

// The waiting is over, or was never wanted: the descriptor is as it was asked for.
void restore_blocking(const Opening& opening, const UniqueFd& file) {
  if (opening.has(O_NONBLOCK)) return;
  const int flags = ::fcntl(file.get(), F_GETFL);
  if (flags >= 0) ::fcntl(file.get(), F_SETFL, flags & ~O_NONBLOCK);
}

// Whether the file now lies in the memory file, read-only to those that look at its mode.
bool fill_text(const UniqueFd& file, const std::string& text, std::uint64_t flags) {
  std::size_t written = 0;
  while (written < text.size()) {
    // At offsets, so that the guest's position stays at the beginning.
    const ssize_t size = ::pwrite(file.get(), text.data() + written, text.size() - written,
                                  static_cast<off_t>(written));
    if (size <= 0) return false;
    written += static_cast<std::size_t>(size);
  }
  ::fchmod(file.get(), 0444);
  return ::fcntl(file.get(), F_SETFL, static_cast<int>(flags & kSettableFlags)) == 0;
}

}  // namespace

Result<guest::RawCall> with_flags(const Opening& opening, int more_flags, Tracee& guest) {
  const std::uint64_t flags = opening.flags | static_cast<unsigned>(more_flags);
  if (!opening.has_how) {
    sys::call::openat call{};
    call.dfd.value = opening.dirfd;
    call.filename.address = opening.path_address;
    call.flags.value = static_cast<std::uint32_t>(flags);
    call.mode.value = static_cast<std::uint32_t>(opening.mode);
    return guest::RawCall{.number = sys::Call<sys::call::openat>::kNumber,
                          .arguments = sys::to_registers(call)};
  }
  open_how how{};
  how.flags = flags;
  how.mode = opening.mode;
  how.resolve = opening.resolve;
  TC_TRY(const std::uint64_t address, guest.place(std::as_bytes(std::span(&how, 1))));
  sys::call::openat2 call{};
  call.dfd.value = opening.dirfd;
  call.filename.address = opening.path_address;
  call.how.address = address;
  call.usize.value = sizeof(how);
  return guest::RawCall{.number = sys::Call<sys::call::openat2>::kNumber,
                        .arguments = sys::to_registers(call)};
}

void tell_opened(World& world, Tracee& guest, const Opening& opening, const UniqueFd& file,
                 bool is_new) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  if (!is_new) {
    world.inodes.modified(file_id(status), world.clock.wall_ns());
    return;
  }
  world.inodes.created(file_id(status), world.clock.wall_ns());
  if (!opening.is_temporary()) tell_entry_changed(world, guest, opening.guest_path());
}

Handler open_changing(World& world, Opening opening, bool is_new, Tracee& guest) {
  const std::int64_t fd = co_await guest::Injection(opening.call.number, opening.call.arguments);
  if (fd < 0) co_return answer_of(fd);
  const Result<UniqueFd> file = guest.file(static_cast<int>(fd));
  if (file) tell_opened(world, guest, opening, *file, is_new);
  co_return fd;
}

Handler open_waiting(World& world, Opening opening, std::optional<FileId> fifo, Tracee& guest) {
  bool is_new = opening.is_exclusive() || opening.is_temporary();
  std::int64_t fd = -EEXIST;
  // Whether there is a file of the name already, only the kernel can tell of an unknown path.
  if (opening.may_create() && !is_new && !fifo) {
    const Result<guest::RawCall> exclusive = with_flags(opening, O_EXCL | O_NONBLOCK, guest);
    if (!exclusive) co_return -EFAULT;
    fd = co_await guest::Injection(exclusive->number, exclusive->arguments);
    is_new = fd >= 0;
  }
  const Result<guest::RawCall> call = with_flags(opening, O_NONBLOCK, guest);
  if (!call) co_return -EFAULT;
  if (fd == -EEXIST) fd = co_await guest::Injection(call->number, call->arguments);

  const bool waits = !opening.has(O_NONBLOCK);
  while (fd == -ENXIO && waits && end_of(opening) == Fifos::End::kWrite) {
    if (!fifo) {
      const auto ask = make_status_call(guest, opening.dirfd, opening.path_address, 0);
      if (!ask) co_return fd;
      const std::int64_t asked = co_await guest.inject(*ask);
      const std::optional<ToldFile> told = read_status_call(guest, *ask, asked);
      if (!told || told->type != S_IFIFO) co_return fd;  // a device that is not there
      fifo = told->id;
    }
    const Fifos::Waiter waiter(world.fifos, *fifo, guest.id(), Fifos::End::kWrite);
    const Woken woken = co_await Tracee::wait(wait_for_reader(opening));
    if (woken == Woken::kSignal) co_return guest::interrupted(guest::kRestartSys);
    fd = co_await guest::Injection(call->number, call->arguments);
  }
  if (fd < 0) co_return answer_of(fd);

  Result<UniqueFd> taken = guest.file(static_cast<int>(fd));
  if (!taken) co_return fd;
  const auto file = std::make_shared<const UniqueFd>(std::move(*taken));
  if (is_new || opening.has(O_TRUNC)) tell_opened(world, guest, opening, *file, is_new);
  struct stat status {};
  if (::fstat(file->get(), &status) == 0 && is_fifo(*file, status)) {
    wake_other_end(world, opening, file_id(status), file);
    if (waits && end_of(opening) == Fifos::End::kRead && !has_writer(*file)) {
      const Fifos::Waiter waiter(world.fifos, file_id(status), guest.id(), Fifos::End::kRead);
      const Woken woken = co_await Tracee::wait(wait_for_writer(opening, file));
      if (woken == Woken::kSignal) {
        sys::call::close close{};
        close.fd.value = static_cast<std::int32_t>(fd);
        const std::int64_t closed = co_await guest.inject(close);
        TC_ASSERT(closed == 0 || closed == -EINTR || closed == -EIO);
        co_return guest::interrupted(guest::kRestartSys);
      }
    }
  }
  restore_blocking(opening, *file);
  co_return fd;
}

Handler open_text(World& world, Opening opening, std::string name, std::string text,
                  Tracee& guest) {
  // The name is what readlink(2) of the descriptor tells (calls_link_text.cc).
  const std::string label = name.size() > kLongestMemoryName ? "/proc/" : name;
  const Result<std::uint64_t> address =
      guest.place(std::as_bytes(std::span(label.c_str(), label.size() + 1)));
  if (!address) co_return -EFAULT;
  sys::call::memfd_create make{};
  make.uname.address = *address;
  make.flags.value = opening.has(O_CLOEXEC) ? static_cast<unsigned>(MFD_CLOEXEC) : 0U;
  const std::int64_t fd = co_await guest.inject(make);
  if (fd < 0) co_return answer_of(fd);
  const Result<UniqueFd> file = guest.file(static_cast<int>(fd));
  if (!file || !fill_text(*file, text, opening.flags)) {
    world.requests.notes.push_back("what " + name + " says could not be replaced");
    co_return fd;
  }
  struct stat status {};
  if (::fstat(file->get(), &status) == 0) world.substitutes.insert(file_id(status));
  co_return fd;
}

}  // namespace tc::determinism
