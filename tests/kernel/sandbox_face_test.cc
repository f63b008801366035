// What `tc sandbox` offers and promises at the command line: exit statuses, options, --verify.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "kernel/sandbox_run.h"
#include "kernel/trace_run.h"

namespace tc::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

Ended sandbox(const Words& options, const Words& command, const Workplace& place) {
  return run(Command{.argv = sandbox_command(options, command), .directory = place.directory()},
             kSandboxPatience);
}

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

class SandboxFace : public testing::Test {
 protected:
  Ended shell(const Words& options, const std::string& script) const {
    return sandbox(options, {"sh", "-c", script}, place_);
  }
  std::string file(const std::string& name) const { return place_.directory() + "/" + name; }

  Workplace place_;
};

// --- exit statuses --------------------------------------------------------------------------

TEST_F(SandboxFace, PassesTheStatusOn) {
  EXPECT_EQ(shell({}, "exit 7").status, 7);
  EXPECT_EQ(shell({}, "kill -9 $$").status, 128 + 9);
}

TEST_F(SandboxFace, TellsThatTheCommandIsMissing) {
  const Ended missing = sandbox({}, {"no-such-program"}, place_);
  EXPECT_EQ(missing.status, 127);
  EXPECT_THAT(missing.error, HasSubstr("no-such-program"));
  write_text(file("plain"), "text");
  const Ended plain = sandbox({}, {"./plain"}, place_);
  EXPECT_EQ(plain.status, 126);
  EXPECT_THAT(plain.error, HasSubstr("plain"));
}

TEST_F(SandboxFace, RefusesWhatItCannotRead) {
  const std::vector<Words> wrong = {{"--epoch", "yesterday"},
                                    {"--clock-step", "-3"},
                                    {"--seed", "x"},
                                    {"--env", "=x"},
                                    {"--base-env", "some"},
                                    {"--network", "wide"},
                                    {"--tmp", "none"},
                                    {"--mtime", "never"},
                                    {"--timeout", "soon"},
                                    {"--bind", "nothing"},
                                    {"--no-such-option"},
                                    {"--root", "/does/not/exist"},
                                    {"--workdir", "/does/not/exist"}};
  for (const Words& options : wrong) {
    const Ended ended = shell(options, "echo ran");
    EXPECT_EQ(ended.status, 125) << options.front() << ended.output << ended.error;
    EXPECT_EQ(ended.output, "") << options.front();
    EXPECT_NE(ended.error, "") << options.front();
  }
  EXPECT_EQ(shell({"--verify=0"}, "echo ran").status, 2);
  EXPECT_EQ(run({TC_PROGRAM, "sandbox"}).status, 125);
  EXPECT_EQ(run({TC_PROGRAM, "sandbox", "--help"}).status, 0);
}

TEST_F(SandboxFace, EndsWhenItsTimeIsOver) {
  // Time of the real clock: a loop that no virtual clock ends.
  const Ended ended = shell({"--timeout", "1s"}, "i=0; while :; do i=$((i+1)); done");
  EXPECT_EQ(ended.status, 124) << ended.error;
}

// --- options ---------------------------------------------------------------------------------

TEST_F(SandboxFace, StartsAtTheEpoch) {
  EXPECT_EQ(shell({"--epoch", "@0"}, "date +%s").output, "0\n");
  EXPECT_EQ(shell({"--epoch", "2001-02-03T04:05:06Z"}, "date +%s").output, "981173106\n");
  const Ended now = shell({"--epoch", "now"}, "date +%s");
  EXPECT_LE(std::abs(std::stol(now.output) - time(nullptr)), 60);
  const Ended named = run(Command{.argv = sandbox_command({}, {"date", "+%s"}),
                                  .environment = {"SOURCE_DATE_EPOCH=1000"},
                                  .directory = place_.directory()});
  EXPECT_EQ(named.output, "1000\n");
}

TEST_F(SandboxFace, DrawsFromTheSeed) {
  const std::string draw = "head -c 8 /dev/urandom | od -An -tx8";
  const std::string first = shell({"--seed", "1"}, draw).output;
  EXPECT_EQ(shell({"--seed", "1"}, draw).output, first);
  EXPECT_NE(shell({"--seed", "2"}, draw).output, first);
}

TEST_F(SandboxFace, StepsTheClock) {
  const std::string read = "a=$(date +%s%N); b=$(date +%s%N); echo $((b - a))";
  const long small = std::stol(shell({"--clock-step", "1us"}, read).output);
  const long large = std::stol(shell({"--clock-step", "1ms"}, read).output);
  EXPECT_GT(large, small);
}

