#include "output/destination.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>

#include "base/file.h"

namespace tc::output {
namespace {

constexpr int kCompressionLevel = 3;

}  // namespace

Destination::Destination(UniqueFd owned, int fd, std::string name, bool compressed)
    : owned_(std::move(owned)), fd_(fd), name_(std::move(name)), compressed_(compressed) {
  struct stat info {};
  seekable_ = owned_ && fstat(fd_, &info) == 0 && S_ISREG(info.st_mode);
}

Result<Destination> Destination::open(const std::string& path) {
  if (path == "-") return Destination({}, STDOUT_FILENO, "standard output", false);
  TC_TRY(UniqueFd fd, base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC));
  const int borrowed = fd.get();
  return Destination(std::move(fd), borrowed, path, path.ends_with(".zst"));
}

Destination Destination::standard_error() {
  return Destination({}, STDERR_FILENO, "standard error", false);
}

std::string Destination::encoded(std::string_view block) const {
  std::string frame(ZSTD_compressBound(block.size()), '\0');
  const std::size_t size =
      ZSTD_compress(frame.data(), frame.size(), block.data(), block.size(), kCompressionLevel);
  TC_ASSERT(!ZSTD_isError(size));
  frame.resize(size);
  return frame;
}

Result<void> Destination::write(std::string_view block) {
  if (block.empty()) return {};
  std::size_t written = 0;
  Result<void> result = compressed_ ? base::write_all(fd_, encoded(block), name_, &written)
                                    : base::write_all(fd_, block, name_, &written);
  position_ += written;
  return result;
}

Result<bool> Destination::replace_tail(std::uint64_t position, std::string_view block) {
  TC_ASSERT(seekable_ && position <= position_);
  const std::string bytes = compressed_ ? encoded(block) : std::string(block);
  if (position + bytes.size() > position_) return false;
  if (ftruncate(fd_, static_cast<off_t>(position_)) != 0 ||
      lseek(fd_, static_cast<off_t>(position), SEEK_SET) < 0)
    return system_error(errno, "rewind " + name_);
  TC_CHECK(base::write_all(fd_, bytes, name_));
  position_ = position + bytes.size();
  if (ftruncate(fd_, static_cast<off_t>(position_)) != 0)
    return system_error(errno, "cut " + name_);
  return true;
}

bool Destination::is_terminal() const { return isatty(fd_) == 1; }

}  // namespace tc::output
