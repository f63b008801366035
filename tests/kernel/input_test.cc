// What a user gets wrong, or a host lacks: an error that names the object and a way on, with the
// exit status of tc itself.
#include <filesystem>
#include <fstream>

#include "kernel/kernel_test.h"
#include "kernel/observation.h"

namespace tc::test {
namespace {

class Input : public KernelTest {};

constexpr int kOwnFailure = 125;
constexpr int kTrouble = 2;
constexpr uid_t kNobody = 65534;

Ended observe(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {TC_PROGRAM, "observe"});
  return run(arguments);
}

// Status, and every one of the words in the message; no evidence.
void expect_refused(const Ended& ended, int status, const std::vector<std::string>& words) {
  EXPECT_EQ(ended.status, status);
  EXPECT_EQ(ended.output, "");
  EXPECT_THAT(ended.error, testing::StartsWith("tc: "));
  for (const std::string& word : words) EXPECT_THAT(ended.error, testing::HasSubstr(word));
}

TEST_F(Input, NothingToObserveIsTold) {
  expect_refused(observe({}), kOwnFailure, {"--pid", "--cgroup", "--container", "--all", "-- "});
}

TEST_F(Input, ADeadProcessIsTold) {
  int pid = 0;
  {
    Process process(std::vector<std::string>{"true"});
    pid = process.pid();
    process.wait();
  }
  expect_refused(observe({"--pid", std::to_string(pid)}), kOwnFailure,
                 {"process " + std::to_string(pid), "ps -e"});
}

TEST_F(Input, ProcessZeroIsTold) {
  expect_refused(observe({"--pid", "0"}), kOwnFailure, {"process 0"});
}

TEST_F(Input, AWordForAProcessIsTold) {
  expect_refused(observe({"--pid", "nginx"}), kOwnFailure, {"--pid", "nginx"});
  expect_refused(observe({"--pid", "-5"}), kOwnFailure, {"--pid", "-5"});
}

TEST_F(Input, AThreadIsToldWithItsProcess) {
  Process process({"/usr/bin/python3", "-c",
                   "import threading\n"
                   "def body():\n"
                   "  print(threading.get_native_id(), flush=True)\n"
                   "  input()\n"
                   "threading.Thread(target=body).start()\n"});
  const std::string thread = process.next_line();
  expect_refused(observe({"--pid", thread}), kOwnFailure,
                 {"process " + thread, "thread", std::to_string(process.pid())});
}

TEST_F(Input, AnUnknownEventIsToldWithThoseThereAre) {
  expect_refused(observe({"--events", "file_acess", "--", "true"}), kOwnFailure,
                 {"file_acess", "file_access", "process_exec", "tcp_state", "ssl_op"});
}

TEST_F(Input, AFunctionWithoutModuleIsToldWithAnExample) {
  for (const char* text : {"deflate", ":deflate", "libz.so:"})
    expect_refused(observe({"--symbol", text, "--", "true"}), kOwnFailure,
                   {text, "MODULE:GLOB", "libz.so*:deflate*"});
}

TEST_F(Input, SymbolCallsWithoutFunctionsAreTold) {
  expect_refused(observe({"--events", "symbol_call", "--", "true"}), kOwnFailure,
                 {"symbol_call", "--symbol MODULE:GLOB"});
}

TEST_F(Input, ADirectoryThatIsNoCgroupIsTold) {
  expect_refused(observe({"--cgroup", "/etc"}), kOwnFailure, {"/etc", "cgroup"});
  expect_refused(observe({"--cgroup", "/tc-no-such-cgroup"}), kOwnFailure, {"/tc-no-such-cgroup"});
}

TEST_F(Input, AnUnknownContainerIsTold) {
  expect_refused(observe({"--container", "deadbeef0000"}), kOwnFailure,
                 {"container deadbeef0000", "container_id"});
}

TEST_F(Input, AnUnknownOptionIsTold) {
  expect_refused(observe({"--colour-blind", "--", "true"}), kOwnFailure,
                 {"--colour-blind", "--help"});
}

TEST_F(Input, ACommandWithoutDashesIsTold) {
  expect_refused(observe({"ls", "/etc"}), kOwnFailure, {"ls", "behind --"});
}

TEST_F(Input, OddQuantitiesAreToldWithAnExample) {
  expect_refused(observe({"--duration", "soon", "--", "true"}), kOwnFailure, {"soon", "10s"});
  expect_refused(observe({"--buffer", "lots", "--", "true"}), kOwnFailure, {"lots", "64K"});
  expect_refused(observe({"--buffer", "2G", "--", "true"}), kOwnFailure, {"--buffer 2G", "1G"});
}

TEST_F(Input, AnOutputThatCannotBeWrittenIsTold) {
  expect_refused(observe({"--output", "/tc-no-such-directory/x", "--", "true"}), kTrouble,
                 {"/tc-no-such-directory/x", "No such file or directory"});
  expect_refused(observe({"--output", "/etc", "--", "true"}), kTrouble, {"/etc", "directory"});
}

TEST_F(Input, ARefusedObservationLeavesTheCommandUnstarted) {
  ScratchDirectory directory;
  const std::string made = directory / "made";
  observe({"--btf", "/tc-no-such-btf", "--", "touch", made});
  EXPECT_FALSE(std::filesystem::exists(made));
}

TEST_F(Input, AMissingBtfIsTold) {
  expect_refused(observe({"--btf", "/tc-no-such-btf", "--", "true"}), kOwnFailure,
                 {"/tc-no-such-btf", "BTF", "--btf FILE", "CONFIG_DEBUG_INFO_BTF"});
}

TEST_F(Input, AnEmptyBtfIsTold) {
  ScratchDirectory directory;
  const std::string empty = directory / "empty.btf";
  std::ofstream{empty};
  expect_refused(observe({"--btf", empty, "--", "true"}), kOwnFailure, {empty, "BTF"});
}

// --- an ordinary user ----------------------------------------------------------------------------

// The build directory may be closed to others.
class Unprivileged : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    program_ = directory_ / "tc";
    std::filesystem::copy_file(TC_PROGRAM, program_);
  }
  Command as_nobody(std::vector<std::string> argv) const {
    return {.argv = std::move(argv), .directory = directory_.path(), .user = kNobody};
  }

  ScratchDirectory directory_;
  std::string program_;
};

