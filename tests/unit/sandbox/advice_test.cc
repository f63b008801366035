#include "sandbox/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tc::sandbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Advice, IsNoneWhenNothingIsLetThrough) {
  EXPECT_THAT(advise(Options{}, "mmap", "{}", {}), IsEmpty());
}

TEST(Advice, NamesWhatTheEventShowsFirst) {
  Options options;
  options.aslr = true;
  options.settings.real_proc = true;
  EXPECT_THAT(advise(options, "openat", R"({"file":"/proc/uptime"})", {}),
              ElementsAre(HasSubstr("--real-proc"), HasSubstr("--aslr")));
  EXPECT_THAT(advise(options, "mmap", "{}", {}),
              ElementsAre(HasSubstr("--aslr"), HasSubstr("--real-proc")));
}

TEST(Advice, EndsWithWhatTheHostCouldNotGive) {
  Options options;
  options.network = Network::kHost;
  EXPECT_THAT(
      advise(options, "", "",
             {"no pid namespace (Operation not permitted)", "no user namespace (--no-userns)"}),
      ElementsAre(HasSubstr("--network host"), HasSubstr("no pid namespace")));
}

}  // namespace
}  // namespace tc::sandbox
