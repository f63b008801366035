// Output against golden/ to the byte. Every fixture found on disk is tested: a new one needs no
// code. What the bytes mean is judged by people (golden/README.md) and by schema_test.cc.
//
// environment: TC_UPDATE_GOLDEN=1  rewrites goldens; refused when CI is set
//              TC_GOLDEN_ROOT=DIR  fixtures/ and golden/ of that directory instead of the source's
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/input.h"
#include "support/process.h"
#include "support/scratch_directory.h"

namespace tc::test {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEventsSuffix = "-events.json";
constexpr std::string_view kGoldenSuffix = "-golden.ndjson";

// Empty counts as not set, as shells have it.
std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

std::string root() {
  const std::string other = environment("TC_GOLDEN_ROOT");
  return other.empty() ? TC_SOURCE_DIR : other;
}
std::string fixtures_directory() { return root() + "/fixtures/ebpf"; }
std::string golden_directory() { return root() + "/golden/ebpf"; }
std::string this_program() { return fs::read_symlink("/proc/self/exe"); }
// Where what a failing test wrote is left: of another root within it, so that tests of this file
// that run side by side do not take away each other's.
std::string output_directory() {
  const std::string other = environment("TC_GOLDEN_ROOT");
  const std::string parent = other.empty() ? fs::path(TC_PROGRAM).parent_path().string() : other;
  return parent + "/golden-output";
}

// NAME of every NAME+suffix in the directory, sorted.
std::vector<std::string> names_in(const std::string& directory, std::string_view suffix) {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(directory, none)) {
    std::string name = entry.path().filename();
    if (!name.ends_with(suffix)) continue;
    name.resize(name.size() - suffix.size());
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> fixture_names() {
  return names_in(fixtures_directory() + "/events", kEventsSuffix);
}
std::string events_file(const std::string& name) {
  return fixtures_directory() + "/events/" + name + std::string(kEventsSuffix);
}
std::string golden_file(const std::string& name) {
  return golden_directory() + "/" + name + std::string(kGoldenSuffix);
}
// The name as GoogleTest takes it: letters, digits and underscores.
std::string test_name(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](unsigned char byte) { return std::isalnum(byte) == 0; }, '_');
  return name;
}

std::string read(const std::string& path) {
  const Result<std::string> text = base::read_input(path);
  if (!text) throw std::runtime_error(text.error().text());
  return *text;
}

void write(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream file(path, std::ios::binary);
  if (!(file << text).flush()) throw std::runtime_error("cannot write " + path);
}

Command replay_of(const std::vector<std::string>& event_files) {
  Command command{.argv = {TC_PROGRAM, "replay"}};
  command.argv.insert(command.argv.end(), event_files.begin(), event_files.end());
  for (const char* kind : {"proc", "elf"}) {
    command.argv.push_back("--" + std::string(kind));
    command.argv.push_back(fixtures_directory() + "/" + kind);
  }
  return command;
}

// What the command writes to standard output; a failure of the test when it has anything else to
// say.
std::string output_of(const Command& command) {
  const Ended ended = run(command);
  EXPECT_EQ(ended.status, 0) << "cannot load the fixture, or write its evidence";
  EXPECT_EQ(ended.error, "");
  return ended.output;
}

// The locales that this test compiles, so that they take effect on a host that has none. Kept
// between runs: compiling them takes longer than all else here. Of tests side by side each compiles
// its own, and the first to be ready stays.
std::string locale_directory() {
  const std::string directory =
      fs::path(TC_PROGRAM).parent_path().string() + "/golden-output-locales";
  if (fs::exists(directory)) return directory;
  const std::string unfinished = fmt::format("{}.unfinished-{}", directory, getpid());
  fs::create_directories(unfinished);
  for (const std::string language : {"tr_TR", "de_DE"}) {
    const std::string name = language + ".UTF-8";
    const Ended ended =
        run({"localedef", "--no-archive", "-i", language, "-f", "UTF-8", unfinished + "/" + name});
    // 1: with warnings.
    if (ended.status > 1)
      throw std::runtime_error("localedef: " + ended.error + "package locales is missing?");
  }
  std::error_code there_already;
  fs::rename(unfinished, directory, there_already);
  if (there_already) fs::remove_all(unfinished);
  if (!fs::exists(directory)) throw std::runtime_error("cannot make " + directory);
  return directory;
}

struct Surroundings {
  std::string locale;
  std::string time_zone;

