#include "determinism/watch_events.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace tc::determinism {
namespace {

// Both halves of a rename are there as soon as one is; they may be read by two calls.
constexpr std::size_t kMostCookies = 4096;

std::uint32_t told_cookie(World& world, std::uint32_t cookie) {
  auto& cookies = world.rename_cookies;
  const auto known = cookies.find(cookie);
  if (known != cookies.end()) return known->second;
  if (cookies.size() >= kMostCookies) cookies.erase(cookies.begin());
  return cookies.emplace(cookie, ++world.last_rename_cookie).first->second;
}

// What was read, which may lie in several segments. Empty when it cannot be reached any more.
std::vector<std::byte> take_bytes(Tracee& guest, const Segments& segments, std::uint64_t size) {
  std::vector<std::byte> bytes(size);
  for (std::uint64_t done = 0; done < size;) {
    const Segment segment = segment_at(segments, done);
    const std::uint64_t count = std::min(segment.length, size - done);
    if (count == 0 || !guest.read_memory(segment.address, std::span(bytes).subspan(done, count)))
      return {};
    done += count;
  }
  return bytes;
}

void amend_events(World& world, Tracee& guest, const Segments& segments, std::uint64_t size) {
  const std::vector<std::byte> bytes = take_bytes(guest, segments, size);
  inotify_event event{};
  for (std::size_t at = 0; at + sizeof(event) <= bytes.size(); at += sizeof(event) + event.len) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), sizeof(event),
                std::as_writable_bytes(std::span(&event, 1)).begin());
    if (event.cookie == 0) continue;
    const std::uint32_t cookie = told_cookie(world, event.cookie);
    // By bytes: a segment may end within it.
    const auto told = std::as_bytes(std::span(&cookie, 1));
    for (std::size_t i = 0; i < told.size(); ++i)
      (void)guest.write_memory(
          segment_at(segments, at + offsetof(inotify_event, cookie) + i).address,
          told.subspan(i, 1));
  }
}

}  // namespace

bool is_watch_file(Tracee& guest, int fd) {
  const Result<std::string> link = guest.link(fmt::format("fd/{}", fd));
  return link && *link == "anon_inode:inotify";
}

guest::Handler read_watch_file(World& world, WatchRead request, Tracee& guest) {
  while (true) {
    const bool may_wait = !request.file.is_nonblocking();
    if (may_wait && poll_now(request.file, POLLIN) == 0) {
      guest::Waiting waiting(wait_for(request.file, POLLIN));
      const guest::Woken woken = co_await waiting;
      if (woken == guest::Woken::kSignal) co_return guest::interrupted(guest::kRestartSys);
      continue;
    }
    guest::Injection attempt(request.call.number, request.call.arguments);
    const std::int64_t result = co_await attempt;
    if (result > 0)
      amend_events(world, guest, request.segments, static_cast<std::uint64_t>(result));
    co_return answer_of(result);
  }
}

}  // namespace tc::determinism
