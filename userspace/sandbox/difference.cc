#include "sandbox/difference.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

namespace tc::sandbox {
namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10U;
constexpr std::size_t kShownBefore = 2048;
constexpr std::size_t kShownAtMost = 4096;

// Fewer bytes than asked for only at the end of the file.
Result<std::string> read_at(int fd, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got =
        pread(fd, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno, "read what a run has written");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

// The line that begins at `start`, from there or, when it is long, from shortly before `position`.
Result<std::optional<std::string>> line_at(int fd, std::uint64_t start, std::uint64_t position) {
  if (position - start > kShownBefore) start = position - kShownBefore;
  TC_TRY(std::string text, read_at(fd, start, kShownAtMost));
  if (text.empty()) return std::optional<std::string>();
  text.resize(std::min(text.size(), text.find('\n')));
  return std::optional(std::move(text));
}

}  // namespace

Result<std::optional<Difference>> first_difference(int first, int second) {
  std::uint64_t lines = 0;
  std::uint64_t line_start = 0;
  for (std::uint64_t offset = 0;; offset += kChunk) {
    TC_TRY(const std::string a, read_at(first, offset, kChunk));
    TC_TRY(const std::string b, read_at(second, offset, kChunk));
    const auto differs = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
    const auto equal = static_cast<std::size_t>(differs - a.begin());
    for (std::size_t at = 0; at < equal; ++at)
      if (a[at] == '\n') {
        ++lines;
        line_start = offset + at + 1;
      }
    if (equal < a.size() || equal < b.size()) {
      Difference difference{.line = lines + 1, .first = {}, .second = {}};
      TC_TRY(difference.first, line_at(first, line_start, offset + equal));
      TC_TRY(difference.second, line_at(second, line_start, offset + equal));
      return std::optional(std::move(difference));
    }
    if (a.size() < kChunk) return std::optional<Difference>();
  }
}

}  // namespace tc::sandbox