  std::vector<std::string> variables() const {
    return {"LOCPATH=" + locale_directory(), "LC_ALL=" + locale, "LANG=" + locale,
            "LANGUAGE=" + locale, "TZ=" + time_zone};
  }
};
const std::vector<Surroundings>& all_surroundings() {
  static const std::vector<Surroundings> kAll = {
      {"C", "UTC"},
      {"tr_TR.UTF-8", "Asia/Kolkata"},
      {"de_DE.UTF-8", "America/St_Johns"},
  };
  return kAll;
}

class Golden : public testing::TestWithParam<std::string> {
 protected:
  std::string events() const { return events_file(GetParam()); }
  std::string replayed() const { return output_of(replay_of({events()})); }

  // What the output has to be.
  std::string golden() const {
    if (fs::exists(golden_file(GetParam()))) return read(golden_file(GetParam()));
    ADD_FAILURE() << GetParam() << " has no golden; test IsReproduced says how to make it";
    return {};
  }

  std::string accepting_command() const {
    const std::string other = environment("TC_GOLDEN_ROOT");
    return fmt::format("TC_UPDATE_GOLDEN=1 {}{} --gtest_filter='*Golden.IsReproduced/{}'",
                       other.empty() ? "" : "TC_GOLDEN_ROOT='" + other + "' ", this_program(),
                       test_name(GetParam()));
  }

  void accept(const std::string& output) const {
    if (!environment("CI").empty()) {
      FAIL() << "TC_UPDATE_GOLDEN is refused because CI is set: a golden says what somebody has "
                "read and found right. Update it on your own machine and commit it.";
    }
    const std::string file = golden_file(GetParam());
    if (fs::exists(file) && read(file) == output) return;
    write(file, output);
    std::cout << "wrote " << file << "\n";
  }

  void report_difference(const std::string& output) const {
    const std::string left = output_directory() + "/" + GetParam() + std::string(kGoldenSuffix);
    write(left, output);
    const std::string golden = golden_file(GetParam());
    const bool is_new = !fs::exists(golden);
    const Ended diff = run({"diff", "-u", is_new ? "/dev/null" : golden, left});
    ADD_FAILURE() << GetParam()
                  << (is_new ? ": there is no golden yet\n" : ": output differs from its golden\n")
                  << diff.output << diff.error << "the output was left in\n  " << left
                  << "\nread it; if it is right, accept it with\n  " << accepting_command();
  }
};

// First, so that the other tests see what TC_UPDATE_GOLDEN has written.
TEST_P(Golden, IsReproduced) {
  const std::string output = replayed();
  if (HasFailure()) return;  // what tc could not do is no difference
  if (environment("TC_UPDATE_GOLDEN") == "1") return accept(output);
  if (!fs::exists(golden_file(GetParam())) || output != golden()) report_difference(output);
}

TEST_P(Golden, IsTheSameInTenRuns) {
  const std::string expected = golden();
  for (int i = 0; i < 10; ++i) ASSERT_EQ(replayed(), expected) << "in run " << i + 1;
}

TEST_P(Golden, IsTheSameInEveryLocaleAndTimeZone) {
  const std::string expected = golden();
  for (const Surroundings& surroundings : all_surroundings()) {
    Command command = replay_of({events()});
    command.environment = surroundings.variables();
    EXPECT_EQ(output_of(command), expected) << surroundings.locale;
  }
}

TEST_P(Golden, IsTheSameWhateverTheOrderOfEvents) {
  const std::string expected = golden();
  nlohmann::ordered_json events = nlohmann::ordered_json::parse(read(this->events()));
  const ScratchDirectory scratch;
  const auto middle = static_cast<std::ptrdiff_t>(events.size() / 2);
  for (unsigned seed = 1; seed <= 5; ++seed) {
    std::shuffle(events.begin(), events.end(), std::mt19937(seed));
    write(scratch / "whole.json", events.dump());
    EXPECT_EQ(output_of(replay_of({scratch / "whole.json"})), expected) << "seed " << seed;
    // The same events in two files.
    auto halves = nlohmann::ordered_json::array(
        {nlohmann::ordered_json::array(), nlohmann::ordered_json::array()});
    halves[0].insert(halves[0].end(), events.begin(), events.begin() + middle);
    halves[1].insert(halves[1].end(), events.begin() + middle, events.end());
    write(scratch / "first.json", halves[0].dump());
    write(scratch / "second.json", halves[1].dump());
    EXPECT_EQ(output_of(replay_of({scratch / "second.json", scratch / "first.json"})), expected)
        << "in two files, seed " << seed;
  }
}

