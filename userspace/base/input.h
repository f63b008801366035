// Reading evidence and fixtures: a file or standard input, plain or compressed with Zstandard.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tc::base {

// Hands the content of `path` ("-": standard input) to `take` piece by piece, decompressed when it
// begins with a Zstandard frame whatever its name is. A compressed file that ends within a frame is
// an error, after all that could be decompressed was handed over.
Result<void> for_each_piece(const std::string& path,
                            const std::function<void(std::string_view)>& take);

// The whole content; more than `limit` bytes of it are an error.
Result<std::string> read_input(const std::string& path, std::size_t limit = std::size_t{1} << 30U);

}  // namespace tc::base
