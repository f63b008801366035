// ioctl(2): what terminals, sockets, files and devices tell and do beside reading and writing. What
// differs between hosts is answered here, the rest is the kernel's; commands that nobody here knows
// are made and told of.
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>

#include "determinism/calls.h"

namespace tc::determinism {
namespace {

using guest::Handler;

// The commands of older headers' time are missing in ours (include/uapi/linux/fs.h, seccomp.h).
constexpr std::uint32_t kGetFsUuid = 0x80111500;
constexpr std::uint32_t kGetFsSysfsPath = 0x80811501;
constexpr std::uint32_t kTakeNotification = 0xc0502100;
constexpr std::uint32_t kGetStampOld = 0x8906;
constexpr std::uint32_t kGetStampNsOld = 0x8907;
constexpr std::uint32_t kGetStampNew = 0x80108906;
constexpr std::uint32_t kGetStampNsNew = 0x80108907;

// Which subsystem a command belongs to (Documentation/userspace-api/ioctl/ioctl-number.rst).
constexpr std::uint32_t type_of(std::uint32_t command) { return command >> 8U & 0xffU; }
constexpr std::uint32_t kTerminals = 'T';
constexpr std::uint32_t kConsoles = 'K';
constexpr std::uint32_t kVirtualTerminals = 'V';
constexpr std::uint32_t kSockets = 0x89;
constexpr std::uint32_t kNamespaces = 0xb7;

// The terminal on which the sandbox itself was started. Its size is the user's window's, while
// pseudo-terminals of the guests' own making have what they set.
bool is_outer_terminal(const UniqueFd& file) {
  struct stat status {};
  if (::isatty(file.get()) == 0 || ::fstat(file.get(), &status) != 0) return false;
  for (const int own : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    struct stat outer {};
    if (::isatty(own) != 0 && ::fstat(own, &outer) == 0 && outer.st_rdev == status.st_rdev &&
        outer.st_dev == status.st_dev)
      return true;
  }
  return false;
}

template <class T>
std::int64_t give(Tracee& guest, std::uint64_t address, const T& value) {
  return guest.write_memory(address, std::as_bytes(std::span(&value, 1))) ? 0 : -EFAULT;
}

Handler pass_call() { co_return guest::pass(); }
// The kernel is not asked, but a descriptor that is none is told of all the same.
Handler answer_unasked(std::int64_t answer, sys::call::ioctl call, Tracee& guest) {
  const auto file = guest.file(call.fd.value);
  co_return file ? answer : -EBADF;
}

// --- terminals ---------------------------------------------------------------------------------

constexpr winsize kWindow = {.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};

Handler answer_terminal(sys::call::ioctl call, Tracee& guest) {
  const auto file = guest.file(call.fd.value);
  if (!file || !is_outer_terminal(*file)) co_return guest::pass();
  switch (static_cast<std::uint32_t>(call.cmd.value)) {
    case TIOCGWINSZ:
      co_return give(guest, call.arg.address, kWindow);
    case TIOCSWINSZ:
      co_return 0;  // the user's window stays as it is
    case TIOCOUTQ:
      co_return give(guest, call.arg.address, int{0});  // how fast it is read is nobody's business
    default:
      co_return guest::pass();
  }
}

// --- files -------------------------------------------------------------------------------------

// What chattr(1) sets; the others are the file system's own choice (extents, inline data).
Handler answer_file_flags(sys::call::ioctl call, Tracee& guest) {
  const std::int64_t result = co_await guest.inject(call);
  if (result != 0) co_return result;
  const sys::RemotePointer<std::uint32_t> address{call.arg.address};
  const auto flags = guest.read(address);
  if (!flags) co_return -EFAULT;
  co_return give(guest, call.arg.address, *flags & std::uint32_t{FS_FL_USER_MODIFIABLE});
}

Handler answer_extended_flags(sys::call::ioctl call, Tracee& guest) {
  const std::int64_t result = co_await guest.inject(call);
  if (result != 0) co_return result;
  const sys::RemotePointer<fsxattr> address{call.arg.address};
  auto attributes = guest.read(address);
  if (!attributes) co_return -EFAULT;
  attributes->fsx_nextents = 0;  // how it lies on the disk
  co_return give(guest, call.arg.address, *attributes);
}

Handler answer_block_size(sys::call::ioctl call, Tracee& guest) {
  const std::int64_t result = co_await guest.inject(call);
  if (result != 0) co_return result;
  co_return give(guest, call.arg.address, int{4096});
}

// --- sockets and devices -----------------------------------------------------------------------

// When the last datagram came, by the kernel's own clock.
Handler answer_socket_time(World& world, sys::call::ioctl call, Tracee& guest) {
  const std::int64_t result = co_await guest.inject(call);
  if (result != 0) co_return result;
  const auto command = static_cast<std::uint32_t>(call.cmd.value);
  const bool is_ns = command == kGetStampNsOld || command == kGetStampNsNew;
  sys::abi::clock_reading now{};
  now.tv_sec.value = world.clock.wall_ns() / kSecondNs;
  now.tv_nsec.value = world.clock.wall_ns() % kSecondNs / (is_ns ? 1 : 1'000);
  co_return give(guest, call.arg.address, now);
}

// Of the commands that block this is the only one whose readiness poll(2) tells.
Handler answer_take_notification(sys::call::ioctl call, Tracee& guest) {
  auto file = guest.file(call.fd.value);
  if (!file) co_return guest::pass();
  const auto shared = std::make_shared<const UniqueFd>(std::move(*file));
  pollfd asked{.fd = shared->get(), .events = POLLIN, .revents = 0};
  if (::poll(&asked, 1, 0) == 0) {
    guest::Wait wait;
    wait.files.push_back({.file = shared, .events = POLLIN});
    wait.what = "a call to be supervised";
    const guest::Woken woken = co_await Tracee::wait(std::move(wait));
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(guest::kRestartSys);
  }
  co_return guest::pass();
}

// That it is made is told of only when something answered.
Handler answer_unknown_command(World& world, sys::call::ioctl call, Tracee& guest) {
  const std::int64_t result = co_await guest.inject(call);
  if (result >= 0)
    world.requests.notes.push_back(fmt::format("ioctl {:#x} is not known and may tell of the host",
                                               static_cast<std::uint32_t>(call.cmd.value)));
  co_return result;
}

Handler answer_by_type(World& world, sys::call::ioctl call, Tracee& guest) {
  switch (type_of(static_cast<std::uint32_t>(call.cmd.value))) {
    case kTerminals:
    case kConsoles:
    case kVirtualTerminals:
    case kSockets:
    case kNamespaces:
      return pass_call();
    default:
      return answer_unknown_command(world, call, guest);
  }
}

Handler answer_ioctl(World& world, sys::call::ioctl call, Tracee& guest) {
  switch (static_cast<std::uint32_t>(call.cmd.value)) {
    case TIOCGWINSZ:
    case TIOCSWINSZ:
    case TIOCOUTQ:
      return answer_terminal(call, guest);
    case FS_IOC_GETFLAGS:
      return answer_file_flags(call, guest);
    case FS_IOC_FSGETXATTR:
      return answer_extended_flags(call, guest);
    case FIGETBSZ:
      return answer_block_size(call, guest);
    case FS_IOC_SETFLAGS:
    case FS_IOC_FSSETXATTR:
    case FIOQSIZE:
      return pass_call();
    // The generation of an inode and the label of its file system are the host's.
    case FS_IOC_GETVERSION:
    case FS_IOC_GETFSLABEL:
    case kGetFsUuid:
    case kGetFsSysfsPath:
      return answer_unasked(-ENOTTY, call, guest);
    // Where a file lies on the disk, and whether blocks can be shared: callers copy instead.
    case FIBMAP:
    case FS_IOC_FIEMAP:
    case FICLONE:
    case FICLONERANGE:
    case FIDEDUPERANGE:
      return answer_unasked(-EOPNOTSUPP, call, guest);
    case kGetStampOld:
    case kGetStampNsOld:
    case kGetStampNew:
    case kGetStampNsNew:
      return answer_socket_time(world, call, guest);
    case RNDGETENTCNT:
      return answer_unasked(give(guest, call.arg.address, int{256}), call, guest);
    case RNDADDENTROPY:
    case RNDADDTOENTCNT:
    case RNDCLEARPOOL:
    case RNDRESEEDCRNG:
      return answer_unasked(-EPERM, call, guest);
    case kTakeNotification:
      return answer_take_notification(call, guest);
    default:
      return answer_by_type(world, call, guest);
  }
}

}  // namespace

void add_device_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::ioctl>(handlers, world, answer_ioctl);
}

}  // namespace tc::determinism
