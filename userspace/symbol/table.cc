#include "symbol/table.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <tuple>
#include <utility>

#include "symbol/glob.h"

namespace tc::symbol {
namespace {

constexpr std::size_t kNamesLimit = 128U << 20U;
constexpr std::uint32_t kNoSymbol = std::numeric_limits<std::uint32_t>::max();

std::size_t leading_underscores(std::string_view name) {
  return std::min(name.find_first_not_of('_'), name.size());
}

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b
             ? std::numeric_limits<std::uint64_t>::max()
             : a + b;
}

}  // namespace

std::optional<Match> Table::lookup(std::uint64_t vaddr) const {
  // std::upper_bound by hand: without a branch on the comparison, which no predictor can learn,
  // it takes half the time.
  const std::uint64_t* base = piece_start_.data();
  std::size_t length = piece_start_.size();
  if (length == 0 || vaddr < *base) return std::nullopt;
  while (length > 1) {
    const std::size_t half = length / 2;
    base += (base[half] <= vaddr) ? half : 0;
    length -= half;
  }
  const std::uint32_t index = piece_symbol_[static_cast<std::size_t>(base - piece_start_.data())];
  if (index == kNoSymbol) return std::nullopt;
  const Symbol& symbol = symbols_[index];
  return Match{
      .name = name_of(symbol), .start = symbol.address, .offset_in_symbol = vaddr - symbol.address};
}

std::vector<Definition> Table::find(std::string_view glob) const {
  std::vector<Definition> found;
  for (const Symbol& symbol : symbols_) {
    const std::string_view name = name_of(symbol);
    if (!glob_matches(glob, name)) continue;
    found.push_back({.name = name,
                     .address = symbol.address,
                     .size = symbol.size,
                     .is_ifunc = symbol.is_ifunc});
  }
  std::sort(found.begin(), found.end(), [](const Definition& a, const Definition& b) {
    return std::tie(a.name, a.address) < std::tie(b.name, b.address);
  });
  return found;
}

std::size_t Table::memory_bytes() const {
  return names_.capacity() + symbols_.capacity() * sizeof(Symbol) +
         piece_start_.capacity() * sizeof(std::uint64_t) +
         piece_symbol_.capacity() * sizeof(std::uint32_t);
}

bool TableBuilder::add(const Definition& definition, Binding binding) {
  std::string& names = table_.names_;
  if (definition.name.size() > kNamesLimit - names.size()) return false;
  table_.symbols_.push_back({.address = definition.address,
                             .size = definition.size,
                             .name_at = static_cast<std::uint32_t>(names.size()),
                             .name_length = static_cast<std::uint32_t>(definition.name.size()),
                             .binding = binding,
                             .is_ifunc = definition.is_ifunc});
  names.append(definition.name);
  return true;
}

void TableBuilder::add_range(std::uint64_t begin, std::uint64_t end) {
  if (begin < end) ranges_.push_back({begin, end});
}

Table TableBuilder::build() && {
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.begin < b.begin; });
  sort_and_merge();
  std::vector<Group> groups = group_by_address();
  bound_unsized(groups);
  cut_pieces(groups);
  table_.names_.shrink_to_fit();
  table_.symbols_.shrink_to_fit();
  return std::move(table_);
}

bool TableBuilder::is_preferred(const Table::Symbol& a, const Table::Symbol& b) const {
  if (a.binding != b.binding) return a.binding < b.binding;
  const std::string_view name_a = table_.name_of(a);
  const std::string_view name_b = table_.name_of(b);
  const std::size_t underscores_a = leading_underscores(name_a);
  const std::size_t underscores_b = leading_underscores(name_b);
  if (underscores_a != underscores_b) return underscores_a < underscores_b;
  if (name_a.size() != name_b.size()) return name_a.size() < name_b.size();
  if (const int order = name_a.compare(name_b); order != 0) return order < 0;
  return a.size > b.size;  // the same name twice: keep the one that tells more
}

// By address, then by preference, without the repetitions that .symtab and .dynsym give.
void TableBuilder::sort_and_merge() {
  std::vector<Table::Symbol>& symbols = table_.symbols_;
  std::sort(symbols.begin(), symbols.end(), [this](const Table::Symbol& a, const Table::Symbol& b) {
    return a.address != b.address ? a.address < b.address : is_preferred(a, b);
  });
  const auto same = [this](const Table::Symbol& a, const Table::Symbol& b) {
    return a.address == b.address && table_.name_of(a) == table_.name_of(b);
  };
  symbols.erase(std::unique(symbols.begin(), symbols.end(), same), symbols.end());
}

// An end equal to the start says that no name of the address has a size.
std::vector<TableBuilder::Group> TableBuilder::group_by_address() const {
  std::vector<Group> groups;
  groups.reserve(table_.symbols_.size());
  for (std::uint32_t i = 0; i < table_.symbols_.size(); ++i) {
    const Table::Symbol& symbol = table_.symbols_[i];
    if (groups.empty() || groups.back().start != symbol.address) {
      groups.push_back({.symbol = i, .start = symbol.address, .end = symbol.address});
    }
    groups.back().end = std::max(groups.back().end, saturating_add(symbol.address, symbol.size));
  }
  return groups;
}

// The end of the range around `address`; the address itself when there is none.
std::uint64_t TableBuilder::range_end(std::uint64_t address) const {
  const auto behind =
      std::upper_bound(ranges_.begin(), ranges_.end(), address,
                       [](std::uint64_t value, const Range& range) { return value < range.begin; });
  if (behind == ranges_.begin()) return address;
  return std::max(address, std::prev(behind)->end);
}

void TableBuilder::bound_unsized(std::vector<Group>& groups) const {
  std::uint64_t enclosing_end = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    Group& group = groups[i];
    if (group.end == group.start) {
      std::uint64_t end = range_end(group.start);
      const bool has_next = i + 1 < groups.size();
      if (has_next && (end == group.start || groups[i + 1].start < end)) end = groups[i + 1].start;
      if (enclosing_end > group.start) end = std::min(end, enclosing_end);
      group.end = end > group.start ? end : saturating_add(group.start, 1);
    }
    enclosing_end = std::max(enclosing_end, group.end);
  }
}

// Sweeps upwards with the stack of the groups that may still cover: the top has the greatest
// start, which makes it the innermost. Each group is pushed and popped once.
void TableBuilder::cut_pieces(const std::vector<Group>& groups) {
  std::vector<std::uint64_t>& starts = table_.piece_start_;
  std::vector<std::uint32_t>& owners = table_.piece_symbol_;
  starts.reserve(groups.size() * 2 + 1);
  owners.reserve(groups.size() * 2 + 1);
  const auto emit = [&](std::uint64_t start, std::uint32_t owner) {
    if (!starts.empty() && starts.back() == start) {
      owners.back() = owner;
    } else if (owners.empty() || owners.back() != owner) {
      starts.push_back(start);
      owners.push_back(owner);
    }
  };
  std::vector<Group> open;
  // Ends what ends at or before `limit`, and gives the piece behind it to the next one out.
  const auto close_until = [&](std::uint64_t limit) {
    while (!open.empty() && open.back().end <= limit) {
      const std::uint64_t end = open.back().end;
      while (!open.empty() && open.back().end <= end) open.pop_back();
      emit(end, open.empty() ? kNoSymbol : open.back().symbol);
    }
  };
  for (const Group& group : groups) {
    close_until(group.start);
    emit(group.start, group.symbol);
    open.push_back(group);
  }
  close_until(std::numeric_limits<std::uint64_t>::max());
  starts.shrink_to_fit();
  owners.shrink_to_fit();
}

}  // namespace tc::symbol
