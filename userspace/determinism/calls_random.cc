// getrandom(2): from the stream of the process. The random devices are opened in calls_open.cc.
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <span>

#include "determinism/calls.h"

namespace tc::determinism {
namespace {

using guest::Handler;

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kMostBytes = 0x7ffff000;  // MAX_RW_COUNT of the kernel

// How many of the bytes could be written: up to the first page that cannot.
std::uint64_t write_up_to_fault(Tracee& guest, std::uint64_t address,
                                std::span<const std::byte> bytes) {
  if (guest.write_memory(address, bytes)) return bytes.size();
  std::uint64_t written = 0;
  while (written < bytes.size()) {
    const std::uint64_t to_page_end = kPageBytes - (address + written) % kPageBytes;
    const auto piece = bytes.subspan(written, std::min(to_page_end, bytes.size() - written));
    if (!guest.write_memory(address + written, piece)) break;
    written += piece.size();
  }
  return written;
}

Handler answer_getrandom(World&, sys::call::getrandom call, Tracee& guest) {
  constexpr std::uint32_t kKnown = GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE;
  constexpr std::uint32_t kExclusive = GRND_RANDOM | GRND_INSECURE;
  const std::uint32_t flags = call.flags.value;
  if ((flags & ~kKnown) != 0 || (flags & kExclusive) == kExclusive) co_return -EINVAL;

  const std::uint64_t wanted = std::min(call.len.value, kMostBytes);
  std::array<std::byte, 16 * kPageBytes> piece;
  std::uint64_t given = 0;
  while (given < wanted) {
    const auto bytes = std::span(piece).first(std::min(piece.size(), wanted - given));
    guest.process().random.fill(bytes);
    const std::uint64_t written = write_up_to_fault(guest, call.ubuf.address + given, bytes);
    given += written;
    if (written < bytes.size()) break;
  }
  if (given == 0 && wanted != 0) co_return -EFAULT;
  co_return static_cast<std::int64_t>(given);
}

}  // namespace

void add_random_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::getrandom>(handlers, world, answer_getrandom);
}

}  // namespace tc::determinism
