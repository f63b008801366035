#include "symbol/image.h"

namespace tc::symbol {
namespace {

// The segment in which `value` is less than file_size behind `start_of(segment)`.
template <class StartOf>
const Segment* segment_at(const std::vector<Segment>& segments, std::uint64_t value,
                          StartOf start_of) {
  const Segment* found = nullptr;
  for (const Segment& segment : segments) {
    const std::uint64_t start = start_of(segment);
    if (value < start || value - start >= segment.file_size) continue;
    if (segment.executable) return &segment;
    if (found == nullptr) found = &segment;
  }
  return found;
}

}  // namespace

std::optional<std::uint64_t> Image::file_offset_to_vaddr(std::uint64_t offset) const {
  const Segment* segment =
      segment_at(segments, offset, [](const Segment& s) { return s.file_offset; });
  if (segment == nullptr) return std::nullopt;
  return offset - segment->file_offset + segment->vaddr;
}

std::optional<std::uint64_t> Image::vaddr_to_file_offset(std::uint64_t vaddr) const {
  const Segment* segment = segment_at(segments, vaddr, [](const Segment& s) { return s.vaddr; });
  if (segment == nullptr) return std::nullopt;
  return vaddr - segment->vaddr + segment->file_offset;
}

std::size_t Image::memory_bytes() const {
  return sizeof(Image) + build_id.capacity() + segments.capacity() * sizeof(Segment) +
         symbols.memory_bytes();
}

}  // namespace tc::symbol
