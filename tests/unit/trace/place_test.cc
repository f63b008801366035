#include "trace/place.h"

#include <gtest/gtest.h>

namespace tc::trace {
namespace {

constexpr const char* kSelf = "/proc/self/exe";

TEST(Place, FindsAFunctionOfTheProgram) {
  const Result<Place> place = find_place("main", kSelf);
  ASSERT_TRUE(place.ok()) << place.error().text();
  EXPECT_NE(place->file.find("trace_test"), std::string::npos);
  EXPECT_NE(place->file_offset, 0U);
}

// /bin/true of Debian is stripped: its main is what the entry code tells libc.
TEST(Place, FindsMainOfAStrippedProgram) {
  const Result<Place> place = find_place("main", "/bin/true");
  ASSERT_TRUE(place.ok()) << place.error().text();
  EXPECT_NE(place->file_offset, 0U);
}

TEST(Place, FindsAFunctionOfALibraryByTheLoadersName) {
  const Result<Place> place = find_place("libc.so.6:malloc", "/bin/true");
  ASSERT_TRUE(place.ok()) << place.error().text();
  EXPECT_NE(place->file.find("libc.so.6"), std::string::npos);
}

TEST(Place, TakesAnOffsetAsSymbolTablesHaveIt) {
  const Result<Place> by_name = find_place("libc.so.6:malloc", "/bin/true");
  ASSERT_TRUE(by_name.ok());
  // In the text segment of Debian's libc virtual address and file offset are the same.
  const Result<Place> by_offset =
      find_place(fmt::format("libc.so.6+0x{:x}", by_name->file_offset), "/bin/true");
  ASSERT_TRUE(by_offset.ok()) << by_offset.error().text();
  EXPECT_EQ(by_offset->file_offset, by_name->file_offset);
}

TEST(Place, NamesWhatItDoesNotFind) {
  for (const auto& [text, missing] : {std::pair{"no_such_function", "no_such_function"},
                                      {"libnothere.so:f", "libnothere.so"},
                                      {"libc.so.6+0xzz", "MODULE+0xOFFSET"},
                                      {"/no/such/file:main", "/no/such/file"}}) {
    const Result<Place> place = find_place(text, "/bin/true");
    ASSERT_FALSE(place.ok()) << text;
    EXPECT_NE(place.error().text().find(missing), std::string::npos) << place.error().text();
  }
}

}  // namespace
}  // namespace tc::trace
