// Reading an inotify descriptor: the test watches a directory of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "determinism/calls.h"
#include "support/own_tracee.h"
#include "support/scratch_directory.h"

namespace tc::determinism {
namespace {

using test::address_of;
using test::OwnTracee;

class WatchTest : public testing::Test {
 protected:
  WatchTest() {
    add_transfer_calls(handlers_, world_);
    EXPECT_GE(inotify_add_watch(watch_.get(), scratch_.path().c_str(), IN_MOVE | IN_CREATE), 0);
    EXPECT_TRUE(base::open_file(scratch_ / "a", O_CREAT | O_WRONLY).ok());
  }

  void rename_file(const char* from, const char* to) {
    EXPECT_EQ(std::rename((scratch_ / from).c_str(), (scratch_ / to).c_str()), 0);
  }
  // The cookies of the events that one read of so many bytes gives.
  std::vector<std::uint32_t> read_cookies(std::size_t size) {
    std::array<char, 4096> bytes{};
    sys::call::read call{};
    call.fd.value = watch_.get();
    call.buf.address = address_of(bytes.data());
    call.count.value = size;
    const std::int64_t count = guest_.run(handlers_, call);
    std::vector<std::uint32_t> cookies;
    for (std::int64_t at = 0; at < count;) {
      inotify_event event{};
      std::memcpy(&event, bytes.data() + at, sizeof(event));
      cookies.push_back(event.cookie);
      at += static_cast<std::int64_t>(sizeof(event) + event.len);
    }
    return cookies;
  }

  World world_{Settings{}};
  guest::Handlers handlers_;
  OwnTracee guest_{1};
  const test::ScratchDirectory scratch_;
  const UniqueFd watch_{inotify_init1(0)};
};

TEST_F(WatchTest, CountsRenamesFromOneOn) {
  rename_file("a", "b");
  rename_file("b", "c");
  EXPECT_EQ(read_cookies(4096), (std::vector<std::uint32_t>{0, 1, 1, 2, 2}));
}

TEST_F(WatchTest, KeepsTheHalvesOfARenameTogetherOverTwoReads) {
  EXPECT_EQ(read_cookies(4096), (std::vector<std::uint32_t>{0}));
  rename_file("a", "b");
  constexpr std::size_t kOneEvent = sizeof(inotify_event) + 16;
  EXPECT_EQ(read_cookies(kOneEvent), (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(read_cookies(kOneEvent), (std::vector<std::uint32_t>{1}));
}

TEST_F(WatchTest, WaitsForAnEvent) {
  read_cookies(4096);
  std::array<char, 64> bytes{};
  sys::call::read call{};
  call.fd.value = watch_.get();
  call.buf.address = address_of(bytes.data());
  call.count.value = bytes.size();
  guest_.start(handlers_, call);
  ASSERT_TRUE(guest_.is_waiting());
  guest_.wake(guest::Woken::kSignal);
  EXPECT_TRUE(guest_.is_interrupted());
}

}  // namespace
}  // namespace tc::determinism