TEST_F(Unprivileged, IsToldWhichCapabilitiesAndHow) {
  const Ended ended = run(as_nobody({program_, "observe", "--", "true"}));
  expect_refused(ended, kOwnFailure, {"CAP_BPF", "CAP_PERFMON", "sudo setcap", program_});
}

TEST_F(Unprivileged, NeedsOnlyTwoCapabilities) {
  const std::string path = directory_ / "evidence.ndjson";
  const std::string two = "+bpf,+perfmon";
  const Ended ended = run(Command{.argv = {"setpriv",
                                           "--reuid",
                                           "65534",
                                           "--regid",
                                           "65534",
                                           "--clear-groups",
                                           "--inh-caps",
                                           two,
                                           "--ambient-caps",
                                           two,
                                           "--bounding-set",
                                           "-all," + two,
                                           program_,
                                           "observe",
                                           "--output",
                                           path,
                                           "--",
                                           "sh",
                                           "-c",
                                           "cat /tc-as-nobody; :"},
                                  .directory = directory_.path()});
  EXPECT_EQ(ended.status, 0) << ended.error;
  const Evidence evidence = read_evidence(path);
  const Json open = evidence.only({{"event", "file_access"}, {"path", "/tc-as-nobody"}});
  EXPECT_EQ(open.at("uid"), kNobody);
  EXPECT_EQ(open.at("comm"), "cat");
  const Json exec = evidence.only({{"event", "process_exec"}, {"pid", open.at("pid")}});
  EXPECT_EQ(exec.at("argv"), Json({"cat", "/tc-as-nobody"}));
}

}  // namespace
}  // namespace tc::test
