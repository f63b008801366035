#include "trace/variance.h"

#include <gtest/gtest.h>

namespace tc::trace {
namespace {

bool varies(std::string_view call, std::string_view failure = {}) {
  event::Record record;
  record.start("syscall");
  record.add("call", call);
  if (!failure.empty()) record.add("error", failure);
  return is_variance(record);
}

TEST(Variance, IsContentionAndInterruption) {
  EXPECT_TRUE(varies("flock"));
  EXPECT_TRUE(varies("futex", "EAGAIN"));
  EXPECT_TRUE(varies("read", "EINTR"));
  EXPECT_TRUE(varies("wait4", "ERESTARTSYS"));
  EXPECT_TRUE(varies("restart_syscall"));
}

TEST(Variance, IsNotWhatAProgramDecidesButWhenAChildsEndIsTold) {
  EXPECT_FALSE(varies("read"));
  EXPECT_FALSE(varies("openat", "ENOENT"));
  event::Record signal;
  signal.start("signal");
  signal.add("signal", std::string_view("SIGUSR1"));
  EXPECT_FALSE(is_variance(signal));
  signal.start("signal");
  signal.add("signal", std::string_view("SIGCHLD"));
  EXPECT_TRUE(is_variance(signal));
}

}  // namespace
}  // namespace tc::trace
