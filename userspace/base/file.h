// Whole files and descriptors: opening, reading, writing, each failure naming its object.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace tc::base {

// open(2) with O_CLOEXEC added.
Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode = 0644);

// The whole of a file, also of one under /proc whose size reads 0. More than `limit` bytes is an
// error: a hostile file must not exhaust memory.
Result<std::string> read_file(const std::string& path, std::size_t limit = 256U << 20U);

// All the bytes, in as many write(2) calls as it takes. `written` (optional) is how many arrived,
// also when it fails.
Result<void> write_all(int fd, std::string_view bytes, const std::string& name,
                       std::size_t* written = nullptr);

// readlink(2), without a length limit of its own.
Result<std::string> read_link(const std::string& path);

}  // namespace tc::base
