#include "symbol/elf_header.h"

#include <elf.h>
#include <fmt/format.h>

#include <array>
#include <bit>
#include <concepts>
#include <cstring>

namespace tc::symbol {
namespace {

// Far above what a linker writes; libelf keeps about 200 bytes for each.
constexpr std::uint64_t kSectionLimit = 1U << 18U;
constexpr std::uint64_t kSegmentLimit = 1U << 12U;

template <std::unsigned_integral T>
T swapped(T value) {
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
}

std::optional<std::string> table_fault(const char* what, std::uint64_t offset, std::uint64_t count,
                                       std::uint64_t limit, std::uint64_t entry_size,
                                       std::uint64_t expected_size, std::uint64_t file_size) {
  if (count == 0) return std::nullopt;
  if (entry_size != expected_size) {
    return fmt::format("{} headers of {} bytes each, expected {}", what, entry_size, expected_size);
  }
  if (count > limit) return fmt::format("{} {} headers, the limit is {}", count, what, limit);
  if (offset > file_size || (file_size - offset) / entry_size < count) {
    return fmt::format("{} {} headers at offset {} exceed the file of {} bytes", count, what,
                       offset, file_size);
  }
  return std::nullopt;
}

template <class Ehdr, class Phdr, class Shdr>
std::optional<std::string> class_fault(const ReadAt& read, std::uint64_t file_size, bool swap) {
  const auto native = [swap]<class T>(T value) { return swap ? swapped(value) : value; };
  Ehdr header;
  if (!read(0, std::as_writable_bytes(std::span(&header, 1)))) return "the ELF header is cut off";
  if (native(header.e_version) != EV_CURRENT) return "the ELF version is not 1";
  const auto type = native(header.e_type);
  if (type != ET_EXEC && type != ET_DYN) {
    return fmt::format("ELF type {} is neither a program nor a shared library", type);
  }
  const std::uint64_t section_at = native(header.e_shoff);
  std::uint64_t sections = native(header.e_shnum);
  std::uint64_t segments = native(header.e_phnum);
  if (section_at == 0) {
    if (sections != 0) return "section headers without an offset";
    if (segments == PN_XNUM) return "the number of program headers is missing";
  } else if (sections == 0 || segments == PN_XNUM) {
    // elf(5): numbers too big for the header stand in the first section header.
    Shdr first;
    if (!read(section_at, std::as_writable_bytes(std::span(&first, 1)))) {
      return fmt::format("the section headers at offset {} lie outside the file", section_at);
    }
    if (sections == 0) sections = native(first.sh_size);
    if (segments == PN_XNUM) segments = native(first.sh_info);
  }
  if (auto fault = table_fault("section", section_at, sections, kSectionLimit,
                               native(header.e_shentsize), sizeof(Shdr), file_size)) {
    return fault;
  }
  return table_fault("program", native(header.e_phoff), segments, kSegmentLimit,
                     native(header.e_phentsize), sizeof(Phdr), file_size);
}

}  // namespace

std::optional<std::string> elf_header_fault(const ReadAt& read, std::uint64_t file_size) {
  std::array<unsigned char, EI_NIDENT> ident;
  if (!read(0, std::as_writable_bytes(std::span(ident))) ||
      std::memcmp(ident.data(), ELFMAG, SELFMAG) != 0) {
    return "not an ELF file";
  }
  if (ident[EI_DATA] != ELFDATA2LSB && ident[EI_DATA] != ELFDATA2MSB) {
    return fmt::format("unknown byte order {}", ident[EI_DATA]);
  }
  if (ident[EI_VERSION] != EV_CURRENT) return "the ELF version is not 1";
  const bool is_little = ident[EI_DATA] == ELFDATA2LSB;
  const bool swap = is_little != (std::endian::native == std::endian::little);
  switch (ident[EI_CLASS]) {
    case ELFCLASS32:
      return class_fault<Elf32_Ehdr, Elf32_Phdr, Elf32_Shdr>(read, file_size, swap);
    case ELFCLASS64:
      return class_fault<Elf64_Ehdr, Elf64_Phdr, Elf64_Shdr>(read, file_size, swap);
    default:
      return fmt::format("unknown ELF class {}", ident[EI_CLASS]);
  }
}

}  // namespace tc::symbol
