#include <gtest/gtest.h>
#include <sys/random.h>

#include <cerrno>

#include "determinism/calls.h"
#include "support/fake_tracee.h"

namespace tc::determinism {
namespace {

constexpr std::uint64_t kPage = 0x10000;

class CallsRandom : public testing::Test {
 protected:
  CallsRandom() { guest.map(kPage, 4096); }
  std::int64_t draw(std::uint64_t address, std::uint64_t size, std::uint32_t flags = 0) {
    return guest.run(handlers,
                     sys::call::getrandom{.ubuf = {address}, .len = {size}, .flags = {flags}});
  }

  World world{Settings{}};
  guest::Handlers handlers = make_handlers(world);
  test::FakeTracee guest{1};
};

TEST_F(CallsRandom, DrawsFromTheStreamOfTheProcess) {
  guest.process().random = Random(7, 3);
  EXPECT_EQ(draw(kPage, 16), 16);
  Random same(7, 3);
  EXPECT_EQ(guest.peek<std::uint64_t>(kPage), same.next());
  EXPECT_EQ(guest.peek<std::uint64_t>(kPage + 8), same.next());
}

TEST_F(CallsRandom, RefusesFlagsThatThereAreNotOrThatExcludeEachOther) {
  EXPECT_EQ(draw(kPage, 16, 8), -EINVAL);
  EXPECT_EQ(draw(kPage, 16, GRND_RANDOM | GRND_INSECURE), -EINVAL);
  EXPECT_EQ(draw(kPage, 16, GRND_RANDOM | GRND_NONBLOCK), 16);
}

TEST_F(CallsRandom, GivesWhatFitsBeforeABadPage) {
  EXPECT_EQ(draw(kPage + 4000, 1000), 96);
  EXPECT_EQ(draw(kPage + 8192, 8), -EFAULT);
  EXPECT_EQ(draw(0, 0), 0);
}

}  // namespace
}  // namespace tc::determinism
