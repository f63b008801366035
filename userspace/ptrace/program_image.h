// ProgramImage: what execve(2) has made of a process, read while it stands before the first
// instruction: arguments and environment whole, files mapped, where heap and stack begin.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proc/maps.h"

namespace tc::ptrace {

struct ProgramImage {
  std::string resolved;       // the file that runs; of a script, its interpreter
  std::string argv;           // each string ended by NUL
  std::string environment;    // the same
  std::uint64_t missing = 0;  // bytes of the two that could not be read
  std::uint64_t heap_start = 0;
  std::uint64_t stack_start = 0;
  std::vector<proc::Mapping> mappings;  // of files
};

// What can be had; a process that is killed meanwhile has little. `proc_root` is a procfs in which
// the process has this number.
ProgramImage read_program_image(std::uint32_t pid, const std::string& proc_root = "/proc");

// The addresses that /proc/PID/stat tells (proc_pid_stat(5)); 0 where it does not.
struct ImageAddresses {
  std::uint64_t stack_start = 0;
  std::uint64_t heap_start = 0;
  std::uint64_t arguments_start = 0;
  std::uint64_t arguments_end = 0;
  std::uint64_t environment_start = 0;
  std::uint64_t environment_end = 0;
};
ImageAddresses parse_image_addresses(std::string_view stat);

}  // namespace tc::ptrace
