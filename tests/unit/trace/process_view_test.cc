#include "trace/process_view.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>

#include "base/file.h"

namespace tc::trace {
namespace {

TEST(ProcessView, TellsWhatIsKnownOfALivingProcess) {
  const auto view = live_process_view();
  const auto pid = static_cast<std::uint32_t>(getpid());
  const auto kept = base::open_file("/dev/null", O_RDONLY);
  ASSERT_TRUE(kept);
  const base::UniqueFd inherited(dup(kept->get()));

  EXPECT_EQ(view->working_directory(pid), *base::read_link("/proc/self/cwd"));
  const auto descriptors = view->descriptors(pid);
  ASSERT_TRUE(descriptors.contains(kept->get()));
  EXPECT_EQ(descriptors.at(kept->get()).target, "/dev/null");
  EXPECT_TRUE(descriptors.at(kept->get()).close_on_exec);
  EXPECT_FALSE(descriptors.at(inherited.get()).close_on_exec);
  EXPECT_THAT(view->mappings(pid), testing::HasSubstr("[stack]"));
  EXPECT_EQ(view->ancestors(pid).front(), static_cast<std::uint32_t>(getppid()));
}

TEST(ProcessView, TellsNothingOfAProcessThatIsNot) {
  const auto view = live_process_view();
  EXPECT_EQ(view->working_directory(0x7fffffff), "");
  EXPECT_TRUE(view->descriptors(0x7fffffff).empty());
  EXPECT_EQ(view->mappings(0x7fffffff), "");
  EXPECT_TRUE(view->ancestors(0x7fffffff).empty());
}

TEST(ProcessView, TellsWhenTheHostWasBooted) {
  timespec boot{};
  clock_gettime(CLOCK_BOOTTIME, &boot);
  const std::int64_t now = live_process_view()->boot_time_ns() / 1'000'000'000 + boot.tv_sec;
  EXPECT_NEAR(static_cast<double>(now), static_cast<double>(std::time(nullptr)), 5);
}

}  // namespace
}  // namespace tc::trace
