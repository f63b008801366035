// Outputs that take no more: what was written stays valid, and the observed command is not hurt.
#include <sys/mount.h>

#include "kernel/kernel_test.h"
#include "kernel/observation.h"

namespace tc::test {
namespace {

class FailingOutput : public KernelTest {};

// A small filesystem for as long as a test needs it.
class SmallFilesystem {
 public:
  SmallFilesystem() {
    if (mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "size=256k") != 0)
      throw std::runtime_error("mount a tmpfs");
  }
  SmallFilesystem(const SmallFilesystem&) = delete;
  SmallFilesystem& operator=(const SmallFilesystem&) = delete;
  ~SmallFilesystem() { umount2(directory_.path().c_str(), MNT_DETACH); }
  std::string operator/(const std::string& name) const { return directory_ / name; }

 private:
  ScratchDirectory directory_;
};

class FullDisk : public KernelTest, public testing::WithParamInterface<const char*> {};

TEST_P(FullDisk, KeepsWhatFitsValidAndSaysSo) {
  SmallFilesystem disk;
  const std::string path = disk / GetParam();
  const Ended observed = run(
      {TC_PROGRAM, "observe", "--output", path, "--", guest("open_loop"), "200000", "/tc-opened"});
  EXPECT_EQ(observed.status, 2);
  EXPECT_THAT(observed.error, testing::HasSubstr(path));
  EXPECT_THAT(observed.error, testing::HasSubstr("No space left"));
  EXPECT_THAT(observed.output, testing::HasSubstr("count 200000"));  // the command ran to its end
  const Ended validated = run({TC_PROGRAM, "validate", path});
  EXPECT_EQ(validated.status, 0) << validated.output << validated.error;
  const Evidence evidence = read_evidence(path);
  EXPECT_GT(evidence.count({{"event", "file_access"}}), 100U);
  EXPECT_EQ(evidence.count({{"event", "lost"}, {"reason", "output_full"}}), 1U);
}

INSTANTIATE_TEST_SUITE_P(Files, FullDisk, testing::Values("evidence.ndjson", "evidence.ndjson.zst"),
                         [](const testing::TestParamInfo<const char*>& row) {
                           return std::string(row.param).ends_with(".zst") ? "Zstandard" : "Plain";
                         });

TEST_F(FailingOutput, EndsQuietlyWhenItsReaderIsGone) {
  Process opener({"sh", "-c", "read line; " + guest("open_loop") + " 10000 /tc-opened"});
  Process tc({TC_PROGRAM, "observe", "--pid", std::to_string(opener.pid())});
  tc.await_error_line("tc: observing");
  opener.write("go\n");
  EXPECT_THAT(tc.next_line(), testing::HasSubstr("stream_start"));
  tc.close_output();
  opener.await_output_line("count");
  EXPECT_EQ(tc.wait(), 128 + SIGPIPE);
  EXPECT_EQ(tc.error().find('\n'), tc.error().size() - 1) << tc.error();
}

class FailedCommand : public KernelTest {};

TEST_F(FailedCommand, LeavesAWholeStream) {
  const ScratchDirectory directory;
  const std::string path = directory / "evidence.ndjson";
  EXPECT_EQ(run({TC_PROGRAM, "observe", "--output", path, "--", "/tc-no-such-program"}).status,
            127);
  const Ended validated = run({TC_PROGRAM, "validate", path});
  EXPECT_EQ(validated.status, 0) << validated.output << validated.error;
}

}  // namespace
}  // namespace tc::test
