// The mappings of a process as /proc/PID/maps prints them: one Mapping a line, and the parser.
// Knows nothing of ELF, nor of how mappings change with time (symbol/address_space.h does).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tc::proc {

// What stands behind a mapping, as far as its line tells.
enum class MappingKind {
  kFile,          // a file with a name, perhaps deleted since
  kMemfd,         // memfd_create(2): "/memfd:NAME (deleted)"
  kSharedMemory,  // anonymous but shared: "/SYSV…", "/dev/zero (deleted)", "/anon_hugepage …"
  kAnonymous,     // no object at all: "", "[heap]", "[stack]", "[anon:NAME]", "//anon"
  kVdso,          // the code the kernel lends each process
  kPseudo,        // other objects without a file: "[vvar]", "[vsyscall]", "anon_inode:…"
};

struct Mapping {
  std::uint64_t start = 0;  // first address
  std::uint64_t end = 0;    // first address after it
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;
  std::uint64_t offset = 0;  // bytes into the file at `start`
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::uint64_t inode = 0;
  std::string path = {};  // raw bytes, without " (deleted)"; empty, or "[heap]" and the like
  bool deleted = false;   // the object has lost its name
  // Lower-case hex. /proc/PID/maps does not tell it, other sources do (perf's MMAP2 records,
  // PROCMAP_QUERY); empty when unknown.
  std::string build_id = {};

  MappingKind kind() const;
  // A named file: where a path can be opened and, for an ELF file, symbols can be had.
  bool is_file_backed() const { return kind() == MappingKind::kFile; }
  bool is_anonymous() const { return kind() == MappingKind::kAnonymous; }
  bool contains(std::uint64_t address) const { return start <= address && address < end; }
};

// The mappings in `text`, the format of /proc/PID/maps (proc_pid_maps(5), fs/proc/task_mmu.c), in
// any order; sorted by start on return. Empty lines are skipped. A malformed line, and two ranges
// that overlap, are an error `NAME:LINE:COL: error: [maps] …` (line and column from 1, in bytes).
//
// The kernel writes a newline in a path as \012 and marks a lost name with " (deleted)", and
// escapes neither when it is truly part of a name; here as there such names cannot be told apart.
Result<std::vector<Mapping>> parse_maps(std::string_view text, const std::string& name);

}  // namespace tc::proc
