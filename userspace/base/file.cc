#include "base/file.h"

#include <fcntl.h>
#include <limits.h>

#include <array>
#include <cerrno>

namespace tc::base {

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return system_error(errno, "open " + path);
  return fd;
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  TC_TRY(const UniqueFd fd, open_file(path, O_RDONLY));
  std::string text;
  std::array<char, 65536> chunk;
  while (true) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno, "read " + path);
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
    if (text.size() > limit) return error("read {}: larger than {} bytes", path, limit);
  }
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& name,
                       std::size_t* written) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      if (written != nullptr) *written = done;
      return system_error(errno, "write " + name);
    }
    done += static_cast<std::size_t>(put);
  }
  if (written != nullptr) *written = done;
  return {};
}

Result<std::string> read_link(const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  if (length < 0) return system_error(errno, "readlink " + path);
  target.resize(static_cast<std::size_t>(length));
  return target;
}

}  // namespace tc::base
