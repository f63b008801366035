#include "ptrace/breakpoints.h"

namespace tc::ptrace {
namespace {

constexpr char kInt3 = static_cast<char>(0xcc);

// Where the place lies in memory, when the mapping has it.
std::optional<std::uint64_t> address_in(const proc::Mapping& mapping, const Place& place) {
  if (!mapping.executable || mapping.path != place.file || place.file_offset < mapping.offset)
    return std::nullopt;
  const std::uint64_t address = mapping.start + (place.file_offset - mapping.offset);
  if (!mapping.contains(address)) return std::nullopt;
  return address;
}

}  // namespace

void Breakpoints::set(const Memory& memory, std::span<const proc::Mapping> mappings,
                      std::span<const Place> places) {
  for (std::uint32_t index = 0; index < places.size(); ++index) {
    for (const proc::Mapping& mapping : mappings) {
      const auto address = address_in(mapping, places[index]);
      if (!address || set_.contains(*address) || spent_.contains(*address)) continue;
      Original original = {.byte = 0, .place = index};
      if (!memory.read(*address, std::span(&original.byte, 1))) continue;
      if (memory.poke(*address, std::span(&kInt3, 1))) set_.emplace(*address, original);
    }
  }
}

std::optional<Breakpoints::Hit> Breakpoints::hit(const Memory& memory, std::uint64_t ip) {
  const std::uint64_t address = ip - 1;
  const auto found = set_.find(address);
  if (found == set_.end()) {
    if (spent_.contains(address)) return Hit{};
    return std::nullopt;
  }
  const Hit hit = {.place = found->second.place};
  memory.poke(address, std::span(&found->second.byte, 1));
  set_.erase(found);
  spent_.insert(address);
  return hit;
}

void Breakpoints::clear(const Memory& memory) {
  for (const auto& [address, original] : set_) {
    memory.poke(address, std::span(&original.byte, 1));
    spent_.insert(address);
  }
  set_.clear();
}

}  // namespace tc::ptrace
