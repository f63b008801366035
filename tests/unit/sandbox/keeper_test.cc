// The keeper as it is on this host: with the namespaces that it gets, or without.
#include "sandbox/keeper.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file.h"

namespace tc::sandbox {
namespace {

Options plain_options() {
  Options options;
  options.command = {"/bin/true"};
  return options;
}

// Both ends; what is told in the keeper is heard here.
struct Telling {
  Telling() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    hear = UniqueFd(ends[0]);
    tell = UniqueFd(ends[1]);
  }
  UniqueFd hear;
  UniqueFd tell;
};

TEST(Keeper, TellsWhatCameOfTheWork) {
  const Result<Outcome> outcome = run_kept(plain_options(), [](const Inside&) {
    Outcome made;
    made.status = 42;
    made.notes = {"noted"};
    return Result<Outcome>(made);
  });
  ASSERT_TRUE(outcome) << outcome.error().text();
  EXPECT_EQ(outcome->status, 42);
  EXPECT_EQ(outcome->notes, std::vector<std::string>{"noted"});
}

TEST(Keeper, TellsTheErrorOfTheWork) {
  const Result<Outcome> outcome =
      run_kept(plain_options(), [](const Inside&) { return Result<Outcome>(Error("broken", 7)); });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().text(), "broken");
  EXPECT_EQ(outcome.error().code(), 7);
}

TEST(Keeper, IsMissedWhenItDies) {
  const Result<Outcome> outcome = run_kept(plain_options(), [](const Inside&) -> Result<Outcome> {
    kill(getpid(), SIGKILL);
    return Error("not reached");
  });
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().text().find("killed"), std::string::npos);
}

TEST(Keeper, KnowsTheDirectoryAndTheHostsProc) {
  Options options = plain_options();
  options.directory = "/usr/../usr/";
  const pid_t self = getpid();
  const Result<Outcome> outcome = run_kept(options, [&](const Inside& inside) -> Result<Outcome> {
    Outcome made;
    made.report = inside.directory;
    const std::string own = std::to_string(self) + "/comm";
    made.status = faccessat(inside.proc.get(), own.c_str(), F_OK, 0);
    return made;
  });
  ASSERT_TRUE(outcome) << outcome.error().text();
  EXPECT_EQ(outcome->report, "/usr");
  EXPECT_EQ(outcome->status, 0);
}

TEST(Keeper, RefusesADirectoryThatIsNotThere) {
  Options options = plain_options();
  options.directory = "/nowhere";
  const Result<Outcome> outcome =
      run_kept(options, [](const Inside&) { return Result<Outcome>(Outcome{}); });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ENOENT);
}

// A signal that ends tc ends the keeper and whoever it has started, at once.
TEST(Keeper, EndsWithTc) {
  Telling alive;
  const pid_t tc = fork();
  if (tc == 0) {
    alive.hear.reset();
    const Result<Outcome> outcome =
        run_kept(plain_options(), [&](const Inside&) -> Result<Outcome> {
          // A guest's stand-in holds the pipe open for as long as it lives.
          if (fork() == 0) {
            while (true) pause();
          }
          [[maybe_unused]] const ssize_t told = write(alive.tell.get(), "x", 1);
          while (true) pause();
        });
    const bool right = outcome && outcome->kind == Outcome::Kind::kInterrupted;
    _exit(right ? outcome->status : 1);
  }
  alive.tell.reset();
  char byte = 0;
  ASSERT_EQ(read(alive.hear.get(), &byte, 1), 1);
  kill(tc, SIGTERM);
  int status = 0;
  ASSERT_EQ(waitpid(tc, &status, 0), tc);
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGTERM);
}

// With what it has started when the kernel gives a pid namespace.
TEST(Keeper, DiesWithTc) {
  Telling alive;
  const pid_t tc = fork();
  if (tc == 0) {
    alive.hear.reset();
    [[maybe_unused]] const Result<Outcome> outcome =
        run_kept(plain_options(), [&](const Inside&) -> Result<Outcome> {
          [[maybe_unused]] const ssize_t told = write(alive.tell.get(), "x", 1);
          while (true) pause();
        });
    _exit(0);
  }
  alive.tell.reset();
  char byte = 0;
  ASSERT_EQ(read(alive.hear.get(), &byte, 1), 1);
  kill(tc, SIGKILL);
  waitpid(tc, nullptr, 0);
  // The pipe ends when the last process that could write to it is gone.
  EXPECT_EQ(read(alive.hear.get(), &byte, 1), 0);
}

// Needs a mount namespace: skipped where there is none.
class Discard : public testing::Test {
 protected:
  Discard() {
    std::string name = testing::TempDir() + "tc-keeper-XXXXXX";
    path_ = mkdtemp(name.data());
    std::ofstream(path_ + "/there") << "old";
    options_ = plain_options();
    options_.directory = path_;
    options_.written_files = path_ + "-list";
  }
  ~Discard() override {
    std::filesystem::remove_all(path_);
    std::filesystem::remove(options_.written_files);
  }
  // Writes to one file, makes another and removes a third, from within.
  Result<Outcome> write_inside() {
    std::ofstream(path_ + "/unwanted") << "u";
    return run_kept(options_, [&](const Inside&) -> Result<Outcome> {
      Outcome outcome;
      std::ofstream(path_ + "/there", std::ios::app) << "new";
      std::ofstream(path_ + "/made") << "m";
      std::filesystem::remove(path_ + "/unwanted");
      TC_TRY(outcome.report, base::read_file(path_ + "/there"));
      return outcome;
    });
  }
  static bool is_refused(const Result<Outcome>& outcome) {
    return !outcome && outcome.error().text().find("mount namespace") != std::string::npos;
  }

  std::string path_;
  Options options_;
};

TEST_F(Discard, LeavesTheHostUntouched) {
  options_.discard = true;
  const Result<Outcome> outcome = write_inside();
  if (is_refused(outcome)) GTEST_SKIP() << outcome.error().text();
  ASSERT_TRUE(outcome) << outcome.error().text();
  EXPECT_EQ(outcome->report, "oldnew");
  EXPECT_EQ(*base::read_file(path_ + "/there"), "old");
  EXPECT_FALSE(std::filesystem::exists(path_ + "/made"));
  EXPECT_TRUE(std::filesystem::exists(path_ + "/unwanted"));
  const std::string list = *base::read_file(options_.written_files);
  EXPECT_NE(list.find(path_ + "/made\n"), std::string::npos) << list;
  EXPECT_NE(list.find("deleted " + path_ + "/unwanted\n"), std::string::npos) << list;
}

TEST_F(Discard, InADirectoryKeepsWhatWasWritten) {
  options_.overlay = path_ + "-overlay";
  const Result<Outcome> first = write_inside();
  if (is_refused(first)) GTEST_SKIP() << first.error().text();
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(*base::read_file(options_.overlay + "/files" + path_ + "/there"), "oldnew");
  EXPECT_FALSE(std::filesystem::exists(options_.overlay + "/work"));
  const Result<Outcome> second = write_inside();
  ASSERT_TRUE(second) << second.error().text();
  EXPECT_EQ(second->report, "oldnewnew");
  EXPECT_EQ(*base::read_file(path_ + "/there"), "old");
  std::filesystem::remove_all(options_.overlay);
}

}  // namespace
}  // namespace tc::sandbox
