// Destination: where the bytes of a stream go: a file, a compressed file, standard output or
// standard error. The only place of the program that writes to standard output.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace tc::output {

class Destination {
 public:
  // `path` is a file to create or replace, or "-" for standard output. A name that ends in ".zst"
  // is written as Zstandard frames (RFC 8878).
  static Result<Destination> open(const std::string& path);
  static Destination standard_error();

  // Writes the block so that it can be read whole: as it is, or as one frame of its own. After an
  // error the position may lie anywhere behind where it was.
  Result<void> write(std::string_view block);

  // Bytes that have reached the file so far.
  std::uint64_t position() const { return position_; }
  // Can be cut back and written over: a regular file.
  bool is_seekable() const { return seekable_; }

  // Gives up what lies behind `position` and puts `block` there, in space that is already
  // allocated: works on a full disk. False when the block needs more than was there.
  Result<bool> replace_tail(std::uint64_t position, std::string_view block);

  bool is_terminal() const;
  bool is_compressed() const { return compressed_; }
  const std::string& name() const { return name_; }

 private:
  Destination(UniqueFd owned, int fd, std::string name, bool compressed);

  std::string encoded(std::string_view block) const;

  UniqueFd owned_;
  int fd_;
  std::string name_;
  bool compressed_;
  bool seekable_ = false;
  std::uint64_t position_ = 0;
};

}  // namespace tc::output