TEST_F(SandboxFace, GivesTheEnvironmentThatIsAskedFor) {
  EXPECT_EQ(
      sandbox({"--base-env", "empty", "--env", "A=1", "--env", "B=x=y"}, {"/usr/bin/env"}, place_)
          .output,
      "A=1\nB=x=y\n");
  const Words print = {"/usr/bin/printenv", "TC_TEST_WORD"};
  const auto with = [&](const Words& options) {
    return run(Command{.argv = sandbox_command(options, print),
                       .environment = {"TC_TEST_WORD=here"},
                       .directory = place_.directory()});
  };
  EXPECT_EQ(with({"--env", "TC_TEST_WORD"}).output, "here\n");
  EXPECT_EQ(with({"--base-env", "host"}).output, "here\n");
  EXPECT_EQ(with({}).output, "");
}

TEST_F(SandboxFace, BindsDirectories) {
  std::filesystem::create_directory(place_ / "source");
  write_text(place_ / "source/word", "bound");
  const Ended ended = shell({"--bind", (place_ / "source") + ":/mnt"}, "cat /mnt/word");
  EXPECT_EQ(ended.output, "bound") << ended.error;
}

TEST_F(SandboxFace, StartsInTheDirectoryThatIsNamed) {
  EXPECT_EQ(shell({"--workdir", "/usr"}, "pwd").output, "/usr\n");
}

TEST_F(SandboxFace, GivesAFreshTmp) {
  const Ended fresh = shell({}, "ls -A /tmp; echo x >/tmp/tc-sandbox-test-left; ls -A /tmp");
  EXPECT_EQ(fresh.output, "tc-sandbox-test-left\n");
  EXPECT_FALSE(std::filesystem::exists("/tmp/tc-sandbox-test-left"));
  write_text("/tmp/tc-sandbox-test-host", "host");
  EXPECT_EQ(shell({"--tmp", "host"}, "cat /tmp/tc-sandbox-test-host").output, "host");
  std::filesystem::remove("/tmp/tc-sandbox-test-host");
}

TEST_F(SandboxFace, WritesWhereTheProgramWrites) {
  EXPECT_EQ(shell({}, "echo word >written").status, 0);
  EXPECT_EQ(read_bytes(file("written")), "word\n");
}

TEST_F(SandboxFace, KeepsWritesInAnOverlay) {
  write_text(file("there"), "before\n");
  std::filesystem::create_directory(place_ / "upper");
  const Ended ended =
      shell({"--overlay", place_ / "upper"}, "echo after >there; echo new >fresh; cat there fresh");
  EXPECT_EQ(ended.output, "after\nnew\n") << ended.error;
  EXPECT_EQ(read_bytes(file("there")), "before\n");
  EXPECT_FALSE(std::filesystem::exists(file("fresh")));
  const FileTree upper = read_tree(place_ / "upper");
  int found = 0;
  for (const auto& [path, content] : upper) found += path.ends_with("/fresh") || path == "fresh";
  EXPECT_EQ(found, 1);
}

TEST_F(SandboxFace, DiscardsWrites) {
  write_text(file("there"), "before\n");
  const FileTree before = read_tree(place_.directory());
  const Ended ended = shell({"--discard"}, "echo after >there; mkdir d; rm -f x; cat there");
  EXPECT_EQ(ended.output, "after\n") << ended.error;
  EXPECT_EQ(read_tree(place_.directory()), before);
}

TEST_F(SandboxFace, ShowsTheTimesOfFilesAsAsked) {
  write_text(file("old"), "x");
  run({"touch", "-d", "2001-01-01T00:00:00Z", file("old")});
  EXPECT_EQ(shell({"--mtime", "keep"}, "stat -c %Y old").output, "978307200\n");
  EXPECT_NE(shell({}, "stat -c %Y old").output, "978307200\n");
}

TEST_F(SandboxFace, OffersTheNetworkThatIsAskedFor) {
  const std::string interfaces = "cat /proc/net/dev | grep -c :";
  EXPECT_EQ(shell({"--network", "loopback"}, interfaces).output, "1\n");
  const std::string connect =
      "python3 -c 'import socket as s; a = s.socket(); "
      "a.bind((\"127.0.0.1\", 0)); a.listen(); b = s.socket(); "
      "b.connect(a.getsockname()); print(\"connected\")' 2>&1 | tail -n 1";
  EXPECT_EQ(shell({"--network", "loopback"}, connect).output, "connected\n");
  EXPECT_NE(shell({"--network", "none"}, connect).output, "connected\n");
}

