#include "trace/profile.h"

#include <gtest/gtest.h>

namespace tc::trace {
namespace {

TEST(Profile, NamesWhatItNormalisesInOrder) {
  EXPECT_EQ(Profile().text(),
            "addresses=module data descriptors entries inodes names pids ports random state times");
  EXPECT_EQ(Profile::raw().text(), "addresses=raw");
}

TEST(Profile, SwitchesSingleKindsOnAndOff) {
  Profile profile;
  ASSERT_TRUE(profile.apply("!pids"));
  ASSERT_TRUE(profile.apply("!times"));
  EXPECT_FALSE(profile.pids);
  EXPECT_EQ(profile.text(),
            "addresses=module data descriptors entries inodes names ports random state");
  ASSERT_TRUE(profile.apply("pids"));
  EXPECT_TRUE(profile.pids);
}

TEST(Profile, AppliesAllAndNone) {
  Profile profile;
  ASSERT_TRUE(profile.apply("none"));
  EXPECT_EQ(profile, Profile::raw());
  ASSERT_TRUE(profile.apply("ports"));
  EXPECT_EQ(profile.text(), "addresses=raw ports");
  ASSERT_TRUE(profile.apply("all"));
  EXPECT_EQ(profile, Profile());
}

TEST(Profile, ChoosesTheAddressTable) {
  Profile profile;
  for (const auto& [word, table] : {std::pair("addresses=sequential", AddressTable::kSequential),
                                    std::pair("addresses=per-call", AddressTable::kPerCall),
                                    std::pair("addresses=raw", AddressTable::kRaw),
                                    std::pair("addresses=module", AddressTable::kModule),
                                    std::pair("!addresses", AddressTable::kRaw),
                                    std::pair("addresses", AddressTable::kModule)}) {
    ASSERT_TRUE(profile.apply(word)) << word;
    EXPECT_EQ(profile.addresses, table) << word;
  }
}

TEST(Profile, RefusesWordsItDoesNotKnowAndTellsWhichItDoes) {
  Profile profile;
  for (const std::string_view word :
       {"pid", "", "!", "addresses=random", "!addresses=raw", "!all"}) {
    const auto result = profile.apply(word);
    ASSERT_FALSE(result) << word;
    EXPECT_NE(result.error().text().find("descriptors"), std::string::npos);
  }
  EXPECT_EQ(profile, Profile());
}

}  // namespace
}  // namespace tc::trace
