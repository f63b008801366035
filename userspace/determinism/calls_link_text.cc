// readlink(2). What links of files say depends on the files alone; those of /proc have numbers of
// the host in them: "pipe:[1234]", "socket:[1234]", "mnt:[4026531840]".
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "determinism/calls.h"
#include "determinism/lookup.h"
#include "determinism/open_file.h"

namespace tc::determinism {
namespace {

using guest::Handler;

// What stands before the name of a file of memfd_create(2) and behind that of a removed one.
constexpr std::string_view kMemoryFile = "/memfd:";
constexpr std::string_view kRemoved = " (deleted)";

// The device of all files like this one; 0 when there is none.
std::uint64_t device_of(const UniqueFd& file) {
  struct stat status {};
  return ::fstat(file.get(), &status) == 0 ? status.st_dev : 0;
}

// The file system in which the kernel has its pipes, sockets or namespaces: what numbers of theirs
// are relative to.
std::uint64_t device_of_kind(std::string_view kind) {
  int ends[2];
  if (kind == "pipe" && ::pipe2(ends, O_CLOEXEC) == 0) {
    const UniqueFd reader(ends[0]);
    const UniqueFd writer(ends[1]);
    return device_of(reader);
  }
  if (kind == "socket")
    return device_of(UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  return 0;  // of namespaces, which are numbered by one counter
}

// "pipe:[VIRTUAL]" for "pipe:[HOST]"; the name that a substitute stands for; else the same.
std::string told_link(World& world, const std::string& text) {
  if (text.starts_with(kMemoryFile) && text.ends_with(kRemoved)) {
    const std::string name =
        text.substr(kMemoryFile.size(), text.size() - kMemoryFile.size() - kRemoved.size());
    const bool is_substitute = name.starts_with("/proc/") || name.starts_with("/sys/");
    return is_substitute ? name : text;
  }
  const std::size_t open = text.find(":[");
  if (text.starts_with('/') || open == std::string::npos || !text.ends_with(']')) return text;
  std::uint64_t inode = 0;
  const char* const begin = text.data() + open + 2;
  const char* const end = text.data() + text.size() - 1;
  const auto [rest, error] = std::from_chars(begin, end, inode);
  if (error != std::errc() || rest != end) return text;  // "anon_inode:[eventfd]"
  const std::string kind = text.substr(0, open);
  const FileId file{.device = device_of_kind(kind), .inode = inode};
  return kind + ":[" + std::to_string(world.inodes.number(file)) + "]";
}

struct LinkQuestion {
  int dirfd = AT_FDCWD;
  std::uint64_t path_address = 0;
  std::uint64_t buffer_address = 0;
  int size = 0;
};

// Links of /proc are read into a buffer of ours: one that the guest cut off could not be rewritten.
Handler read_kernel_link(World& world, LinkQuestion question, Tracee& guest) {
  const std::array<std::byte, PATH_MAX> room{};
  const Result<std::uint64_t> address = guest.place(room);
  if (!address) co_return -EFAULT;
  sys::call::readlinkat call{};
  call.dfd.value = question.dirfd;
  call.pathname.address = question.path_address;
  call.buf.address = *address;
  call.bufsiz.value = static_cast<std::int32_t>(room.size());
  const std::int64_t length = co_await guest.inject(call);
  if (length < 0) co_return length;
  std::string text(static_cast<std::size_t>(length), '\0');
  if (!guest.read_memory(*address, std::as_writable_bytes(std::span(text)))) co_return -EFAULT;
  text = told_link(world, text);
  text.resize(std::min(text.size(), static_cast<std::size_t>(question.size)));
  if (!guest.write_memory(question.buffer_address, std::as_bytes(std::span(text))))
    co_return -EFAULT;
  co_return static_cast<std::int64_t>(text.size());
}

Handler read_link_of(World& world, const LinkQuestion& question, Tracee& guest) {
  const Result<std::string> text = read_path(guest, question.path_address);
  if (!text || question.size <= 0) return answer_with(guest::pass());
  const std::optional<std::string> name =
      kernel_view_name(guest, split_path({.dirfd = question.dirfd, .text = *text}).directory);
  return name ? read_kernel_link(world, question, guest) : answer_with(guest::pass());
}

Handler answer_readlink(World& world, sys::call::readlink call, Tracee& guest) {
  return read_link_of(world,
                      {.path_address = call.path.address,
                       .buffer_address = call.buf.address,
                       .size = call.bufsiz.value},
                      guest);
}

Handler answer_readlinkat(World& world, sys::call::readlinkat call, Tracee& guest) {
  return read_link_of(world,
                      {.dirfd = call.dfd.value,
                       .path_address = call.pathname.address,
                       .buffer_address = call.buf.address,
                       .size = call.bufsiz.value},
                      guest);
}

}  // namespace

void add_link_text_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::readlink>(handlers, world, answer_readlink);
  on<sys::call::readlinkat>(handlers, world, answer_readlinkat);
}

}  // namespace tc::determinism
