#include "determinism/mapping_at.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/file.h"
#include "proc/maps.h"

namespace tc::determinism {
namespace {

// struct procmap_query of linux/fs.h, as it was first.
struct MappingQuery {
  std::uint64_t size = sizeof(MappingQuery);
  std::uint64_t query_flags = 0;
  std::uint64_t query_address = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t flags = 0;
  std::uint64_t page_size = 0;
  std::uint64_t offset = 0;
  std::uint64_t inode = 0;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::uint32_t name_size = 0;
  std::uint32_t build_id_size = 0;
  std::uint64_t name_address = 0;
  std::uint64_t build_id_address = 0;
};
constexpr unsigned long kQueryMapping = _IOWR('f', 17, MappingQuery);  // PROCMAP_QUERY
constexpr std::uint64_t kSharedFlag = 8;                               // PROCMAP_QUERY_VMA_SHARED

}  // namespace

std::optional<MappedObject> mapping_in_text(const std::string& maps, std::uint64_t address) {
  const Result<std::string> text = base::read_file(maps);
  if (!text) return std::nullopt;
  const Result<std::vector<proc::Mapping>> mappings = proc::parse_maps(*text, maps);
  if (!mappings) return std::nullopt;
  const auto after = std::upper_bound(
      mappings->begin(), mappings->end(), address,
      [](std::uint64_t place, const proc::Mapping& mapping) { return place < mapping.start; });
  if (after == mappings->begin() || !(after - 1)->contains(address)) return std::nullopt;
  const proc::Mapping& mapping = *(after - 1);
  return MappedObject{.is_shared = mapping.shared,
                      .device_major = mapping.device_major,
                      .device_minor = mapping.device_minor,
                      .inode = mapping.inode,
                      .offset = mapping.offset + (address - mapping.start)};
}

std::optional<MappedObject> mapping_at(const std::string& maps, std::uint64_t address) {
  const Result<UniqueFd> file = base::open_file(maps, O_RDONLY);
  if (!file) return std::nullopt;
  MappingQuery query;
  query.query_address = address;
  if (::ioctl(file->get(), kQueryMapping, &query) != 0) {
    if (errno == ENOTTY) return mapping_in_text(maps, address);
    return std::nullopt;
  }
  return MappedObject{.is_shared = (query.flags & kSharedFlag) != 0,
                      .device_major = query.device_major,
                      .device_minor = query.device_minor,
                      .inode = query.inode,
                      .offset = query.offset + (address - query.start)};
}

}  // namespace tc::determinism
