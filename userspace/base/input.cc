#include "base/input.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/file.h"

namespace tc::base {
namespace {

// Small enough to stay in a core's second cache from read to digest.
constexpr std::size_t kChunk = std::size_t{64} << 10U;
constexpr std::string_view kMagic = "\x28\xb5\x2f\xfd";  // RFC 8878 section 3.1.1

struct FreeStream {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

class Decompressor {
 public:
  explicit Decompressor(std::string name) : name_(std::move(name)), out_(kChunk) {}

  Result<void> feed(std::string_view bytes, const std::function<void(std::string_view)>& take) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    // A full output buffer may leave decompressed bytes inside: go on until it is not full.
    bool full = false;
    while (in.pos < in.size || full) {
      ZSTD_outBuffer out{out_.data(), out_.size(), 0};
      const std::size_t left = ZSTD_decompressStream(stream_.get(), &out, &in);
      if (ZSTD_isError(left)) return error("decompress {}: {}", name_, ZSTD_getErrorName(left));
      in_frame_ = left != 0;
      full = out.pos == out.size;
      if (out.pos > 0) take({out_.data(), out.pos});
    }
    return {};
  }
  Result<void> finish() const {
    if (in_frame_) return error("decompress {}: the file ends within a frame; it was cut", name_);
    return {};
  }

 private:
  std::string name_;
  std::unique_ptr<ZSTD_DStream, FreeStream> stream_{ZSTD_createDStream()};
  std::vector<char> out_;
  bool in_frame_ = false;
};

// Up to kChunk bytes; fewer only at the end of the file.
Result<std::size_t> read_chunk(int fd, std::vector<char>& chunk, const std::string& name) {
  std::size_t size = 0;
  while (size < chunk.size()) {
    const ssize_t got = ::read(fd, chunk.data() + size, chunk.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno, "read " + name);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return size;
}

}  // namespace

Result<void> for_each_piece(const std::string& path,
                            const std::function<void(std::string_view)>& take) {
  const bool standard = path == "-";
  UniqueFd file;
  if (!standard) {
    TC_TRY(file, open_file(path, O_RDONLY));
  }
  const int fd = standard ? STDIN_FILENO : file.get();
  const std::string name = standard ? "standard input" : path;
  std::vector<char> chunk(kChunk);
  std::unique_ptr<Decompressor> decompressor;
  for (bool first = true;; first = false) {
    TC_TRY(const std::size_t size, read_chunk(fd, chunk, name));
    if (size == 0) break;
    const std::string_view bytes(chunk.data(), size);
    if (first && bytes.starts_with(kMagic)) decompressor = std::make_unique<Decompressor>(name);
    if (decompressor) {
      TC_CHECK(decompressor->feed(bytes, take));
    } else {
      take(bytes);
    }
  }
  return decompressor ? decompressor->finish() : Result<void>();
}

Result<std::string> read_input(const std::string& path, std::size_t limit) {
  std::string text;
  bool too_long = false;
  TC_CHECK(for_each_piece(path, [&](std::string_view piece) {
    too_long = too_long || text.size() + piece.size() > limit;
    if (!too_long) text += piece;
  }));
  if (too_long) return error("read {}: larger than {} bytes", path, limit);
  return text;
}

}  // namespace tc::base
