// Any bytes as an ELF file: an Image whose symbols are where it says, or an Error.
#include <cstddef>
#include <cstdint>
#include <span>

#include "symbol/elf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto image = tc::symbol::read_elf_memory(std::as_bytes(std::span(data, size)), "fuzz");
  if (!image) return 0;
  for (const tc::symbol::Definition& definition : (*image)->symbols.find("*")) {
    const auto match = (*image)->symbols.lookup(definition.address);
    TC_ASSERT(match.has_value() || definition.address == UINT64_MAX);
    TC_ASSERT(!match || match->start == definition.address);
  }
  (void)(*image)->file_offset_to_vaddr(size / 2);
  return 0;
}
