// Reads an ELF file (32 or 64 bits, either byte order) into an Image: build-id, segments, symbols.
// Files come from containers and are hostile until checked: every size and offset is held against
// the file, and what does not fit is an Error. No .gnu_debugdata (xz) and no DWARF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "symbol/image.h"

namespace tc::symbol {

struct ElfOptions {
  // Where separate debug files lie, usually "/usr/lib/debug": for a file without .symtab the
  // symbols of DEBUG_ROOT/.build-id/xx/yyy.debug are added, when its build-id is the same.
  // Empty: never looked for.
  std::string debug_root = {};
};

// The program or library open at `fd`, which is borrowed and read with pread(2): a file that
// shrinks meanwhile is an error, not a SIGBUS. Symbols are FUNC and IFUNC, and NOTYPE within
// executable sections (assembly), of .symtab and .dynsym together, names without "@VERSION". A
// file without symbols is fine. Errors read `NAME: error: [elf] …`. Symbol and string sections
// above 64 MiB are refused.
Result<std::shared_ptr<const Image>> read_elf(int fd, const std::string& name,
                                              const ElfOptions& options = {});

// The same from memory, which must not change during the call.
Result<std::shared_ptr<const Image>> read_elf_memory(std::span<const std::byte> bytes,
                                                     const std::string& name,
                                                     const ElfOptions& options = {});

// Only the build-id (lower-case hex, empty when there is none): about a hundredth of the work.
Result<std::string> read_build_id(int fd, const std::string& name);

// Up to `count` bytes of code at `vaddr`, from the file open at `fd` that `image` was read from;
// fewer where the file ends, an error when the file does not hold the vaddr.
Result<std::vector<std::uint8_t>> function_bytes(int fd, const Image& image, std::uint64_t vaddr,
                                                 std::size_t count);

}  // namespace tc::symbol
