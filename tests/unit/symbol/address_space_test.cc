#include "symbol/address_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace tc::symbol {
namespace {

using testing::ElementsAre;

proc::Mapping file(std::uint64_t start, std::uint64_t end, std::uint64_t offset = 0,
                   std::string path = "/a") {
  return {.start = start, .end = end, .offset = offset, .inode = 1, .path = std::move(path)};
}

// "start-end@offset path" of each mapping.
std::vector<std::string> shown(const AddressSpace& space) {
  std::vector<std::string> lines;
  for (const proc::Mapping& mapping : space.mappings()) {
    lines.push_back(std::to_string(mapping.start) + "-" + std::to_string(mapping.end) + "@" +
                    std::to_string(mapping.offset) + " " + mapping.path);
  }
  return lines;
}

TEST(AddressSpace, FindsTheMappingAroundAnAddress) {
  const AddressSpace space({file(20, 30), file(10, 20, 0, "/b")});
  EXPECT_EQ(space.find(9), nullptr);
  EXPECT_EQ(space.find(10)->path, "/b");
  EXPECT_EQ(space.find(19)->path, "/b");
  EXPECT_EQ(space.find(20)->path, "/a");
  EXPECT_EQ(space.find(30), nullptr);
  EXPECT_EQ(AddressSpace().find(5), nullptr);
}

TEST(AddressSpace, InsertSplitsWhatItCovers) {
  AddressSpace space({file(10, 40, 100)});
  space.insert(file(20, 30, 7, "/b"));
  EXPECT_THAT(shown(space), ElementsAre("10-20@100 /a", "20-30@7 /b", "30-40@120 /a"));
}

TEST(AddressSpace, InsertReplacesSeveralMappings) {
  AddressSpace space({file(10, 20), file(20, 30), file(30, 40), file(50, 60)});
  space.insert(file(15, 35, 0, "/b"));
  EXPECT_THAT(shown(space), ElementsAre("10-15@0 /a", "15-35@0 /b", "35-40@5 /a", "50-60@0 /a"));
}

TEST(AddressSpace, InsertIgnoresEmptyRanges) {
  AddressSpace space;
  space.insert(file(10, 10));
  space.insert(file(20, 10));
  EXPECT_TRUE(space.mappings().empty());
}

TEST(AddressSpace, RemoveCutsBothNeighbours) {
  AddressSpace space({file(10, 20), file(20, 30)});
  space.remove(15, 25);
  EXPECT_THAT(shown(space), ElementsAre("10-15@0 /a", "25-30@5 /a"));
  space.remove(0, 100);
  EXPECT_TRUE(space.mappings().empty());
}

TEST(AddressSpace, AnonymousMemoryHasNoOffsetToMove) {
  AddressSpace space({proc::Mapping{.start = 10, .end = 30, .path = "[heap]"}});
  space.remove(15, 20);
  EXPECT_THAT(shown(space), ElementsAre("10-15@0 [heap]", "20-30@0 [heap]"));
}

TEST(AddressSpace, AForkedCopyChangesAlone) {
  AddressSpace parent({file(10, 20)});
  AddressSpace child = parent;
  EXPECT_EQ(&child.mappings(), &parent.mappings());
  child.insert(file(30, 40));
  EXPECT_EQ(parent.mappings().size(), 1U);
  EXPECT_EQ(child.mappings().size(), 2U);
  child.clear();
  EXPECT_EQ(parent.mappings().size(), 1U);
  EXPECT_TRUE(child.mappings().empty());
}

TEST(AddressSpace, AcceptsOverlapsAtConstruction) {
  const AddressSpace space({file(10, 30), file(20, 40, 0, "/b")});
  EXPECT_THAT(shown(space), ElementsAre("10-20@0 /a", "20-40@0 /b"));
}

TEST(AddressSpace, AgreesWithAPageArrayOnRandomChanges) {
  std::mt19937 random(3);
  AddressSpace space;
  std::vector<std::string> pages(64);
  std::vector<std::uint64_t> offsets(64);
  for (int step = 0; step < 5000; ++step) {
    const std::uint64_t start = random() % 60;
    const std::uint64_t end = start + 1 + random() % (64 - start);
    const std::string path = random() % 4 == 0 ? "" : "/" + std::to_string(step);
    if (path.empty()) {
      space.remove(start, end);
    } else {
      space.insert(file(start, end, 1000, path));
    }
    for (std::uint64_t page = start; page < end; ++page) {
      pages[page] = path;
      offsets[page] = 1000 + page - start;
    }
    for (std::uint64_t page = 0; page < 64; ++page) {
      const proc::Mapping* found = space.find(page);
      ASSERT_EQ(found == nullptr ? "" : found->path, pages[page]);
      if (found == nullptr) continue;
      ASSERT_EQ(found->offset + page - found->start, offsets[page]);
    }
  }
}

}  // namespace
}  // namespace tc::symbol
