#include "ptrace/program_image.h"

#include <sys/types.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/number.h"
#include "proc/source.h"
#include "ptrace/memory.h"

namespace tc::ptrace {
namespace {

// The kernel refuses more than a quarter of the stack limit, at most 6 MiB (execve(2)).
constexpr std::uint64_t kArgumentsMax = std::uint64_t{8} << 20U;

std::string read_range(const Memory& memory, std::uint64_t start, std::uint64_t end,
                       std::uint64_t& missing) {
  if (start == 0 || end <= start || end - start > kArgumentsMax) return {};
  std::string bytes(end - start, '\0');
  if (memory.read(start, bytes)) return bytes;
  missing += bytes.size();
  return {};
}

}  // namespace

ImageAddresses parse_image_addresses(std::string_view stat) {
  // Fields are counted from 1; the second, the name, may hold spaces and parentheses itself.
  constexpr std::size_t kFirstBehindName = 3;
  constexpr std::size_t kStackStart = 28;
  constexpr std::size_t kHeapStart = 47;
  constexpr std::size_t kFields = 52;
  std::array<std::uint64_t, kFields + 1> fields{};
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return {};
  stat.remove_prefix(std::min(stat.size(), name_end + 2));
  for (std::size_t i = kFirstBehindName; i <= kFields && !stat.empty(); ++i) {
    const std::size_t end = std::min(stat.find_first_of(" \n"), stat.size());
    fields[i] = base::parse_unsigned(stat.substr(0, end)).value_or(0);
    stat.remove_prefix(std::min(stat.size(), end + 1));
  }
  return {.stack_start = fields[kStackStart],
          .heap_start = fields[kHeapStart],
          .arguments_start = fields[kHeapStart + 1],
          .arguments_end = fields[kHeapStart + 2],
          .environment_start = fields[kHeapStart + 3],
          .environment_end = fields[kHeapStart + 4]};
}

ProgramImage read_program_image(std::uint32_t pid, const std::string& proc_root) {
  ProgramImage image;
  const proc::LiveProc proc(proc_root);
  if (auto exe = proc.exe(pid)) image.resolved = *std::move(exe);
  if (const auto stat = base::read_file(fmt::format("{}/{}/stat", proc_root, pid))) {
    const ImageAddresses at = parse_image_addresses(*stat);
    const Memory memory(static_cast<pid_t>(pid));
    image.heap_start = at.heap_start;
    image.stack_start = at.stack_start;
    image.argv = read_range(memory, at.arguments_start, at.arguments_end, image.missing);
    image.environment = read_range(memory, at.environment_start, at.environment_end, image.missing);
  }
  if (const auto text = proc.maps(pid)) {
    if (auto mappings = proc::parse_maps(*text, proc.maps_file(pid))) {
      image.mappings = *std::move(mappings);
      std::erase_if(image.mappings,
                    [](const proc::Mapping& mapping) { return !mapping.is_file_backed(); });
    }
  }
  return image;
}

}  // namespace tc::ptrace
