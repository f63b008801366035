#include "trace/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/file.h"

namespace tc::trace {
namespace {

// A thread's lines leave memory in pieces of at least this much, so that a piece is worth a read.
constexpr std::size_t kPieceBytes = std::size_t{64} << 10U;
// One piece of text is told at a time; its size has to fit an Extent.
constexpr std::size_t kPieceLimit = std::size_t{1} << 30U;

Result<UniqueFd> open_nameless(const std::string& directory) {
  UniqueFd file(::open(directory.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  if (file) return file;
  // Some file systems have no O_TMPFILE.
  std::string path = directory + "/tc-spool-XXXXXX";
  file = UniqueFd(mkostemp(path.data(), O_CLOEXEC));
  if (!file) return system_error(errno, "make a temporary file in " + directory);
  ::unlink(path.c_str());
  return file;
}

}  // namespace

Spool::Spool(std::string directory, std::size_t memory_limit)
    : directory_(std::move(directory)), memory_limit_(memory_limit) {}

Result<void> Spool::append(std::uint32_t thread, std::string_view line, std::uint64_t lost) {
  if (thread >= threads_.size()) threads_.resize(thread + 1);
  Thread& lines = threads_[thread];
  if (lines.text.size() + line.size() > kPieceLimit) TC_CHECK(write_out(lines));
  lines.text += line;
  ++lines.records;
  lines.lost += lost;
  in_memory_ += line.size();
  if (in_memory_ <= memory_limit_) return {};
  if (lines.text.size() >= kPieceBytes) return write_out(lines);
  // Many threads with little each: all of them go.
  if (in_memory_ > 2 * memory_limit_) return write_all_out();
  return {};
}

Result<void> Spool::write_out(Thread& thread) {
  if (!file_) {
    TC_TRY(file_, open_nameless(directory_));
  }
  TC_CHECK(base::write_all(file_.get(), thread.text, "the temporary file in " + directory_));
  thread.written.push_back(
      {file_size_, static_cast<std::uint32_t>(thread.text.size()), thread.records, thread.lost});
  file_size_ += thread.text.size();
  in_memory_ -= thread.text.size();
  thread.text.clear();
  thread.text.shrink_to_fit();
  thread.records = 0;
  thread.lost = 0;
  return {};
}

Result<void> Spool::write_all_out() {
  for (Thread& thread : threads_)
    if (!thread.text.empty()) TC_CHECK(write_out(thread));
  return {};
}

Result<void> Spool::drain(std::span<const std::uint32_t> threads, const TakeFn& take) {
  std::string piece;
  for (const std::uint32_t number : threads) {
    if (number >= threads_.size()) continue;
    Thread& thread = threads_[number];
    for (const Extent& extent : thread.written) {
      piece.resize(extent.size);
      std::size_t got = 0;
      while (got < piece.size()) {
        const ssize_t count = ::pread(file_.get(), piece.data() + got, piece.size() - got,
                                      static_cast<off_t>(extent.offset + got));
        if (count <= 0) return system_error(count < 0 ? errno : EIO, "read the temporary file");
        got += static_cast<std::size_t>(count);
      }
      TC_CHECK(take({piece, extent.records, extent.lost}));
    }
    if (!thread.text.empty()) TC_CHECK(take({thread.text, thread.records, thread.lost}));
    thread = {};
  }
  return {};
}

}  // namespace tc::trace
