#include "sandbox/outcome_wire.h"

#include <gtest/gtest.h>

namespace tc::sandbox {
namespace {

Outcome full_outcome() {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kDeadlock;
  outcome.status = 123;
  outcome.report = std::string("p1 waits\0 for \xff", 15);
  outcome.notes = {"one", "", "three"};
  outcome.weaker = {"no pid namespace"};
  outcome.statistics.stops = 1;
  outcome.statistics.spins = 1ULL << 63U;
  outcome.statistics.virtual_ns = -5;
  outcome.statistics.calls = {{"openat", 3}, {"read", 7}};
  return outcome;
}

TEST(OutcomeWire, CarriesEveryField) {
  const Outcome sent = full_outcome();
  const Result<Outcome> got = unpack_outcome(pack_outcome(sent));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->kind, sent.kind);
  EXPECT_EQ(got->status, sent.status);
  EXPECT_EQ(got->report, sent.report);
  EXPECT_EQ(got->notes, sent.notes);
  EXPECT_EQ(got->weaker, sent.weaker);
  EXPECT_EQ(got->statistics.stops, sent.statistics.stops);
  EXPECT_EQ(got->statistics.spins, sent.statistics.spins);
  EXPECT_EQ(got->statistics.virtual_ns, sent.statistics.virtual_ns);
  EXPECT_EQ(got->statistics.calls, sent.statistics.calls);
}

TEST(OutcomeWire, CarriesAnErrorWithItsCode) {
  const Result<Outcome> got = unpack_outcome(pack_outcome(Error("mount /proc", 13)));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().text(), "mount /proc");
  EXPECT_EQ(got.error().code(), 13);
}

TEST(OutcomeWire, RefusesWhatIsNotWhole) {
  const std::string whole = pack_outcome(full_outcome());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(unpack_outcome(std::string_view(whole).substr(0, size))) << size;
  EXPECT_FALSE(unpack_outcome(whole + "x"));
}

}  // namespace
}  // namespace tc::sandbox
