// What `tc diff` and `tc baseline check` say of the logs in fixtures/behaviour, to the byte: each
// format, each level, each way in which a log or a baseline can be bad.
//
// environment: TC_UPDATE_GOLDEN=1  rewrites goldens; refused when CI is set
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <vector>

#include "base/file.h"
#include "support/process.h"
#include "support/scratch_directory.h"

namespace tc::test {
namespace {

namespace fs = std::filesystem;

struct Case {
  const char* golden;  // the file; its extension is the format's
  std::vector<std::string> arguments;
  int status;
};
void PrintTo(const Case& it, std::ostream* out) { *out << it.golden; }

std::vector<std::string> diff(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "diff");
  return arguments;
}
std::vector<std::string> install(std::vector<std::string> options) {
  options.insert(options.end(), {"install-yesterday.ndjson", "install-today.ndjson"});
  return diff(std::move(options));
}
std::vector<std::string> check(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"baseline", "check"});
  return arguments;
}

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {"install.txt", install({}), 1},
      {"install-all.txt", install({"--all", "--evidence"}), 1},
      {"install-colour.txt", install({"--color", "always"}), 1},
      {"install.ndjson", install({"--format", "ndjson"}), 1},
      {"install.json", install({"--format", "json"}), 1},
      {"install.sarif", install({"--format", "sarif"}), 1},
      {"install.xml", install({"--format", "junit"}), 1},
      {"install.md", install({"--format", "markdown"}), 1},
      {"install-status.txt", install({"--level", "status"}), 0},
      {"worker-same.txt", diff({"worker-a.ndjson", "worker-a.ndjson"}), 0},
      {"worker-loops.txt", diff({"worker-a.ndjson", "worker-loops.ndjson"}), 0},
      {"worker-swapped.txt", diff({"worker-a.ndjson", "worker-swapped.ndjson"}), 0},
      {"worker-calls.txt", diff({"worker-a.ndjson", "worker-calls.ndjson"}), 0},
      {"worker-bytes.txt", diff({"--level", "bytes", "worker-a.ndjson", "worker-loops.ndjson"}), 1},
      {"lost-allowed.txt",
       diff({"--allow-loss", "install-yesterday.ndjson", "install-lost.ndjson"}), 0},
      {"lost.error", diff({"install-yesterday.ndjson", "install-lost.ndjson"}), 2},
      {"cut.error", diff({"cut.ndjson", "install-today.ndjson"}), 2},
      {"changed.error", diff({"changed.ndjson", "install-today.ndjson"}), 2},
      {"not-canonical.error", diff({"not-canonical.ndjson", "install-today.ndjson"}), 2},
      {"newer-schema.error", diff({"newer-schema.ndjson", "install-today.ndjson"}), 2},
      {"out-of-order.error", diff({"out-of-order.ndjson", "install-today.ndjson"}), 2},
      {"evidence.error", diff({"evidence.ndjson", "install-today.ndjson"}), 2},
      {"profile.error", diff({"profile-raw.ndjson", "install-today.ndjson"}), 2},
      {"calls.error", diff({"calls-files.ndjson", "install-today.ndjson"}), 2},
      {"baseline-same.txt", check({"install.baseline", "--log", "install-yesterday.ndjson"}), 0},
      {"baseline-new.txt",
       check({"--evidence", "install.baseline", "--log", "install-today.ndjson"}), 1},
      {"baseline-gone.txt", check({"--evidence", "install.baseline", "--log", "worker-a.ndjson"}),
       1},
      {"baseline-unsorted.error", check({"unsorted.baseline", "--log", "install-today.ndjson"}), 2},
      {"baseline-newer.error", check({"newer.baseline", "--log", "install-today.ndjson"}), 2},
      {"baseline-cut.error", check({"cut.baseline", "--log", "install-today.ndjson"}), 2},
      {"baseline-profile.error", check({"install.baseline", "--log", "profile-raw.ndjson"}), 2},
  };
  return kCases;
}

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

std::string fixtures() { return std::string(TC_SOURCE_DIR) + "/fixtures/behaviour"; }
std::string golden_file(const Case& it) {
  return std::string(TC_SOURCE_DIR) + "/golden/behaviour/" + it.golden;
}

