#include "trace/books.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace tc::trace {
namespace {

template <class T>
T load(std::string_view bytes, std::size_t offset) {
  T value{};
  if (offset <= bytes.size() && bytes.size() - offset >= sizeof(T))
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

std::string_view piece(const sys::CallReturn& call, std::size_t argument, unsigned part = 0) {
  for (const sys::Piece& row : call.pieces)
    if (row.argument == argument && row.part == part && !row.fault) return row.bytes;
  return {};
}

std::string_view string_of(const sys::CallReturn& call, std::size_t argument) {
  return Books::string_argument(call, argument).value_or(std::string_view());
}

// Descriptors are ints: of a register only the lower half counts.
std::int64_t descriptor_of(const sys::CallReturn& call, std::size_t argument) {
  return static_cast<std::int32_t>(call.arguments[argument]);
}

// struct open_how of openat2(2).
constexpr std::size_t kHowFlags = 0;
constexpr std::size_t kHowMode = 8;

constexpr std::uint64_t kDupCloseOnExec = 1030;  // F_DUPFD_CLOEXEC

// Calls that return a descriptor of something without a path, and which bit of which argument
// closes it on exec; argument kAlways: it is always so, kNever: never.
struct Maker {
  std::uint32_t number;
  std::string_view what;
  std::size_t argument;
  std::uint64_t close_on_exec;
};
constexpr std::size_t kAlways = 100;
constexpr std::size_t kNever = 101;
constexpr std::array kMakers = {
    Maker{SYS_epoll_create, "epoll", kNever, 0},
    Maker{SYS_epoll_create1, "epoll", 0, O_CLOEXEC},
    Maker{SYS_eventfd, "eventfd", kNever, 0},
    Maker{SYS_eventfd2, "eventfd", 1, O_CLOEXEC},
    Maker{SYS_timerfd_create, "timerfd", 1, O_CLOEXEC},
    Maker{SYS_inotify_init, "inotify", kNever, 0},
    Maker{SYS_inotify_init1, "inotify", 0, O_CLOEXEC},
    Maker{SYS_fanotify_init, "fanotify", 0, 1},
    Maker{SYS_userfaultfd, "userfaultfd", 0, O_CLOEXEC},
    Maker{SYS_perf_event_open, "perf", 4, 8},
    Maker{SYS_bpf, "bpf", kAlways, 0},
    Maker{SYS_io_uring_setup, "io_uring", kAlways, 0},
    Maker{SYS_memfd_secret, "memfd_secret", 0, O_CLOEXEC},
    Maker{SYS_landlock_create_ruleset, "landlock", kAlways, 0},
    Maker{SYS_fsopen, "fscontext", 1, 1},
    Maker{SYS_fspick, "fscontext", 2, 1},
    Maker{SYS_fsmount, "mount", 1, 1},
    Maker{SYS_open_tree, "mount", 2, O_CLOEXEC},
    Maker{SYS_mq_open, "mqueue", 1, O_CLOEXEC},
    Maker{SYS_open_by_handle_at, "handle", 2, O_CLOEXEC},
    Maker{SYS_pidfd_getfd, "received", kAlways, 0},
};

// "(inet,stream)".
std::string socket_traits(std::uint64_t family, std::uint64_t type) {
  std::string text;
  switch (family) {
    case AF_UNIX:
      text = "unix";
      break;
    case AF_INET:
      text = "inet";
      break;
    case AF_INET6:
      text = "inet6";
      break;
    case AF_NETLINK:
      text = "netlink";
      break;
    case AF_PACKET:
      text = "packet";
      break;
    case AF_VSOCK:
      text = "vsock";
      break;
    default:
      text = fmt::format("family {}", family);
  }
  constexpr std::uint64_t kTypeMask = 0xf;
  switch (type & kTypeMask) {
    case SOCK_STREAM:
      return fmt::format("({},stream)", text);
    case SOCK_DGRAM:
      return fmt::format("({},dgram)", text);
    case SOCK_RAW:
      return fmt::format("({},raw)", text);
    case SOCK_SEQPACKET:
      return fmt::format("({},seqpacket)", text);
    default:
      return fmt::format("({},type {})", text, type & kTypeMask);
  }
}

}  // namespace

std::optional<std::string_view> Books::string_argument(const sys::CallReturn& call,
                                                       std::size_t argument) {
  for (const sys::Piece& row : call.pieces)
    if (row.argument == argument && row.part == 0 && !row.fault && !row.truncated) return row.bytes;
  return std::nullopt;
}

std::string Books::absolute(const Thread& thread, std::int64_t directory, std::string_view path) {
  if (path.starts_with('/') || directory == AT_FDCWD)
    return absolute_path(thread.directory->path, path);
  const Description* behind = thread.descriptors->find(directory);
  if (behind == nullptr) return {};
  // AT_EMPTY_PATH: the descriptor itself.
  if (path.empty()) return behind->path.starts_with('/') ? behind->path : std::string();
  return absolute_path(behind->path, path);
}

void Books::create(Thread& thread, std::int64_t directory, std::string_view path, bool is_directory,
                   std::uint64_t flags, std::uint64_t mode) {
  if (path.empty()) return;
  constexpr std::uint64_t kExclusive = O_CREAT | O_EXCL;
  if (!is_directory && (flags & kExclusive) != kExclusive) return;
  // What mkstemp(3) tries and fails with is as random as what it succeeds with.
  const std::string whole = absolute(thread, directory, path);
  const Creation creation = {.path = whole.empty() ? path : std::string_view(whole),
                             .directory = is_directory,
                             .flags = flags,
                             .mode = mode & 07777U,
                             .random_before = thread.calls_since_random <= 2};
  names_.learn(random_part(creation), thread);
}

void Books::before(Thread& thread, std::uint32_t number, const sys::CallReturn& call) {
  const auto& arguments = call.arguments;
  switch (number) {
    case SYS_getrandom:
      thread.calls_since_random = 0;
      return;
    case SYS_open:
      return create(thread, AT_FDCWD, string_of(call, 0), false, arguments[1], arguments[2]);
    case SYS_openat:
      return create(thread, descriptor_of(call, 0), string_of(call, 1), false, arguments[2],
                    arguments[3]);
    case SYS_openat2: {
      const std::string_view how = piece(call, 2);
      return create(thread, descriptor_of(call, 0), string_of(call, 1), false,
                    load<std::uint64_t>(how, kHowFlags), load<std::uint64_t>(how, kHowMode));
    }
    case SYS_mkdir:
      return create(thread, AT_FDCWD, string_of(call, 0), true, 0, arguments[1]);
    case SYS_mkdirat:
      return create(thread, descriptor_of(call, 0), string_of(call, 1), true, 0, arguments[2]);
    case SYS_brk:
      // Told in the call itself: the new end belongs to the heap.
      if (call.result) thread.memory->set_break(static_cast<std::uint64_t>(*call.result));
      return;
    case SYS_bind: {
      const std::string_view address = piece(call, 1);
      const auto family = load<std::uint16_t>(address, 0);
      if ((family == AF_INET || family == AF_INET6) && address.size() >= 4)
        bound_.set(static_cast<std::size_t>(static_cast<std::uint8_t>(address[2])) << 8U |
                   static_cast<std::uint8_t>(address[3]));
      return;
    }
    default:
      return;
  }
}

void Books::after(Thread& thread, std::uint32_t number, const sys::CallReturn& call) {
  if (!call.result) return;
  if (number == SYS_close) return closed(thread, number, call);  // also when it fails
  if (call.failed()) return;
  switch (number) {
    case SYS_open:
      return opened(thread, call, AT_FDCWD, 0, call.arguments[1]);
    case SYS_creat:
      return opened(thread, call, AT_FDCWD, 0, 0);
    case SYS_openat:
      return opened(thread, call, descriptor_of(call, 0), 1, call.arguments[2]);
    case SYS_openat2:
      return opened(thread, call, descriptor_of(call, 0), 1,
                    load<std::uint64_t>(piece(call, 2), kHowFlags));
    case SYS_close_range:
      return closed(thread, number, call);
    case SYS_dup:
    case SYS_dup2:
    case SYS_dup3:
    case SYS_fcntl:
    case SYS_ioctl:
      return copied_descriptor(thread, number, call);
    case SYS_pipe:
      return made_pair(thread, call, "pipe", 0, 0);
    case SYS_pipe2:
      return made_pair(thread, call, "pipe", 0, call.arguments[1]);
    case SYS_socketpair:
      return made_pair(thread, call, "socketpair", 3, call.arguments[1]);
    case SYS_recvmsg:
      return received(thread, call);
    case SYS_chdir:
    case SYS_fchdir:
    case SYS_getcwd:
      return changed_directory(thread, number, call);
    case SYS_unshare:
      return unshared(thread, call.arguments[0]);
    case SYS_mmap:
    case SYS_munmap:
    case SYS_mremap:
    case SYS_shmat:
      return changed_memory(thread, number, call);
    default:
      return made_descriptor(thread, number, call);
  }
}

void Books::opened(Thread& thread, const sys::CallReturn& call, std::int64_t directory,
                   std::size_t path, std::uint64_t flags) {
  DescriptorTable& table = *thread.descriptors;
  std::string whole = absolute(thread, directory, string_of(call, path));
  if (whole.empty()) return table.open(*call.result, nullptr, false, thread.number);
  if ((flags & O_TMPFILE) == O_TMPFILE) whole += "/tmpfile";
  const std::string shown(names_.path(whole, thread));
  table.open(*call.result, table.file(whole, shown, thread.line.label()), (flags & O_CLOEXEC) != 0,
             thread.number);
}

void Books::made_descriptor(Thread& thread, std::uint32_t number, const sys::CallReturn& call) {
  DescriptorTable& table = *thread.descriptors;
  const std::string& label = thread.line.label();
  const auto& arguments = call.arguments;
  const auto named = [&](const std::string& name, bool close_on_exec) {
    table.open(*call.result, table.file(name, name, label), close_on_exec, thread.number);
  };
  switch (number) {
    case SYS_socket:
      return table.open(
          *call.result,
          table.other("socket", {}, label, nullptr, socket_traits(arguments[0], arguments[1])),
          (arguments[1] & SOCK_CLOEXEC) != 0, thread.number);
    case SYS_accept:
    case SYS_accept4: {
      const SharedDescription listener = table.share(descriptor_of(call, 0));
      return table.open(*call.result,
                        table.other("accepted", {}, label, nullptr,
                                    listener ? listener->traits : std::string_view()),
                        number == SYS_accept4 && (arguments[3] & SOCK_CLOEXEC) != 0, thread.number);
    }
    case SYS_memfd_create:
      return named(fmt::format("memfd:{}", string_of(call, 0)), (arguments[1] & 1U) != 0);
    case SYS_pidfd_open: {
      const auto pid = static_cast<std::uint32_t>(arguments[0]);
      return named(fmt::format("pidfd({})", lineage_.pid_name(thread, pid)), true);
    }
    case SYS_signalfd:
    case SYS_signalfd4:
      // With a descriptor it changes what that one waits for.
      if (descriptor_of(call, 0) != -1) return;
      return table.open(*call.result, table.other("signalfd", {}, label),
                        number == SYS_signalfd4 && (arguments[3] & O_CLOEXEC) != 0, thread.number);
    default:
      break;
  }
  for (const Maker& maker : kMakers) {
    if (maker.number != number) continue;
    const bool close_on_exec =
        maker.argument == kAlways ||
        (maker.argument != kNever && (arguments[maker.argument] & maker.close_on_exec) != 0);
    return table.open(*call.result, table.other(maker.what, {}, label), close_on_exec,
                      thread.number);
  }
}

void Books::copied_descriptor(Thread& thread, std::uint32_t number, const sys::CallReturn& call) {
  DescriptorTable& table = *thread.descriptors;
  const std::int64_t from = descriptor_of(call, 0);
  const std::uint64_t command = call.arguments[1];
  if (number == SYS_ioctl) {
    if (command == FIOCLEX || command == FIONCLEX)
      table.set_close_on_exec(from, command == FIOCLEX);
    return;
  }
  if (number == SYS_fcntl) {
    if (command == F_SETFD) table.set_close_on_exec(from, (call.arguments[2] & FD_CLOEXEC) != 0);
    if (command == F_DUPFD || command == kDupCloseOnExec)
      table.open(*call.result, table.share(from), command == kDupCloseOnExec, thread.number);
    return;
  }
  if (number == SYS_dup) return table.open(*call.result, table.share(from), false, thread.number);
  if (number == SYS_dup2 && *call.result == from) return;  // nothing changes
  table.set(*call.result, table.share(from),
            number == SYS_dup3 && (call.arguments[2] & O_CLOEXEC) != 0);
}

void Books::closed(Thread& thread, std::uint32_t number, const sys::CallReturn& call) {
  if (number == SYS_close) {
    // Also an interrupted close has closed (close(2)).
    if (*call.result != -EBADF) thread.descriptors->close(descriptor_of(call, 0), thread.number);
    return;
  }
  const auto first = static_cast<std::uint32_t>(call.arguments[0]);
  const auto last = static_cast<std::uint32_t>(call.arguments[1]);
  const std::uint64_t flags = call.arguments[2];
  if ((flags & CLOSE_RANGE_UNSHARE) != 0) unshared(thread, CLONE_FILES);
  if ((flags & CLOSE_RANGE_CLOEXEC) != 0)
    thread.descriptors->set_close_on_exec_range(first, last);
  else
    thread.descriptors->close_range(first, last);
}

void Books::made_pair(Thread& thread, const sys::CallReturn& call, std::string_view what,
                      std::size_t argument, std::uint64_t flags) {
  const std::string_view bytes = piece(call, argument);
  if (bytes.size() < 2 * sizeof(int)) return;
  const bool is_pipe = what == "pipe";
  const std::string traits =
      is_pipe ? std::string() : socket_traits(call.arguments[0], call.arguments[1]);
  DescriptorTable& table = *thread.descriptors;
  const std::string& label = thread.line.label();
  const bool close_on_exec = (flags & O_CLOEXEC) != 0;
  const SharedDescription first = table.other(what, is_pipe ? ":r" : ":0", label, nullptr, traits);
  table.open(load<std::int32_t>(bytes, 0), first, close_on_exec, thread.number);
  table.open(load<std::int32_t>(bytes, sizeof(int)),
             table.other(what, is_pipe ? ":w" : ":1", label, first.get(), traits), close_on_exec,
             thread.number);
}

// Descriptors that came with a message (SCM_RIGHTS): whose they were is not known.
void Books::received(Thread& thread, const sys::CallReturn& call) {
  constexpr unsigned kControlPart = 4;
  std::string_view control = piece(call, 1, kControlPart);
  DescriptorTable& table = *thread.descriptors;
  while (control.size() >= sizeof(cmsghdr)) {
    const auto header = load<cmsghdr>(control, 0);
    if (header.cmsg_len < sizeof(cmsghdr) || header.cmsg_len > control.size()) return;
    if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS)
      for (std::size_t at = sizeof(cmsghdr); at + sizeof(int) <= header.cmsg_len; at += sizeof(int))
        table.open(load<std::int32_t>(control, at),
                   table.other("received", {}, thread.line.label()),
                   (call.arguments[2] & MSG_CMSG_CLOEXEC) != 0, thread.number);
    control.remove_prefix(std::min(control.size(), CMSG_ALIGN(header.cmsg_len)));
  }
}

