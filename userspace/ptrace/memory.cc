#include "ptrace/memory.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/file.h"

namespace tc::ptrace {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::size_t kBatch = 16;

iovec local_part(std::span<char> bytes) {
  return {.iov_base = bytes.data(), .iov_len = bytes.size()};
}
iovec remote_part(std::uint64_t address, std::size_t size) {
  // The kernel's own interface: an address of another process in a pointer. Never dereferenced.
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  return {.iov_base = reinterpret_cast<void*>(address), .iov_len = size};
}

// Was it refused altogether, and not because of the address?
bool is_refused(int code) { return code == EPERM || code == ENOSYS; }

}  // namespace

bool Memory::read_file(std::uint64_t address, std::span<char> to) const {
  const auto file = base::open_file(fmt::format("/proc/{}/mem", tid_), O_RDONLY);
  if (!file) return false;
  return ::pread(file->get(), to.data(), to.size(), static_cast<off_t>(address)) ==
         static_cast<ssize_t>(to.size());
}

void Memory::read(std::span<Request> requests) const {
  while (!requests.empty()) {
    const std::size_t count = std::min(requests.size(), kBatch);
    std::array<iovec, kBatch> local;
    std::array<iovec, kBatch> remote;
    for (std::size_t i = 0; i < count; ++i) {
      local[i] = local_part(requests[i].to);
      remote[i] = remote_part(requests[i].address, requests[i].to.size());
    }
    const ssize_t got = ::process_vm_readv(tid_, local.data(), count, remote.data(), count, 0);
    const bool refused = got < 0 && is_refused(errno);
    std::size_t left = got < 0 ? 0 : static_cast<std::size_t>(got);
    std::size_t next = 0;
    for (; next < count && left >= requests[next].to.size(); ++next) {
      left -= requests[next].to.size();
      requests[next].done = true;
    }
    // The kernel stops at the first bad address: pass over that one and go on behind it.
    if (next < count) {
      if (refused) requests[next].done = read_file(requests[next].address, requests[next].to);
      ++next;
    }
    requests = requests.subspan(next);
  }
}

bool Memory::read(std::uint64_t address, std::span<char> to) const {
  if (to.empty()) return true;
  Request request{.address = address, .to = to};
  read(std::span(&request, 1));
  return request.done;
}

std::optional<std::size_t> Memory::read_string(std::uint64_t address, std::span<char> to) const {
  std::size_t length = 0;
  while (length < to.size()) {
    const std::uint64_t at = address + length;
    // No further than the page: what lies behind it need not exist.
    const std::size_t piece = std::min<std::size_t>(
        to.size() - length, kPageBytes - static_cast<std::size_t>(at % kPageBytes));
    const std::span<char> part = to.subspan(length, piece);
    if (!read(at, part)) return std::nullopt;
    if (const void* end = std::memchr(part.data(), 0, part.size()); end != nullptr)
      return length + static_cast<std::size_t>(static_cast<const char*>(end) - part.data());
    length += piece;
  }
  return length;
}

bool Memory::poke(std::uint64_t address, std::span<const char> from) const {
  const auto file = base::open_file(fmt::format("/proc/{}/mem", tid_), O_WRONLY);
  if (!file) return false;
  return ::pwrite(file->get(), from.data(), from.size(), static_cast<off_t>(address)) ==
         static_cast<ssize_t>(from.size());
}

bool Memory::write(std::uint64_t address, std::span<const char> from) const {
  if (from.empty()) return true;
  const iovec local = {.iov_base = const_cast<char*>(from.data()), .iov_len = from.size()};
  const iovec remote = remote_part(address, from.size());
  return ::process_vm_writev(tid_, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(from.size());
}

}  // namespace tc::ptrace