// What it says on whichever of the two streams, with CI set: then nothing is written beside.
std::string said_by(const Case& it) {
  Command command{.argv = {TC_PROGRAM}, .environment = {"CI=1"}, .directory = fixtures()};
  command.argv.insert(command.argv.end(), it.arguments.begin(), it.arguments.end());
  const Ended ended = run(command);
  EXPECT_EQ(ended.status, it.status) << ended.error;
  const bool fails = std::string(it.golden).ends_with(".error");
  EXPECT_EQ(fails ? ended.output : ended.error, "");
  return fails ? ended.error : ended.output;
}

class BehaviourGolden : public testing::TestWithParam<Case> {};

TEST_P(BehaviourGolden, IsReproduced) {
  const Case& it = GetParam();
  const std::string said = said_by(it);
  if (is_set("TC_UPDATE_GOLDEN")) {
    ASSERT_FALSE(is_set("CI")) << "goldens are not rewritten in CI";
    fs::create_directories(fs::path(golden_file(it)).parent_path());
    std::ofstream(golden_file(it), std::ios::binary) << said;
    return;
  }
  const Result<std::string> golden = base::read_file(golden_file(it));
  ASSERT_TRUE(golden) << golden.error().text();
  EXPECT_EQ(said, *golden) << "to accept: TC_UPDATE_GOLDEN=1 golden_test "
                              "--gtest_filter='*BehaviourGolden*'";
}

INSTANTIATE_TEST_SUITE_P(All, BehaviourGolden, testing::ValuesIn(cases()), [](const auto& one) {
  std::string name = one.param.golden;
  for (char& byte : name)
    if (byte == '-' || byte == '.') byte = '_';
  return name;
});

TEST(BehaviourGoldens, EachBelongsToACase) {
  for (const auto& entry :
       fs::directory_iterator(std::string(TC_SOURCE_DIR) + "/golden/behaviour")) {
    const std::string name = entry.path().filename();
    const bool known = std::any_of(cases().begin(), cases().end(),
                                   [&](const Case& it) { return name == it.golden; });
    EXPECT_TRUE(known) << "no case makes " << name;
  }
}

// From recording to accepting, on files that a user has.
TEST(BaselineFiles, AreNeverTouchedByACheckAndNotAtAllInCi) {
  const ScratchDirectory scratch;
  const auto tc = [&](std::vector<std::string> arguments, const char* ci) {
    arguments.insert(arguments.begin(), TC_PROGRAM);
    return run(Command{.argv = std::move(arguments),
                       .environment = {std::string("CI=") + ci},
                       .directory = fixtures()});
  };
  const std::string file = scratch / "b";
  const std::string proposal = file + ".new";
  ASSERT_EQ(tc({"baseline", "record", file, "--log", "install-yesterday.ndjson"}, "").status, 0);
  EXPECT_EQ(tc({"baseline", "record", file, "--log", "install-today.ndjson"}, "").status, 2);
  EXPECT_EQ(
      tc({"baseline", "record", "--force", file, "--log", "install-today.ndjson"}, "1").status, 2);
  const std::string recorded = *base::read_file(file);

  EXPECT_EQ(tc({"baseline", "check", file, "--log", "install-today.ndjson"}, "1").status, 1);
  EXPECT_FALSE(fs::exists(proposal));
  EXPECT_EQ(tc({"baseline", "check", file, "--log", "install-today.ndjson"}, "").status, 1);
  EXPECT_TRUE(fs::exists(proposal));
  EXPECT_EQ(*base::read_file(file), recorded);

  EXPECT_EQ(tc({"baseline", "accept", file}, "1").status, 2);
  EXPECT_EQ(tc({"baseline", "review", file}, "").status, 2);
  EXPECT_EQ(tc({"baseline", "accept", file, "exec /no/such"}, "").status, 2);
  EXPECT_EQ(*base::read_file(file), recorded);

  EXPECT_EQ(tc({"baseline", "accept", file, "exec /usr/bin/id"}, "").status, 0);
  EXPECT_TRUE(fs::exists(proposal));
  EXPECT_NE(*base::read_file(file), recorded);
  EXPECT_EQ(tc({"baseline", "accept", file}, "").status, 0);
  EXPECT_FALSE(fs::exists(proposal));
  EXPECT_EQ(tc({"baseline", "check", file, "--log", "install-today.ndjson"}, "").status, 0);
}

}  // namespace
}  // namespace tc::test
