#include "sandbox/namespaces.h"

#include <gtest/gtest.h>

namespace tc::sandbox {
namespace {

constexpr const char* kAll = "         0          0 4294967295\n";

TEST(UserInside, IsRootUnlessTold) {
  EXPECT_EQ(parse_user_inside("")->uid, 0U);
  EXPECT_EQ(parse_user_inside("1000")->gid, 1000U);
  const Result<UserInside> user = parse_user_inside("1000:100");
  EXPECT_EQ(user->uid, 1000U);
  EXPECT_EQ(user->gid, 100U);
}

TEST(UserInside, IsNumbers) {
  for (const char* text : {"root", "1000:", ":5", "1:2:3", "-1", "4294967295", "4294967296"})
    EXPECT_FALSE(parse_user_inside(text)) << text;
}

TEST(IdMap, OfAnOrdinaryUserIsOneId) { EXPECT_EQ(id_map(kAll, 1000, 0, false), "0 1000 1\n"); }

TEST(IdMap, OfRootKeepsEveryId) { EXPECT_EQ(id_map(kAll, 0, 0, true), "0 0 4294967295\n"); }

TEST(IdMap, OfRootChangesPlacesWithWhatItIsInside) {
  EXPECT_EQ(id_map(kAll, 0, 1000, true), "0 1000 1\n1 1 999\n1000 0 1\n1001 1001 4294966294\n");
}

// Of a container, where not every id is there.
TEST(IdMap, HasNoIdThatTheWriterHasNot) {
  const std::string own = "0 100000 10\n1000 5000 1\n";
  EXPECT_EQ(id_map(own, 0, 0, true), "0 0 10\n1000 1000 1\n");
  EXPECT_EQ(id_map(own, 0, 1000, true), "0 1000 1\n1 1 9\n1000 0 1\n");
  EXPECT_EQ(id_map(own, 0, 77, true), "1 1 9\n77 0 1\n1000 1000 1\n");
}

}  // namespace
}  // namespace tc::sandbox