void Books::changed_directory(Thread& thread, std::uint32_t number, const sys::CallReturn& call) {
  std::string& path = thread.directory->path;
  if (number == SYS_chdir) {
    path = absolute(thread, AT_FDCWD, string_of(call, 0));
  } else if (number == SYS_fchdir) {
    const Description* behind = thread.descriptors->find(descriptor_of(call, 0));
    path = behind != nullptr && behind->path.starts_with('/') ? behind->path : std::string();
  } else {
    // The kernel's own word, behind links.
    const std::string_view told = piece(call, 0);
    if (told.starts_with('/')) path = told.substr(0, told.find('\0'));
  }
}

void Books::unshared(Thread& thread, std::uint64_t flags) {
  if ((flags & CLONE_FILES) != 0)
    thread.descriptors = std::make_shared<DescriptorTable>(*thread.descriptors);
  if ((flags & CLONE_FS) != 0)
    thread.directory = std::make_shared<WorkingDirectory>(*thread.directory);
  if ((flags & CLONE_NEWPID) != 0) lineage_.new_space(thread);
}

void Books::changed_memory(Thread& thread, std::uint32_t number, const sys::CallReturn& call) {
  AddressSpace& memory = *thread.memory;
  const auto& arguments = call.arguments;
  const auto result = static_cast<std::uint64_t>(*call.result);
  if (number == SYS_munmap) return memory.unmap(arguments[0], arguments[1]);
  if (number == SYS_mremap) return memory.remap(arguments[0], arguments[1], result, arguments[2]);
  if (number == SYS_shmat) return memory.attach(result, thread.line.label());
  constexpr std::uint64_t kFixed = 0x10;          // MAP_FIXED
  constexpr std::uint64_t kAnonymous = 0x20;      // MAP_ANONYMOUS
  constexpr std::uint64_t kNoReplace = 0x100000;  // MAP_FIXED_NOREPLACE
  std::string_view file;
  std::string_view shown;
  if ((arguments[3] & kAnonymous) == 0) {
    const Description* behind = thread.descriptors->find(descriptor_of(call, 4));
    file = "file";
    if (behind != nullptr) file = behind->path.empty() ? behind->token : behind->path;
    shown = names_.path(file, thread);
  }
  memory.map(result, arguments[1], file, shown, (arguments[3] & (kFixed | kNoReplace)) != 0,
             thread.line.label());
}

}  // namespace tc::trace
