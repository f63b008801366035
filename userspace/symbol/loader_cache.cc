#include "symbol/loader_cache.h"

#include <cstdint>
#include <cstring>
#include <set>

namespace tc::symbol {
namespace {

constexpr std::string_view kMagic = "glibc-ld.so.cache1.1";
// struct cache_file_new: magic, nlibs, len_strings, flags and padding, extension_offset, unused.
constexpr std::size_t kHeaderSize = 48;
// struct file_entry_new: flags, key, value, osversion, hwcap.
constexpr std::size_t kEntrySize = 24;
constexpr std::size_t kValueOffset = 8;

std::uint32_t word_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

}  // namespace

std::vector<std::string> loader_cache_paths(std::string_view cache) {
  const std::size_t start = cache.find(kMagic);
  if (start == std::string_view::npos || cache.size() - start < kHeaderSize) return {};
  // Offsets of strings count from the header of this format.
  const std::string_view file = cache.substr(start);
  const std::uint64_t count = word_at(file, kMagic.size());
  if (count > (file.size() - kHeaderSize) / kEntrySize) return {};
  std::set<std::string> paths;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t entry = kHeaderSize + i * kEntrySize;
    const std::uint32_t value = word_at(file, entry + kValueOffset);
    if (value >= file.size()) continue;
    const std::string_view rest = file.substr(value);
    paths.emplace(rest.substr(0, rest.find('\0')));
  }
  return {paths.begin(), paths.end()};
}

}  // namespace tc::symbol
