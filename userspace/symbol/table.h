// The function symbols of one ELF image, by address and by name. Immutable once built, so that
// threads and processes share it. Knows nothing of files, segments or processes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tc::symbol {

// From strong to weak: of two names for one address, the stronger is shown.
enum class Binding : std::uint8_t { kGlobal, kWeak, kLocal };

// The symbol that covers an address. `name` lives as long as the Table.
struct Match {
  std::string_view name;
  std::uint64_t start = 0;             // vaddr of the symbol
  std::uint64_t offset_in_symbol = 0;  // bytes from `start` to the address asked for
};

// One name of one function. `name` lives as long as the Table, or as the caller of add() says.
struct Definition {
  std::string_view name = {};
  std::uint64_t address = 0;  // vaddr
  std::uint64_t size = 0;     // bytes; 0 when the ELF file does not tell
  bool is_ifunc = false;      // `address` is the resolver's, not the function's
};

class Table {
 public:
  Table() = default;

  // The innermost symbol that covers `vaddr`: of those, the one with the greatest start. A symbol
  // covers [start, start+size); one without size reaches to the next start, the end of an
  // enclosing symbol or the end of its range (TableBuilder::add_range), whichever is first, and
  // covers its start alone when there is none of these. Names of one address share the greatest
  // extent, and the name given is: GLOBAL before WEAK before LOCAL, then fewest leading
  // underscores, shortest, bytewise first.
  std::optional<Match> lookup(std::uint64_t vaddr) const;

  // Every definition whose name matches `glob` (symbol/glob.h), aliases each under its own name,
  // sorted by name, then address.
  std::vector<Definition> find(std::string_view glob) const;

  // How many definitions: aliases count each.
  std::size_t size() const { return symbols_.size(); }
  bool empty() const { return symbols_.empty(); }
  // What it occupies, for caches.
  std::size_t memory_bytes() const;

 private:
  friend class TableBuilder;

  struct Symbol {
    std::uint64_t address;
    std::uint64_t size;
    std::uint32_t name_at;  // in names_
    std::uint32_t name_length;
    Binding binding;
    bool is_ifunc;
  };

  std::string_view name_of(const Symbol& symbol) const {
    return std::string_view(names_).substr(symbol.name_at, symbol.name_length);
  }

  std::string names_;
  std::vector<Symbol> symbols_;  // by address
  // The address space cut into pieces with one answer each: piece i reaches from piece_start_[i]
  // to piece_start_[i+1] and belongs to symbols_[piece_symbol_[i]], or to none (kNoSymbol).
  // Starts stand apart so that the search touches nothing else.
  std::vector<std::uint64_t> piece_start_;
  std::vector<std::uint32_t> piece_symbol_;
};

// Collects what a Table is made of, in any order.
class TableBuilder {
 public:
  // Copies the name. False, and nothing is added, once the names exceed 128 MiB together: no
  // honest file comes near, and a hostile one must not exhaust memory.
  [[nodiscard]] bool add(const Definition& definition, Binding binding);
  // An executable section (or segment, but not both: of ranges that overlap only the one with the
  // greatest start counts). Symbols without size end with it.
  void add_range(std::uint64_t begin, std::uint64_t end);

  // Definitions added twice (same name, address) become one.
  Table build() &&;

 private:
  struct Range {
    std::uint64_t begin;
    std::uint64_t end;
  };
  // Names of one address: the symbol shown, and the first address behind all of them.
  struct Group {
    std::uint32_t symbol;
    std::uint64_t start;
    std::uint64_t end;
  };

  bool is_preferred(const Table::Symbol& a, const Table::Symbol& b) const;
  void sort_and_merge();
  std::vector<Group> group_by_address() const;
  void bound_unsized(std::vector<Group>& groups) const;
  std::uint64_t range_end(std::uint64_t address) const;
  void cut_pieces(const std::vector<Group>& groups);

  Table table_;
  std::vector<Range> ranges_;
};

}  // namespace tc::symbol
