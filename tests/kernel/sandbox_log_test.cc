// The log of a sandbox's run: the same to the byte whether its calls stopped or eBPF programs told
// them, and whole.
#include "kernel/kernel_test.h"
#include "kernel/sandbox_run.h"
#include "kernel/trace_run.h"

namespace tc::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// Nobody, as Debian numbers it.
constexpr uid_t kNobody = 65534;

SandboxCase through(const char* engine, SandboxCase what) {
  what.options.insert(what.options.end(), {"--log-engine", engine, "--stats"});
  return what;
}

// From the statistics on standard error; -1: it is not told.
long calls_stopped_and_passed(const SandboxRun& run) {
  const std::size_t end = run.error.find("  calls stopped and passed");
  if (end == std::string::npos) return -1;
  return std::stol(run.error.substr(run.error.rfind('\n', end) + 1));
}

std::size_t count(const std::string& text, std::string_view word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    ++found;
  return found;
}

class SandboxLog : public KernelTest {
 protected:
  Workplace place_;
};

class SandboxLogCase : public SandboxLog, public testing::WithParamInterface<SandboxCase> {};

TEST_P(SandboxLogCase, IsTheSameThroughBothEngines) {
  const SandboxRun stopped = run_case(through("ptrace", GetParam()), place_, 1);
  ASSERT_EQ(stopped.status, GetParam().status) << stopped.error;
  EXPECT_GT(calls_stopped_and_passed(stopped), 0);
  for (int serial = 2; serial < 4; ++serial) {
    const SandboxRun told = run_case(through("bpf", GetParam()), place_, serial);
    EXPECT_EQ(told.status, stopped.status) << told.error;
    EXPECT_EQ(calls_stopped_and_passed(told), 0);
    EXPECT_EQ(first_difference(stopped.output, told.output), "no difference");
    EXPECT_EQ(first_difference(stopped.log, told.log), "no difference");
  }
}

constexpr const char* kThreads = R"(
import threading
lock = threading.Lock()
def work(n):
    for i in range(20):
        with lock: open("f%d" % n, "a").write("x" * i)
ts = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for t in ts: t.start()
for t in ts: t.join()
)";

// Calls with arguments of which the kernel makes nothing, before or after it has looked at memory.
constexpr const char* kFailures = R"(
import ctypes, mmap, os
libc = ctypes.CDLL(None)
page = mmap.mmap(-1, 8192)
page[:] = bytes(8192)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
for call in (21, 80, 22, 131, 233, 319):
    for pointer in (0, 1, address, address + 4096):
        libc.syscall(call, ctypes.c_long(pointer), ctypes.c_long(pointer), -1, ctypes.c_long(pointer))
libc.syscall(13, 99, ctypes.c_long(address), 0, 8)
libc.syscall(14, 99, ctypes.c_long(address), 0, 8)
libc.syscall(14, 0, ctypes.c_long(address), 0, 7)
)";

constexpr const char* kSignals = R"(
trap 'echo usr1' USR1; trap 'echo alarm; exit 3' ALRM
kill -USR1 $$
(sleep 2; kill -ALRM $$) &
wait; wait; wait
)";

SandboxCase python(std::string name, std::string script) {
  return {.name = std::move(name),
          .command = {"/usr/bin/python3", "-c", std::move(script)},
          .options = {"--discard"}};
}

SandboxCase bash(std::string name, std::string script, int status = 0) {
  return {.name = std::move(name), .command = {"bash", "-c", std::move(script)}, .status = status};
}

INSTANTIATE_TEST_SUITE_P(
    , SandboxLogCase,
    testing::Values(SandboxCase{.name = "True", .command = {"true"}},
                    bash("Pipeline", "seq 200 | xargs -n20 -P3 echo | sort | head -3; date >f"),
                    bash("Signals", kSignals, 3),
                    bash("Programs",
                         "nonexistent; (exec env -i true); ulimit -n 20; exec sh -c "
                         "'cd /; pwd; kill -TERM $$'",
                         143),
                    python("Threads", kThreads), python("Failures", kFailures)),
    [](const auto& test) { return test.param.name; });

// Meanwhile nothing stops, so nobody but the watchdog has an occasion to read.
TEST_F(SandboxLog, LosesNoneOfAMillionCalls) {
  const SandboxCase what =
      python("Loop", "import os\nfor i in range(1000000): os.umask(0o42)\nprint('end')");
  const SandboxRun run = run_case(through("bpf", what), place_, 0);
  EXPECT_EQ(run.output, "end\n") << run.error;
  EXPECT_EQ(count(run.log, R"("call":"umask")"), 1000000U);
  EXPECT_EQ(count(run.log, R"("event":"lost")"), 0U);
  EXPECT_THAT(run.error, Not(HasSubstr("the log is without")));
}

TEST_F(SandboxLog, IsWrittenWithoutPrivilegesToo) {
  const auto as_nobody = [&](const char* engine) {
    return run(Command{.argv = sandbox_command({"--log", place_ / "log", "--log-engine", engine},
                                               {"true"}),
                       .directory = place_.directory(),
                       .user = kNobody},
               kSandboxPatience);
  };
  const Ended refused = as_nobody("bpf");
  EXPECT_EQ(refused.status, 125);
  EXPECT_THAT(refused.error, HasSubstr("--log-engine bpf: observing needs CAP_BPF"));
  const Ended stopped = as_nobody("auto");
  EXPECT_EQ(stopped.status, 0) << stopped.error;
  EXPECT_THAT(read_bytes(place_ / "log"), HasSubstr(R"("call":"mprotect")"));
}

}  // namespace
}  // namespace tc::test
