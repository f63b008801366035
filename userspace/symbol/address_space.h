// AddressSpace: the mappings of one process as they change with mmap, munmap, fork and exec.
// Pure bookkeeping: reads no /proc and opens no file.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "proc/maps.h"

namespace tc::symbol {

// A value: a copy (fork) shares the mappings until one side changes them. Copies that share may
// be read by several threads, but copied or changed only by one.
class AddressSpace {
 public:
  AddressSpace() = default;
  // `mappings` in any order; where they overlap, the later one in the vector wins.
  explicit AddressSpace(std::vector<proc::Mapping> mappings);

  // As mmap(2) with MAP_FIXED: what lies under the new mapping is gone, and mappings that reach
  // into it are cut, with the offset of what stays behind it moved along. One with end <= start
  // is ignored.
  void insert(proc::Mapping mapping);
  // As munmap(2) of [start, end).
  void remove(std::uint64_t start, std::uint64_t end);
  // As execve(2).
  void clear() { mappings_.reset(); }

  // The mapping around `address`, or nullptr. Valid until this AddressSpace changes or dies.
  const proc::Mapping* find(std::uint64_t address) const;

  // Sorted by start, without overlap. Valid as find()'s.
  const std::vector<proc::Mapping>& mappings() const;

 private:
  std::vector<proc::Mapping>& own_mappings();

  std::shared_ptr<std::vector<proc::Mapping>> mappings_;  // none is as good as an empty one
};

}  // namespace tc::symbol
