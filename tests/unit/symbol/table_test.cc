#include "symbol/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace tc::symbol {
namespace {

using testing::ElementsAre;

struct Symbol {
  std::string_view name;
  std::uint64_t address;
  std::uint64_t size;
  Binding binding = Binding::kGlobal;
};

Table table_of(const std::vector<Symbol>& symbols,
               const std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges = {}) {
  TableBuilder builder;
  for (const auto& [name, address, size, binding] : symbols) {
    EXPECT_TRUE(builder.add({.name = name, .address = address, .size = size}, binding));
  }
  for (const auto& [begin, end] : ranges) builder.add_range(begin, end);
  return std::move(builder).build();
}

// "name+offset", or "-".
std::string at(const Table& table, std::uint64_t vaddr) {
  const auto match = table.lookup(vaddr);
  if (!match) return "-";
  EXPECT_EQ(match->start + match->offset_in_symbol, vaddr);
  return std::string(match->name) + "+" + std::to_string(match->offset_in_symbol);
}

TEST(Table, FindsTheSymbolAroundAnAddress) {
  const Table table = table_of({{"b", 200, 50}, {"a", 100, 50}});
  EXPECT_EQ(at(table, 99), "-");
  EXPECT_EQ(at(table, 100), "a+0");
  EXPECT_EQ(at(table, 149), "a+49");
  EXPECT_EQ(at(table, 150), "-");
  EXPECT_EQ(at(table, 249), "b+49");
  EXPECT_EQ(at(table, 250), "-");
}

TEST(Table, AnswersNothingWhenEmpty) {
  EXPECT_EQ(at(Table(), 0), "-");
  EXPECT_EQ(at(table_of({}), 5), "-");
}

TEST(Table, PrefersTheInnermostAndReturnsToTheOuter) {
  const Table table = table_of({{"outer", 0, 100}, {"inner", 10, 10}, {"core", 12, 2}});
  EXPECT_EQ(at(table, 9), "outer+9");
  EXPECT_EQ(at(table, 11), "inner+1");
  EXPECT_EQ(at(table, 13), "core+1");
  EXPECT_EQ(at(table, 14), "inner+4");
  EXPECT_EQ(at(table, 20), "outer+20");
}

TEST(Table, CutsPartialOverlapsAtTheGreaterStart) {
  const Table table = table_of({{"a", 0, 50}, {"b", 40, 60}});
  EXPECT_EQ(at(table, 39), "a+39");
  EXPECT_EQ(at(table, 45), "b+5");
  EXPECT_EQ(at(table, 99), "b+59");
  EXPECT_EQ(at(table, 100), "-");
}

TEST(Table, ExtendsSymbolsWithoutSize) {
  const Table table =
      table_of({{"start", 100, 0}, {"next", 120, 10}, {"last", 150, 0}}, {{100, 200}});
  EXPECT_EQ(at(table, 119), "start+19");
  EXPECT_EQ(at(table, 135), "-");
  EXPECT_EQ(at(table, 199), "last+49");
  EXPECT_EQ(at(table, 200), "-");
}

TEST(Table, HoldsUnsizedSymbolsWithinTheirRangeAndTheEnclosingSymbol) {
  const Table table = table_of({{"end_of_init", 100, 0}, {"f", 300, 50}, {"label", 320, 0}},
                               {{90, 110}, {300, 400}});
  EXPECT_EQ(at(table, 109), "end_of_init+9");
  EXPECT_EQ(at(table, 110), "-");
  EXPECT_EQ(at(table, 349), "label+29");
  EXPECT_EQ(at(table, 350), "-");
}

TEST(Table, KnowsOnlyTheStartOfAnUnsizedSymbolWithoutBounds) {
  const Table table = table_of({{"alone", 100, 0}});
  EXPECT_EQ(at(table, 100), "alone+0");
  EXPECT_EQ(at(table, 101), "-");
}

TEST(Table, ChoosesAmongAliasesByRule) {
  EXPECT_EQ(at(table_of({{"w", 1, 4, Binding::kWeak}, {"global", 1, 4}}), 1), "global+0");
  EXPECT_EQ(at(table_of({{"l", 1, 4, Binding::kLocal}, {"weak", 1, 4, Binding::kWeak}}), 1),
            "weak+0");
  EXPECT_EQ(at(table_of({{"__x", 1, 4}, {"_xx", 1, 4}, {"longest", 1, 4}}), 1), "longest+0");
  EXPECT_EQ(at(table_of({{"lseek64", 1, 4}, {"lseek", 1, 4}}), 1), "lseek+0");
  EXPECT_EQ(at(table_of({{"b", 1, 4}, {"a", 1, 4}}), 1), "a+0");
}

TEST(Table, GivesAliasesTheGreatestExtentAmongThem) {
  const Table table = table_of({{"entry", 10, 0}, {"body", 10, 20, Binding::kLocal}, {"z", 90, 1}});
  EXPECT_EQ(at(table, 29), "entry+19");
  EXPECT_EQ(at(table, 30), "-");
}

TEST(Table, SurvivesSizesThatWrapAround) {
  const Table table = table_of({{"huge", 16, ~0ULL}, {"top", ~0ULL, 8}, {"small", 32, 4}});
  EXPECT_EQ(at(table, 33), "small+1");
  EXPECT_EQ(at(table, 1000), "huge+984");
}

TEST(Table, FindsEveryAliasByItsOwnName) {
  const Table table = table_of(
      {{"read", 10, 4}, {"__read", 10, 4, Binding::kWeak}, {"readv", 20, 4}, {"read", 10, 4}});
  std::vector<std::string> names;
  for (const Definition& definition : table.find("*read*")) names.emplace_back(definition.name);
  EXPECT_THAT(names, ElementsAre("__read", "read", "readv"));
  ASSERT_EQ(table.find("__read").size(), 1U);
  EXPECT_EQ(table.find("__read")[0].address, 10U);
  EXPECT_TRUE(table.find("nothing").empty());
}

// The definition of "innermost", by trying every symbol.
std::string slow_at(const std::vector<Symbol>& symbols, std::uint64_t vaddr) {
  const Symbol* best = nullptr;
  for (const Symbol& symbol : symbols) {
    if (vaddr < symbol.address || vaddr - symbol.address >= symbol.size) continue;
    if (best == nullptr || symbol.address > best->address) best = &symbol;
  }
  return best == nullptr ? "-"
                         : std::string(best->name) + "+" + std::to_string(vaddr - best->address);
}

TEST(Table, AgreesWithTheDefinitionOnRandomSymbols) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> names;
    for (std::uint64_t start = 0; start < 60; ++start) names.push_back("s" + std::to_string(start));
    std::vector<Symbol> symbols;
    for (std::uint64_t start = 0; start < 60; ++start) {
      if (random() % 3 == 0) symbols.push_back({names[start], start, 1 + random() % 30});
    }
    std::shuffle(symbols.begin(), symbols.end(), random);
    const Table table = table_of(symbols);
    for (std::uint64_t vaddr = 0; vaddr < 100; ++vaddr) {
      ASSERT_EQ(at(table, vaddr), slow_at(symbols, vaddr)) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace tc::symbol
