#include "determinism/open_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace tc::determinism {
namespace {

// Numbers of Documentation/admin-guide/devices.txt.
constexpr unsigned kMemoryDevices = 1;
constexpr unsigned kMiscellaneousDevices = 10;
constexpr unsigned kRandomMinor = 8;
constexpr unsigned kUrandomMinor = 9;
constexpr unsigned kHardwareRandomMinor = 183;

FileKind kind_of_device(dev_t device, int fd) {
  const unsigned minor_number = minor(device);
  if (major(device) == kMemoryDevices)
    return minor_number == kRandomMinor || minor_number == kUrandomMinor ? FileKind::kRandom
                                                                         : FileKind::kMemory;
  if (major(device) == kMiscellaneousDevices && minor_number == kHardwareRandomMinor)
    return FileKind::kRandom;
  return ::isatty(fd) == 1 ? FileKind::kTerminal : FileKind::kOther;
}

FileKind kind_of(const struct stat& status, int fd) {
  switch (status.st_mode & S_IFMT) {
    case S_IFIFO:
      return FileKind::kPipe;
    case S_IFSOCK:
      return FileKind::kSocket;
    case S_IFCHR:
      return kind_of_device(status.st_rdev, fd);
    case S_IFREG:
    case S_IFDIR:
    case S_IFBLK:
    case S_IFLNK:
      return FileKind::kFile;
    default:
      return FileKind::kOther;  // anonymous inodes have no type
  }
}

std::string_view name_of(FileKind kind) {
  switch (kind) {
    case FileKind::kPipe:
      return "a pipe";
    case FileKind::kSocket:
      return "a socket";
    case FileKind::kTerminal:
      return "a terminal";
    default:
      return "a file";
  }
}

// include/linux/errno.h: not for programs, but for whoever ends a call in the kernel's stead.
constexpr std::int64_t kFirstRestart = -512;
constexpr std::int64_t kLastRestart = -516;

}  // namespace

bool OpenFile::is_nonblocking() const { return (flags & O_NONBLOCK) != 0; }
bool OpenFile::may_read() const { return (flags & O_ACCMODE) != O_WRONLY; }
bool OpenFile::may_write() const { return (flags & O_ACCMODE) != O_RDONLY; }

std::optional<OpenFile> find_file(const World& world, Tracee& guest, int fd) {
  Result<UniqueFd> ours = guest.file(fd);
  if (!ours) return std::nullopt;
  struct stat status {};
  const int flags = ::fcntl(ours->get(), F_GETFL);
  if (flags < 0 || (flags & O_PATH) != 0 || ::fstat(ours->get(), &status) != 0) return std::nullopt;
  OpenFile file;
  file.number = fd;
  file.kind = kind_of(status, ours->get());
  file.id = {.device = status.st_dev, .inode = status.st_ino};
  file.flags = flags;
  file.outside =
      std::find(world.external.begin(), world.external.end(), file.id) != world.external.end();
  file.file = std::make_shared<const UniqueFd>(std::move(ours).value());
  return file;
}

std::int16_t poll_now(const OpenFile& file, std::int16_t events) {
  pollfd asked{.fd = file.get(), .events = events, .revents = 0};
  return ::poll(&asked, 1, 0) == 1 ? asked.revents : std::int16_t{0};
}

int socket_option(const OpenFile& socket, int option) {
  int value = -1;
  socklen_t size = sizeof(value);
  if (::getsockopt(socket.get(), SOL_SOCKET, option, &value, &size) != 0) return -1;
  return value;
}

std::string describe_wait(const OpenFile& file, std::int16_t events) {
  return fmt::format("{} {} (descriptor {})", (events & POLLOUT) != 0 ? "room in" : "input from",
                     name_of(file.kind), file.number);
}

guest::Wait wait_for(const OpenFile& file, std::int16_t events) {
  guest::Wait wait;
  if (poll_now(file, events) != 0)
    wait.retry = true;
  else
    wait.files.push_back({.file = file.file, .events = events});
  wait.what = describe_wait(file, events);
  return wait;
}

BlockingMode::BlockingMode(const OpenFile& file, bool blocks) {
  if (file.is_nonblocking() != blocks) return;
  file_ = file.file;
  flags_ = file.flags;
  ::fcntl(file_->get(), F_SETFL, flags_ ^ O_NONBLOCK);
}

BlockingMode::~BlockingMode() {
  if (file_) ::fcntl(file_->get(), F_SETFL, flags_);
}

guest::Answer answer_of(std::int64_t result) {
  if (result <= kFirstRestart && result >= kLastRestart) return guest::interrupted(result);
  return result;
}

guest::Handler answer_with(guest::Answer answer) { co_return answer; }

guest::Handler pass_when_ready(ReadyCall call) {
  while (poll_now(call.file, call.events) == 0) {
    if (call.attempt) {
      std::int64_t result = 0;
      {
        const NonBlocking mode(call.file);
        guest::Injection attempt(call.attempt->number, call.attempt->arguments);
        result = co_await attempt;
      }
      if (result != -EAGAIN) co_return answer_of(result);
    }
    guest::Wait wait = wait_for(call.file, call.events);
    wait.deadline_ns = call.deadline_ns;
    guest::Waiting waiting(std::move(wait));
    const guest::Woken woken = co_await waiting;
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(call.at_signal);
    if (woken == guest::Woken::kDeadline) co_return call.at_deadline;
  }
  co_return guest::pass();
}

}  // namespace tc::determinism
