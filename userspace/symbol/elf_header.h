// The checks an ELF file must pass before libelf sees it: the tables that the header announces
// lie within the file and have a sane length. libelf 0.188 allocates by these numbers unchecked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace tc::symbol {

// Reads `into.size()` bytes at `offset`; false when they are not there.
using ReadAt = std::function<bool(std::uint64_t offset, std::span<std::byte> into)>;

// Nothing when the headers are sound, else what is wrong with them.
std::optional<std::string> elf_header_fault(const ReadAt& read, std::uint64_t file_size);

}  // namespace tc::symbol