TEST_F(SandboxFace, TellsEachCallWhenVerbose) {
  const Ended ended = sandbox({"--verbose"}, {"date"}, place_);
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.error, HasSubstr("clock_gettime"));
}

TEST_F(SandboxFace, CountsStops) {
  const Ended ended = sandbox({"--stats"}, {"date"}, place_);
  EXPECT_THAT(ended.error, HasSubstr("stops"));
}

TEST_F(SandboxFace, RunsWithLessWhenAsked) {
  for (const Words& options : std::vector<Words>{{"--no-userns"},
                                                 {"--no-pidns"},
                                                 {"--no-mountns"},
                                                 {"--no-userns", "--no-pidns", "--no-mountns"},
                                                 {"--real-proc"},
                                                 {"--aslr"}}) {
    const Ended ended = shell(options, "sleep 100; date +%s");
    EXPECT_EQ(ended.status, 0) << options.front() << ended.error;
    EXPECT_EQ(ended.output, "1735689700\n") << options.front();
  }
}

TEST_F(SandboxFace, MapsUsers) {
  EXPECT_EQ(shell({"--uid-map", "0"}, "id -u").output, "0\n");
  EXPECT_EQ(shell({"--uid-map", "1000:1000"}, "id -u; id -g").output, "1000\n1000\n");
}

TEST_F(SandboxFace, RunsInARootOfItsOwn) {
  // A guest without libraries is all that such a root needs.
  const std::string root = place_ / "root";
  for (const char* name : {"", "/bin", "/dev", "/proc", "/sys", "/tmp", "/work"})
    std::filesystem::create_directory(root + name);
  std::filesystem::copy_file(guest_program("sandbox/processes"), root + "/bin/processes");
  std::filesystem::copy_file("/usr/bin/busybox", root + "/bin/sh");
  const Ended guest =
      sandbox({"--root", root, "--workdir", "/work"}, {"/bin/processes", "simple_fork"}, place_);
  EXPECT_EQ(guest.status, 0) << guest.error;
  EXPECT_THAT(guest.output, HasSubstr("child"));
  const Ended box = sandbox({"--root", root}, {"/bin/sh", "-c", "echo *; echo $RANDOM"}, place_);
  EXPECT_THAT(box.output, HasSubstr("bin dev proc sys tmp work")) << box.error;
  EXPECT_EQ(sandbox({"--root", root}, {"/bin/sh", "-c", "echo *; echo $RANDOM"}, place_).output,
            box.output);
}

TEST_F(SandboxFace, WritesALogThatIsCanonical) {
  const std::string log = place_ / "log";
  ASSERT_EQ(shell({"--log", log}, "ls | cat; sleep 1").status, 0);
  EXPECT_EQ(run({TC_PROGRAM, "validate", log}).status, 0);
  const Evidence evidence = parse_evidence(read_bytes(log));
  EXPECT_GT(evidence.count({{"event", "syscall"}}), 20U);
}

// --- verify ----------------------------------------------------------------------------------

TEST_F(SandboxFace, VerifiesWhatIsTheSame) {
  const Ended ended =
      shell({"--verify"}, "date; echo $$ >file; ls -l; sleep 1; head -c 4 /dev/urandom");
  EXPECT_EQ(ended.status, 0) << ended.error;
  EXPECT_FALSE(std::filesystem::exists(file("file")));
  EXPECT_EQ(shell({"--verify=4"}, "echo x").status, 0);
}

TEST_F(SandboxFace, VerifyFindsWhatIsNot) {
  // The host's clock through the one hole there is: a directory that the host writes to.
  std::filesystem::create_directory(place_ / "host");
  const Process writer({"sh", "-c",
                        "i=0; while :; do i=$((i+1)); echo $i >" + (place_ / "host/new") + "; mv " +
                            (place_ / "host/new") + " " + (place_ / "host/now") + "; done"});
  while (!std::filesystem::exists(place_ / "host/now")) continue;
  const Ended ended = shell({"--verify=5", "--bind", (place_ / "host") + ":/mnt"}, "cat /mnt/now");
  EXPECT_EQ(ended.status, 1) << ended.output << ended.error;
  EXPECT_THAT(ended.error, HasSubstr("differ"));
}

TEST_F(SandboxFace, VerifyLeavesTheHostAsItWas) {
  write_text(file("there"), "before\n");
  const FileTree before = read_tree(place_.directory());
  EXPECT_EQ(shell({"--verify"}, "echo after >there; mkdir d").status, 0);
  EXPECT_EQ(read_tree(place_.directory()), before);
}

}  // namespace
}  // namespace tc::test
