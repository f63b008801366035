// The example tool of typed handlers on a real program.
#include <unistd.h>

#include <string>

#include "kernel/kernel_test.h"
#include "support/process.h"

namespace tc::test {
namespace {

const std::string kPretendHost = std::string(TC_EXAMPLES_DIR) + "/pretend_host";

TEST(Handlers, RewriteWhatTheKernelAnswered) {
  const Ended ended = run({kPretendHost, "/usr/bin/uname", "-n", "-s"});
  EXPECT_EQ(ended.status, 0) << ended.error;
  EXPECT_EQ(ended.output, "Linux testchamber\n");
}

TEST(Handlers, ReachEveryProcessOfTheTree) {
  const Ended ended = run({kPretendHost, "/bin/sh", "-c", "(uname -n; exit 3) & wait $!"});
  EXPECT_EQ(ended.status, 3) << ended.error;
  EXPECT_EQ(ended.output, "testchamber\n");
}

TEST(Handlers, AnswerWithoutTheKernel) {
  const Ended ended = run({kPretendHost, "/usr/bin/python3", "-c",
                           "import os; print(os.getrandom(4).hex(), os.getrandom(8).hex())"});
  EXPECT_EQ(ended.status, 0) << ended.error;
  EXPECT_EQ(ended.output, "00000000 0000000000000000\n");
}

TEST(Handlers, PassTheStatusOn) {
  EXPECT_EQ(run({kPretendHost, "/bin/sh", "-c", "kill -TERM $$"}).status, 128 + 15);
  EXPECT_EQ(run({kPretendHost, "/nonexistent"}).status, 125);
}

}  // namespace
}  // namespace tc::test
