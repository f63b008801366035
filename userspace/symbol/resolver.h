// Address of a process to module, offset and symbol: one Frame of a stack, or a function called.
// The steps are those of perf and blazesym; nothing is cached here but in the ImageSource.
#pragma once

#include <cstdint>
#include <string>

#include "symbol/address_space.h"
#include "symbol/images.h"

namespace tc::symbol {

// A value that outlives the process and its images.
struct Frame {
  std::uint64_t address = 0;  // as given
  bool in_module = false;     // the address lies in a mapped file, a memfd or the vDSO
  bool has_symbol = false;
  std::string module = {};    // the path as the process sees it, or "[vdso]"; raw bytes
  std::string build_id = {};  // lower-case hex; empty when unknown
  // Of `address` within the module: its vaddr (as nm(1) and addr2line(1) count), or where the
  // image is not to be had its offset in the file.
  std::uint64_t offset = 0;
  std::string symbol = {};          // raw, not demangled
  std::uint64_t symbol_offset = 0;  // bytes from the symbol's start to `address`
};

// What `address` is: the place of an instruction, or the place behind a call, whose function may
// end just before it (a call of a noreturn function) and which is looked up one byte earlier.
enum class AddressKind { kExact, kReturn };

// Without a mapping around the address, or with one that has no name to give, the Frame carries
// the address alone.
Frame resolve(const AddressSpace& space, std::uint32_t pid, std::uint64_t address,
              ImageSource& images, AddressKind kind);

}  // namespace tc::symbol
