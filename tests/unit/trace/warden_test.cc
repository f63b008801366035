// The warden with real processes. That all of a tree is gone is seen at a pipe whose writing end
// each of its processes has inherited: reading it ends when the last of them does.
#include "trace/warden.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/file.h"

namespace tc::trace {
namespace {

constexpr const char* kShell = "/bin/sh";
constexpr int kPatienceMs = 20'000;

// Not close-on-exec: commands inherit both ends.
struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe(ends.data()), 0);
    reading = UniqueFd(ends[0]);
    writing = UniqueFd(ends[1]);
  }
  UniqueFd reading;
  UniqueFd writing;
};

std::vector<std::string> shell(const std::string& script) { return {kShell, "-c", script}; }

// Up to the end of a line or of the file; "…" when neither comes.
std::string read_line(int fd) {
  std::string line;
  while (true) {
    pollfd source{fd, POLLIN, 0};
    if (poll(&source, 1, kPatienceMs) != 1) return line + "…";
    char byte = 0;
    if (::read(fd, &byte, 1) != 1) return line;
    if (byte == '\n') return line;
    line += byte;
  }
}

void hear_the_end(Warden& warden) {
  while (!warden.is_tree_gone() && !warden.is_lost()) {
    pollfd news{warden.news(), POLLIN, 0};
    ASSERT_EQ(poll(&news, 1, kPatienceMs), 1) << "the warden says nothing";
    warden.hear();
  }
}

// A tree of three: the shell, a child, and one that has made itself independent. Says "ready" at
// `fd` when all are there.
std::string tree_script(int fd) {
  return fmt::format("sleep 1000 & (setsid sh -c 'echo ready >&{0}; exec sleep 1000' &); wait", fd);
}

TEST(Warden, TellsHowTheCommandEnded) {
  auto warden = Warden::launch(kShell, shell("exit 7"), false);
  ASSERT_TRUE(warden) << warden.error().text();
  ASSERT_TRUE(warden->release());
  hear_the_end(*warden);
  ASSERT_TRUE(warden->wait_status());
  EXPECT_EQ(WEXITSTATUS(*warden->wait_status()), 7);
}

TEST(Warden, HoldsTheCommandUntilItIsReleased) {
  const Pipe pipe;
  auto warden =
      Warden::launch(kShell, shell(fmt::format("echo ran >&{}", pipe.writing.get())), false);
  ASSERT_TRUE(warden);
  const std::string own = *base::read_link("/proc/self/exe");
  EXPECT_EQ(*base::read_link(fmt::format("/proc/{}/exe", warden->command_pid())), own);
  ASSERT_TRUE(warden->release());
  EXPECT_EQ(read_line(pipe.reading.get()), "ran");
  hear_the_end(*warden);
}

TEST(Warden, TellsWhyTheCommandCannotBeExecuted) {
  auto warden = Warden::launch("/no/such/program", {"/no/such/program"}, false);
  ASSERT_TRUE(warden);
  const Result<void> released = warden->release();
  ASSERT_FALSE(released);
  EXPECT_EQ(released.error().code(), ENOENT);
  EXPECT_EQ(released.error().text(), "execute /no/such/program: No such file or directory");
}

TEST(Warden, PassesSignalsToTheCommandAlone) {
  const Pipe pipe;
  auto warden = Warden::launch(
      kShell,
      shell(fmt::format("trap 'exit 5' USR1; echo ready >&{}; while :; do sleep 0.01; done",
                        pipe.writing.get())),
      false);
  ASSERT_TRUE(warden);
  ASSERT_TRUE(warden->release());
  ASSERT_EQ(read_line(pipe.reading.get()), "ready");
  warden->send(SIGUSR1);
  hear_the_end(*warden);
  EXPECT_EQ(WEXITSTATUS(warden->wait_status().value_or(0)), 5);
}

TEST(Warden, OutlivesTheCommandUntilTheLastOfItsTree) {
  Pipe go;
  Pipe pipe;
  auto warden =
      Warden::launch(kShell,
                     shell(fmt::format("(setsid sh -c 'read line <&{}; exit 0' &); echo ready >&{}",
                                       go.reading.get(), pipe.writing.get())),
                     false);
  ASSERT_TRUE(warden);
  ASSERT_TRUE(warden->release());
  ASSERT_EQ(read_line(pipe.reading.get()), "ready");
  while (!warden->wait_status()) {
    pollfd news{warden->news(), POLLIN, 0};
    ASSERT_EQ(poll(&news, 1, kPatienceMs), 1);
    warden->hear();
  }
  EXPECT_FALSE(warden->is_tree_gone());
  ASSERT_EQ(::write(go.writing.get(), "\n", 1), 1);
  hear_the_end(*warden);
}

TEST(Warden, KillsTheWholeTreeWhenTold) {
  Pipe pipe;
  auto warden = Warden::launch(kShell, shell(tree_script(pipe.writing.get())), false);
  ASSERT_TRUE(warden);
  ASSERT_TRUE(warden->release());
  ASSERT_EQ(read_line(pipe.reading.get()), "ready");
  warden->kill_tree();
  hear_the_end(*warden);
  EXPECT_TRUE(WIFSIGNALED(warden->wait_status().value_or(0)));
  pipe.writing.reset();
  EXPECT_EQ(read_line(pipe.reading.get()), "");
}

TEST(Warden, KillsTheTreeOfAnOwnerThatIsKilled) {
  Pipe pipe;
  const pid_t owner = fork();
  ASSERT_GE(owner, 0);
  if (owner == 0) {
    auto warden = Warden::launch(kShell, shell(tree_script(pipe.writing.get())), false);
    if (!warden || !warden->release()) _exit(1);
    pause();
    _exit(1);
  }
  ASSERT_EQ(read_line(pipe.reading.get()), "ready");
  kill(owner, SIGKILL);
  waitpid(owner, nullptr, 0);
  pipe.writing.reset();
  EXPECT_EQ(read_line(pipe.reading.get()), "");
}

TEST(Warden, NeverRunsACommandThatIsNotReleased) {
  Pipe pipe;
  {
    auto warden =
        Warden::launch(kShell, shell(fmt::format("echo ran >&{}", pipe.writing.get())), false);
    ASSERT_TRUE(warden);
  }
  pipe.writing.reset();
  EXPECT_EQ(read_line(pipe.reading.get()), "");
}

TEST(Warden, LeavesATreeThatIsToBeKeptAlive) {
  Pipe go;
  Pipe pipe;
  {
    auto warden =
        Warden::launch(kShell,
                       shell(fmt::format("echo ready >&{0}; read line <&{1}; echo survived >&{0}",
                                         pipe.writing.get(), go.reading.get())),
                       true);
    ASSERT_TRUE(warden);
    ASSERT_TRUE(warden->release());
    ASSERT_EQ(read_line(pipe.reading.get()), "ready");
  }
  ASSERT_EQ(::write(go.writing.get(), "\n", 1), 1);
  EXPECT_EQ(read_line(pipe.reading.get()), "survived");
}

}  // namespace
}  // namespace tc::trace
