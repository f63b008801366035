#include "symbol/address_space.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tc::symbol {
namespace {

using Mappings = std::vector<proc::Mapping>;

// The first mapping that ends above `address`.
Mappings::const_iterator first_reaching(const Mappings& mappings, std::uint64_t address) {
  return std::upper_bound(
      mappings.begin(), mappings.end(), address,
      [](std::uint64_t value, const proc::Mapping& mapping) { return value < mapping.end; });
}

// The part of `mapping` from `start` on.
proc::Mapping tail_of(proc::Mapping mapping, std::uint64_t start) {
  if (!mapping.is_anonymous()) mapping.offset += start - mapping.start;
  mapping.start = start;
  return mapping;
}

// Takes [start, end) out of the sorted `mappings`; returns where a new one would be inserted.
Mappings::iterator cut_out(Mappings& mappings, std::uint64_t start, std::uint64_t end) {
  const auto found = first_reaching(mappings, start) - mappings.cbegin();
  auto at = mappings.begin() + found;
  if (at == mappings.end() || at->start >= end) return at;
  if (at->start < start) {
    if (at->end > end) {
      proc::Mapping tail = tail_of(*at, end);
      at->end = start;
      return mappings.insert(std::next(at), std::move(tail));
    }
    at->end = start;
    ++at;
  }
  const auto covered_end = std::find_if(
      at, mappings.end(), [end](const proc::Mapping& mapping) { return mapping.end > end; });
  at = mappings.erase(at, covered_end);
  if (at != mappings.end() && at->start < end) *at = tail_of(std::move(*at), end);
  return at;
}

}  // namespace

AddressSpace::AddressSpace(std::vector<proc::Mapping> mappings) {
  const auto is_before = [](const proc::Mapping& a, const proc::Mapping& b) {
    return a.start < a.end && a.end <= b.start && b.start < b.end;
  };
  const auto out_of_order =
      std::adjacent_find(mappings.begin(), mappings.end(),
                         [&](const auto& a, const auto& b) { return !is_before(a, b); });
  if (mappings.size() > 1 && out_of_order == mappings.end()) {
    mappings_ = std::make_shared<Mappings>(std::move(mappings));
    return;
  }
  for (proc::Mapping& mapping : mappings) insert(std::move(mapping));
}

void AddressSpace::insert(proc::Mapping mapping) {
  if (mapping.end <= mapping.start) return;
  Mappings& mappings = own_mappings();
  const auto at = cut_out(mappings, mapping.start, mapping.end);
  mappings.insert(at, std::move(mapping));
}

void AddressSpace::remove(std::uint64_t start, std::uint64_t end) {
  if (end <= start || mappings_ == nullptr) return;
  cut_out(own_mappings(), start, end);
}

const proc::Mapping* AddressSpace::find(std::uint64_t address) const {
  const Mappings& all = mappings();
  const auto found = first_reaching(all, address);
  return found != all.end() && found->start <= address ? &*found : nullptr;
}

const std::vector<proc::Mapping>& AddressSpace::mappings() const {
  static const Mappings kEmpty;
  return mappings_ ? *mappings_ : kEmpty;
}

std::vector<proc::Mapping>& AddressSpace::own_mappings() {
  if (mappings_ == nullptr) {
    mappings_ = std::make_shared<Mappings>();
  } else if (mappings_.use_count() > 1) {
    mappings_ = std::make_shared<Mappings>(*mappings_);
  }
  return *mappings_;
}

}  // namespace tc::symbol