TEST_P(Golden, IsTheSameFromAnotherDirectory) {
  Command command{.argv = {TC_PROGRAM, "replay", "events/" + GetParam() + "-events.json", "--proc",
                           "proc", "--elf", "./elf/"},
                  .directory = fixtures_directory()};
  EXPECT_EQ(output_of(command), golden());
}

TEST_P(Golden, IsTheSameCompressed) {
  const ScratchDirectory scratch;
  const std::string file = scratch / "evidence.ndjson.zst";
  Command command = replay_of({events()});
  command.argv.insert(command.argv.end(), {"--output", file});
  EXPECT_EQ(output_of(command), "");
  const Result<std::string> raw = base::read_file(file);
  ASSERT_TRUE(raw.ok());
  EXPECT_TRUE(raw->starts_with("\x28\xb5\x2f\xfd")) << "not a Zstandard frame (RFC 8878)";
  EXPECT_EQ(read(file), golden());
  const Ended ended = run({TC_PROGRAM, "validate", file});
  EXPECT_EQ(ended.status, 0) << ended.error;
}

TEST_P(Golden, IsValid) {
  const Ended ended = run({TC_PROGRAM, "validate", golden_file(GetParam())});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.error, "");
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Golden, testing::ValuesIn(fixture_names()),
                         [](const auto& fixture) { return test_name(fixture.param); });

TEST(GoldenDirectory, HasAGoldenForEveryFixture) {
  EXPECT_FALSE(fixture_names().empty()) << "no fixture in " << fixtures_directory() << "/events";
  for (const std::string& name : fixture_names())
    EXPECT_TRUE(fs::exists(golden_file(name))) << events_file(name) << " has no golden";
}

TEST(GoldenDirectory, HoldsNothingWithoutAFixture) {
  for (const std::string& name : names_in(golden_directory(), kGoldenSuffix)) {
    EXPECT_TRUE(fs::exists(events_file(name)))
        << golden_file(name) << " belongs to no fixture; without use: git rm " << golden_file(name);
  }
}

TEST(GoldenSurroundings, TakeEffect) {
  for (const Surroundings& surroundings : all_surroundings()) {
    const auto told = [&](std::vector<std::string> argv) {
      return run(Command{.argv = std::move(argv), .environment = surroundings.variables()}).output;
    };
    const bool is_english = surroundings.locale == "C";
    EXPECT_EQ(told({"locale", "decimal_point"}), is_english ? ".\n" : ",\n");
    EXPECT_EQ(told({"date", "-d", "@0", "+%Z"}) == "UTC\n", is_english) << surroundings.time_zone;
  }
}

// The tests from here on run this very program on a directory of their own, to see it fail.
class Manipulated : public testing::Test {
 protected:
  Manipulated() {
    write(events_,
          R"([{"event_type": 8, "timestamp_ns": 5, "pid": 7, "comm": "sh", "exit_code": 0}])");
    fs::create_directories(directory_ / "fixtures/ebpf/proc");
    fs::create_directories(directory_ / "fixtures/ebpf/elf");
    write(golden_, "");
  }

  // The golden test of the only fixture, with more variables than its directory.
  Ended run_golden(std::vector<std::string> variables, const std::string& filter) const {
    variables.insert(variables.begin(), {"TC_GOLDEN_ROOT=" + directory_.path(),
                                         "CI=", "TC_UPDATE_GOLDEN=", "GTEST_COLOR=no"});
    return run(Command{.argv = {this_program(), "--gtest_filter=" + filter},
                       .environment = std::move(variables)});
  }

