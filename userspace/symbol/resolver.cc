#include "symbol/resolver.h"

#include <memory>
#include <optional>

namespace tc::symbol {
namespace {

bool is_module(const proc::Mapping& mapping) {
  switch (mapping.kind()) {
    case proc::MappingKind::kFile:
    case proc::MappingKind::kMemfd:
    case proc::MappingKind::kVdso:
      return true;
    case proc::MappingKind::kSharedMemory:
    case proc::MappingKind::kAnonymous:
    case proc::MappingKind::kPseudo:
      return false;
  }
  return false;
}

}  // namespace

Frame resolve(const AddressSpace& space, std::uint32_t pid, std::uint64_t address,
              ImageSource& images, AddressKind kind) {
  Frame frame{.address = address};
  const std::uint64_t back = kind == AddressKind::kReturn && address > 0 ? 1 : 0;
  const proc::Mapping* mapping = space.find(address - back);
  if (mapping == nullptr || !is_module(*mapping)) return frame;

  frame.in_module = true;
  frame.module = mapping->path;
  frame.build_id = mapping->build_id;
  const std::uint64_t file_offset = address - back - mapping->start + mapping->offset;
  frame.offset = file_offset + back;
  const std::shared_ptr<const Image> image = images.image(pid, *mapping);
  if (image == nullptr) return frame;

  if (frame.build_id.empty()) frame.build_id = image->build_id;
  const std::optional<std::uint64_t> vaddr = image->file_offset_to_vaddr(file_offset);
  if (!vaddr) return frame;
  frame.offset = *vaddr + back;
  if (const std::optional<Match> match = image->symbols.lookup(*vaddr)) {
    frame.has_symbol = true;
    frame.symbol = match->name;
    frame.symbol_offset = match->offset_in_symbol + back;
  }
  return frame;
}

}  // namespace tc::symbol
