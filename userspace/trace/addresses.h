// AddressSpace: what lies where in the memory of a process, as far as its own calls and the
// kernel's mappings tell, so that an address can be told by what it belongs to. Not the
// symbolizer's (symbol/address_space.h): that one knows ELF and only executable files.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "trace/ordinals.h"

namespace tc::trace {

class AddressSpace {
 public:
  AddressSpace();

  // What the kernel maps at exec, the lowest mapping of a file first; then what else it sets up: 0
  // is "not known". What lies between the program's mappings and the heap is the program's (.bss).
  // `shown` is the path as it is told.
  void add_file(std::uint64_t start, std::uint64_t end, std::string_view path,
                std::string_view shown);
  void set_program(std::string_view path, std::uint64_t heap_start, std::uint64_t stack_start);
  // Of a process that was there before.
  void add_anonymous(std::uint64_t start, std::uint64_t end);
  void set_heap(std::uint64_t start, std::uint64_t end);

  // What mmap(2) made. `file` is the path behind the descriptor, empty for anonymous memory, and
  // `shown` as it is told; `fixed`: the program chose the place.
  void map(std::uint64_t start, std::uint64_t length, std::string_view file, std::string_view shown,
           bool fixed, std::string_view label);
  void attach(std::uint64_t start, std::string_view label);  // shmat(2)
  void unmap(std::uint64_t start, std::uint64_t length);
  void remap(std::uint64_t from, std::uint64_t old_length, std::uint64_t to,
             std::uint64_t new_length);
  // brk(2) has returned `end`.
  void set_break(std::uint64_t end);

  // Allocators map more than they need and return what lies before and behind an aligned part: is
  // unmapping this range such a trim? Its length then depends on where the kernel put the mapping.
  bool is_alignment_trim(std::uint64_t start, std::uint64_t length) const;

  // Appends "libc.so.6+0x2a1f0", "heap+0x10", "stack", "anon#1+0x0"; false when nothing is known
  // to lie there.
  bool describe(std::uint64_t address, std::string& out) const;

 private:
  struct Region {
    std::uint64_t end;
    std::uint64_t base;  // offsets count from here
    std::string name;
    std::string file;  // path; empty for anonymous memory
    std::uint64_t kind;
    std::uint32_t ordinal;
  };
  struct Regions {
    std::map<std::uint64_t, Region> by_start;
    Ordinals ordinals;
  };

  Regions& writable();
  // The region around an address, or null; `start`: where it begins.
  const Region* region_of(std::uint64_t address, std::uint64_t* start = nullptr) const;
  void add(std::uint64_t start, Region region);
  // Forgets what is known of [start, end).
  void cut(std::uint64_t start, std::uint64_t end);
  Region fresh(std::uint64_t start, std::uint64_t end, std::string_view what,
               std::string_view label) const;

  // Copies share the regions until one of them changes.
  std::shared_ptr<Regions> regions_;
  std::uint64_t program_end_ = 0;  // of its mapped files; .bss lies behind, up to the heap
  std::uint64_t program_base_ = 0;
  std::string program_name_;
  std::uint64_t heap_start_ = 0;
  std::uint64_t heap_end_ = 0;
  std::uint64_t stack_low_ = 0;
  std::uint64_t stack_high_ = 0;
  std::uint64_t newest_ = 0;  // start of the newest anonymous mapping
};

}  // namespace tc::trace