  static constexpr const char* kReproduced = "Fixtures/Golden.IsReproduced/*";
  // Nothing that compiles locales: that takes longer than a command may here.
  static constexpr const char* kGoldensThereAre =
      "Fixtures/Golden.IsReproduced/*:Fixtures/Golden.IsTheSameCompressed/*:GoldenDirectory.*";
  const ScratchDirectory directory_;
  const std::string events_ = directory_ / "fixtures/ebpf/events/one-exit-events.json";
  const std::string golden_ = directory_ / "golden/ebpf/one-exit-golden.ndjson";
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(Manipulated, DifferencePrintsDiffAndFileAndTheCommandThatAccepts) {
  write(golden_, "{\"event\":\"stream_start\",\"schema\":1,\"source\":\"replay\"}\nold\n");
  const Ended failed = run_golden({}, kReproduced);
  EXPECT_EQ(failed.status, 1);
  EXPECT_TRUE(contains(failed.output, "one-exit: output differs from its golden")) << failed.output;
  EXPECT_TRUE(contains(failed.output, "--- " + golden_)) << failed.output;
  EXPECT_TRUE(contains(failed.output, "\n-old\n+{\"comm\":\"sh\"")) << failed.output;
  const std::string left = directory_ / "golden-output/one-exit-golden.ndjson";
  EXPECT_TRUE(contains(failed.output, "left in\n  " + left + "\n")) << failed.output;
  EXPECT_TRUE(contains(read(left), "\"exit_code\":0"));

  // The command it prints, as a user would paste it.
  const std::size_t begin = failed.output.find("  TC_UPDATE_GOLDEN=1 ");
  ASSERT_NE(begin, std::string::npos) << failed.output;
  const std::string command = failed.output.substr(begin, failed.output.find('\n', begin) - begin);
  const Ended accepted =
      run(Command{.argv = {"sh", "-c", command}, .environment = {"CI=", "TC_GOLDEN_ROOT="}});
  EXPECT_EQ(accepted.status, 0) << accepted.output;
  EXPECT_TRUE(contains(accepted.output, "wrote " + golden_)) << accepted.output;
  EXPECT_EQ(read(golden_), read(left));
  EXPECT_EQ(run_golden({}, kGoldensThereAre).status, 0);
}

TEST_F(Manipulated, UpdateIsRefusedWhenCiIsSet) {
  const Ended refused = run_golden({"TC_UPDATE_GOLDEN=1", "CI=true"}, kReproduced);
  EXPECT_EQ(refused.status, 1);
  EXPECT_TRUE(contains(refused.output, "TC_UPDATE_GOLDEN is refused because CI is set"))
      << refused.output;
  EXPECT_EQ(read(golden_), "");
}

TEST_F(Manipulated, OnlyOneUpdates) {
  EXPECT_EQ(run_golden({"TC_UPDATE_GOLDEN=0"}, kReproduced).status, 1);
  EXPECT_EQ(read(golden_), "");
}

TEST_F(Manipulated, FixtureWithoutGoldenFails) {
  fs::remove(golden_);
  const Ended failed = run_golden({}, kGoldensThereAre);
  EXPECT_EQ(failed.status, 1);
  EXPECT_TRUE(contains(failed.output, "one-exit: there is no golden yet")) << failed.output;
  EXPECT_TRUE(contains(failed.output, "one-exit-events.json has no golden")) << failed.output;
  EXPECT_TRUE(contains(failed.output, "one-exit has no golden")) << failed.output;
  EXPECT_FALSE(fs::exists(golden_));
}

TEST_F(Manipulated, GoldenWithoutFixtureFails) {
  const std::string orphan = directory_ / "golden/ebpf/orphan-golden.ndjson";
  write(orphan, "");
  const Ended failed = run_golden({}, "GoldenDirectory.*");
  EXPECT_EQ(failed.status, 1);
  EXPECT_TRUE(contains(failed.output, orphan + " belongs to no fixture")) << failed.output;
}

TEST_F(Manipulated, FixtureThatCannotBeLoadedFailsWithItsPlace) {
  write(events_, "[\n  {]\n");
  const Ended failed = run_golden({"TC_UPDATE_GOLDEN=1"}, kReproduced);
  EXPECT_EQ(failed.status, 1);
  EXPECT_TRUE(contains(failed.output, "cannot load the fixture")) << failed.output;
  EXPECT_TRUE(contains(failed.output, events_ + ":2:4: error: [syntax]")) << failed.output;
  EXPECT_EQ(read(golden_), "");
}

TEST_F(Manipulated, NewFixtureNeedsNoCode) {
  write(directory_ / "fixtures/ebpf/events/new.kind-events.json", "[]");
  const Ended updated = run_golden({"TC_UPDATE_GOLDEN=1"}, kReproduced);
  EXPECT_EQ(updated.status, 0) << updated.output;
  EXPECT_TRUE(contains(updated.output, "Fixtures/Golden.IsReproduced/new_kind")) << updated.output;
  EXPECT_TRUE(fs::exists(directory_ / "golden/ebpf/new.kind-golden.ndjson"));
}

TEST_F(Manipulated, NoFixtureAtAllFails) {
  fs::remove_all(directory_ / "fixtures");
  fs::remove(golden_);
  const Ended failed = run_golden({}, "GoldenDirectory.*");
  EXPECT_EQ(failed.status, 1);
  EXPECT_TRUE(contains(failed.output, "no fixture in " + directory_.path())) << failed.output;
}

}  // namespace
}  // namespace tc::test
