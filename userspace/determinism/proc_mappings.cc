// /proc/PID/maps, smaps and fdinfo/N: addresses and names are the process's own, devices and inodes
// are those that stat(2) tells guests, and how much memory is in use is not told.
#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <array>
#include <iterator>
#include <optional>

#include "base/number.h"
#include "determinism/proc_parts.h"

namespace tc::determinism {
namespace {

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return line;
}

std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

// "fe:01" as a device number.
std::optional<std::uint64_t> parse_device(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == text.npos) return std::nullopt;
  const auto major_number = base::parse_unsigned<std::uint32_t>(text.substr(0, colon), 16);
  const auto minor_number = base::parse_unsigned<std::uint32_t>(text.substr(colon + 1), 16);
  if (!major_number || !minor_number) return std::nullopt;
  return gnu_dev_makedev(*major_number, *minor_number);
}

// Pages of the kernel's, which differ between its versions and tell of its clock.
bool is_kernel_mapping(std::string_view name) {
  return name.starts_with("[vvar") || name == "[vdso]" || name == "[vsyscall]";
}

std::string_view without_root(std::string_view name, std::string_view root) {
  if (root.empty() || !name.starts_with(root)) return name;
  const std::string_view rest = name.substr(root.size());
  return rest.starts_with('/') ? rest : name;
}

// A line of maps as it is told. Nothing when it is no such line; empty when it is left out.
std::optional<std::string> mapping_line(World& world, std::string_view line,
                                        std::string_view root) {
  std::string_view rest = line;
  const std::string_view range = take_word(rest);
  const std::string_view access = take_word(rest);
  const std::string_view offset = take_word(rest);
  const auto device = parse_device(take_word(rest));
  const auto inode = base::parse_unsigned(take_word(rest));
  if (range.find('-') == range.npos || !device || !inode) return std::nullopt;
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  if (is_kernel_mapping(rest)) return std::string();

  std::uint64_t told_device = 0;
  std::uint64_t told_inode = 0;
  if (*inode != 0) {
    told_device = world.inodes.device(*device);
    told_inode = world.inodes.number({.device = *device, .inode = *inode});
  }
  std::string told =
      fmt::format("{} {} {} {:02x}:{:02x} {} ", range, access, offset, gnu_dev_major(told_device),
                  gnu_dev_minor(told_device), told_inode);
  constexpr std::size_t kNameColumn = 73;  // fs/proc/task_mmu.c
  if (!rest.empty()) {
    told.resize(std::max(told.size(), kNameColumn), ' ');
    told += without_root(rest, root);
  }
  return told + "\n";
}

// A line of what a mapping holds: its size is the program's choice, the pages are the kernel's.
std::string usage_line(std::string_view line) {
  const std::string_view key = line.substr(0, line.find(':'));
  if (key == "VmFlags") return std::string(line) + "\n";
  if (key == "Size" || key == "KernelPageSize" || key == "MMUPageSize")
    return std::string(line) + "\n";
  if (key == "THPeligible") return "THPeligible:           0\n";
  if (!line.ends_with(" kB")) return {};  // of a newer kernel
  return fmt::format("{:<16}{:>8} kB\n", std::string(key) + ":", 0);
}

// Words of fdinfo that name inodes of the kernel's: epoll and inotify have them.
bool names_inode(std::string_view word) {
  return word.starts_with("ino:") || word.starts_with("sdev:") || word.starts_with("fhandle-") ||
         word.starts_with("f_handle:");
}

std::string without_inodes(std::string_view line) {
  std::string told;
  while (!line.empty()) {
    // Spaces stay with the word behind them, so that columns stay.
    const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
    const std::size_t end = std::min(line.find(' ', begin), line.size());
    if (!names_inode(line.substr(begin, end - begin))) told += line.substr(0, end);
    line.remove_prefix(end);
  }
  return told + "\n";
}

}  // namespace

std::string rewrite_maps(World& world, std::string_view host, std::string_view root) {
  std::string text;
  while (!host.empty()) text += mapping_line(world, take_line(host), root).value_or("");
  return text;
}

std::string rewrite_smaps(World& world, std::string_view host, std::string_view root) {
  std::string text;
  bool is_left_out = false;
  while (!host.empty()) {
    const std::string_view line = take_line(host);
    if (const auto mapping = mapping_line(world, line, root)) {
      is_left_out = mapping->empty();
      text += *mapping;
    } else if (!is_left_out) {
      text += usage_line(line);
    }
  }
  return text;
}

std::string rewrite_descriptor_info(std::string_view host, std::uint64_t inode) {
  std::string text;
  while (!host.empty()) {
    const std::string_view line = take_line(host);
    const std::string_view key = line.substr(0, line.find(':'));
    if (key == "ino")
      text += fmt::format("ino:\t{}\n", inode);
    else if (key == "mnt_id")
      text += "mnt_id:\t1\n";
    else if (key != "lock" && key != "eventfd-id")  // numbers that the host counts
      text += without_inodes(line);
  }
  return text;
}

}  // namespace tc::determinism
