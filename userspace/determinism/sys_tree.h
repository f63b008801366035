// /sys as guests find it: the few files that programs look at, of a machine with one processor, one
// memory node, a loopback device and nothing else. sandbox/ writes them into a file system of their
// own.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace tc::determinism {

struct SysFile {
  std::string_view path;                 // absolute; directories before it are to be made
  std::optional<std::string_view> text;  // nothing: it is a directory, else empty
};

std::span<const SysFile> sys_files();

}  // namespace tc::determinism
