#include "trace/addresses.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "trace/line.h"

namespace tc::trace {
namespace {

constexpr std::uint64_t kPage = 4096;
// Between the stack's start and mmap's area lie at least 128 MiB (arch/x86/mm/mmap.c), above it
// are the program's arguments and environment, at most 6 MiB (fs/exec.c).
constexpr std::uint64_t kStackBelow = std::uint64_t{120} << 20U;
constexpr std::uint64_t kStackAbove = std::uint64_t{8} << 20U;
// Allocators align to this or more.
constexpr std::uint64_t kLeastAlignment = std::uint64_t{1} << 20U;

std::uint64_t page_end(std::uint64_t start, std::uint64_t length) {
  return start + (length + kPage - 1) / kPage * kPage;
}

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// The largest power of two that divides the address.
std::uint64_t alignment_of(std::uint64_t address) { return address & (~address + 1); }

}  // namespace

AddressSpace::AddressSpace() : regions_(std::make_shared<Regions>()) {}

AddressSpace::Regions& AddressSpace::writable() {
  if (regions_.use_count() > 1) regions_ = std::make_shared<Regions>(*regions_);
  return *regions_;
}

const AddressSpace::Region* AddressSpace::region_of(std::uint64_t address,
                                                    std::uint64_t* start) const {
  auto found = regions_->by_start.upper_bound(address);
  if (found == regions_->by_start.begin()) return nullptr;
  --found;
  if (address >= found->second.end) return nullptr;
  if (start != nullptr) *start = found->first;
  return &found->second;
}

void AddressSpace::add(std::uint64_t start, Region region) {
  cut(start, region.end);
  Regions& regions = writable();
  regions.ordinals.take(region.kind, region.ordinal);
  regions.by_start.insert_or_assign(start, std::move(region));
}

void AddressSpace::cut(std::uint64_t start, std::uint64_t end) {
  if (start >= end) return;
  Regions& regions = writable();
  auto at = regions.by_start.upper_bound(start);
  if (at != regions.by_start.begin() && std::prev(at)->second.end > start) --at;
  while (at != regions.by_start.end() && at->first < end) {
    const std::uint64_t first = at->first;
    Region whole = std::move(at->second);
    at = regions.by_start.erase(at);
    if (first < start) {
      Region below = whole;
      below.end = start;
      regions.ordinals.take(below.kind, below.ordinal);
      regions.by_start.emplace(first, std::move(below));
    }
    if (whole.end > end) {
      regions.ordinals.take(whole.kind, whole.ordinal);
      regions.by_start.emplace(end, whole);
    }
    regions.ordinals.release(whole.kind, whole.ordinal);
  }
}

AddressSpace::Region AddressSpace::fresh(std::uint64_t start, std::uint64_t end,
                                         std::string_view what, std::string_view label) const {
  const std::uint64_t kind = Ordinals::kind(what, label);
  const std::uint32_t ordinal = regions_->ordinals.lowest_free(kind);
  return {.end = end,
          .base = start,
          .name = numbered(what, label, ordinal),
          .file = {},
          .kind = kind,
          .ordinal = ordinal};
}

void AddressSpace::add_file(std::uint64_t start, std::uint64_t end, std::string_view path,
                            std::string_view shown) {
  const auto first = std::find_if(regions_->by_start.begin(), regions_->by_start.end(),
                                  [&](const auto& row) { return row.second.file == path; });
  if (first == regions_->by_start.end()) {
    map(start, end - start, path, shown, false, {});
    return;
  }
  Region region = first->second;
  region.end = end;
  add(start, std::move(region));
}

void AddressSpace::set_program(std::string_view path, std::uint64_t heap_start,
                               std::uint64_t stack_start) {
  set_heap(heap_start, heap_start);
  stack_low_ = stack_start < kStackBelow ? 0 : stack_start - kStackBelow;
  stack_high_ = stack_start == 0 ? 0 : stack_start + kStackAbove;
  program_end_ = 0;
  for (const auto& [start, region] : regions_->by_start) {
    if (region.file != path) continue;
    program_base_ = region.base;
    program_name_ = region.name;
    program_end_ = region.end;
  }
}

void AddressSpace::add_anonymous(std::uint64_t start, std::uint64_t end) {
  map(start, end - start, {}, {}, false, {});
}

void AddressSpace::set_heap(std::uint64_t start, std::uint64_t end) {
  heap_start_ = start;
  heap_end_ = end;
}

void AddressSpace::map(std::uint64_t start, std::uint64_t length, std::string_view file,
                       std::string_view shown, bool fixed, std::string_view label) {
  const std::uint64_t end = page_end(start, length);
  if (fixed) {
    // Within what the program has reserved before, it is a part of that: the segments and the .bss
    // of a library, a piece of an arena.
    const Region* around = region_of(start);
    if (around != nullptr && end <= around->end && (file.empty() || around->file == file)) return;
  }
  Region region;
  if (file.empty()) {
    cut(start, end);
    region = fresh(start, end, "anon", label);
    newest_ = start;
  } else {
    const Region* before = fixed ? region_of(start - 1) : nullptr;
    if (before != nullptr && before->file == file) {
      region = *before;
      region.end = end;
    } else {
      region = fresh(start, end, base_name(shown), label);
      if (region.ordinal == 1) region.name = base_name(shown);
      region.file = file;
    }
    newest_ = 0;
  }
  add(start, std::move(region));
}

void AddressSpace::attach(std::uint64_t start, std::string_view label) {
  // How much it is only shmget(2) told, perhaps in another process: the first page will do.
  add(start, fresh(start, start + kPage, "shm", label));
}

void AddressSpace::unmap(std::uint64_t start, std::uint64_t length) {
  const std::uint64_t end = page_end(start, length);
  const bool trim = is_alignment_trim(start, length);
  cut(start, end);
  if (!trim || start != newest_) return;
  // The head is gone: offsets count from where the aligned part begins.
  newest_ = end;
  const auto rest = writable().by_start.find(end);
  if (rest != writable().by_start.end()) rest->second.base = end;
}

bool AddressSpace::is_alignment_trim(std::uint64_t start, std::uint64_t length) const {
  std::uint64_t first = 0;
  const Region* region = region_of(start, &first);
  if (newest_ == 0 || region == nullptr || first != newest_ || !region->file.empty()) return false;
  const std::uint64_t end = page_end(start, length);
  if (start == first) {
    const std::uint64_t alignment = alignment_of(end);
    return end < region->end && alignment >= kLeastAlignment && end - start < alignment;
  }
  const std::uint64_t alignment = alignment_of(first);
  return end == region->end && alignment >= kLeastAlignment && end - start < alignment;
}

void AddressSpace::remap(std::uint64_t from, std::uint64_t old_length, std::uint64_t to,
                         std::uint64_t new_length) {
  const Region* region = region_of(from);
  if (region == nullptr) return;
  Region moved = *region;
  moved.base += to - from;
  moved.end = page_end(to, new_length);
  cut(from, page_end(from, old_length));
  add(to, std::move(moved));
}

void AddressSpace::set_break(std::uint64_t end) {
  if (heap_start_ == 0) heap_start_ = end;
  heap_end_ = std::max(end, heap_start_);
}

bool AddressSpace::describe(std::uint64_t address, std::string& out) const {
  const auto offset = [&](std::string_view name, std::uint64_t base) {
    fmt::format_to(std::back_inserter(out), "{}+0x{:x}", name, address - base);
    return true;
  };
  if (const Region* region = region_of(address)) return offset(region->name, region->base);
  if (heap_start_ != 0 && address >= heap_start_ && address <= heap_end_)
    return offset("heap", heap_start_);
  if (stack_high_ != 0 && address >= stack_low_ && address < stack_high_) {
    // Where in the stack depends on the kernel's random start and on the environment.
    out += "stack";
    return true;
  }
  if (program_end_ != 0 && address >= program_end_ && address < heap_start_)
    return offset(program_name_, program_base_);
  return false;
}

}  // namespace tc::trace
