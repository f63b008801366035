// Image: what is kept of one ELF file to turn addresses into names: identity, segments, symbols.
// Immutable and free of the file it came from; read by elf.h from ELF, by fixture.h from JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "symbol/table.h"

namespace tc::symbol {

// One PT_LOAD program header (elf(5)).
struct Segment {
  std::uint64_t file_offset = 0;
  std::uint64_t vaddr = 0;
  std::uint64_t file_size = 0;  // bytes in the file
  std::uint64_t mem_size = 0;   // bytes in memory, at least file_size
  bool executable = false;
};

struct Image {
  std::string build_id;  // lower-case hex; empty when the file has none
  std::vector<Segment> segments;
  Table symbols;

  // The vaddr (st_value's space) of the byte at `offset` of the file, through the segment whose
  // bytes contain it, an executable one before others; nothing when none does. Needs no guess of
  // a load bias, so it also holds for prelinked and page-overlapping segments.
  std::optional<std::uint64_t> file_offset_to_vaddr(std::uint64_t offset) const;
  // The way back: where the kernel wants a uprobe. Nothing for what is not in the file (.bss).
  std::optional<std::uint64_t> vaddr_to_file_offset(std::uint64_t vaddr) const;

  // What it occupies, for caches.
  std::size_t memory_bytes() const;
};

}  // namespace tc::symbol
