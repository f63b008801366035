#include "sandbox/scheduler.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <memory>

namespace tc::sandbox {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    reader = std::make_shared<UniqueFd>(ends[0]);
    writer = std::make_shared<UniqueFd>(ends[1]);
  }
  guest::Wait until_readable() const {
    guest::Wait wait;
    wait.files.push_back({.file = reader, .events = POLLIN});
    return wait;
  }
  void fill() const { EXPECT_EQ(::write(writer->get(), "x", 1), 1); }

  std::shared_ptr<UniqueFd> reader;
  std::shared_ptr<UniqueFd> writer;
};

std::vector<TaskId> tasks_of(const std::vector<Scheduler::Over>& all) {
  std::vector<TaskId> tasks;
  for (const Scheduler::Over& over : all) tasks.push_back(over.task);
  return tasks;
}

TEST(Scheduler, TakesTurnsInTheOrderOfBecomingRunnable) {
  Scheduler scheduler;
  scheduler.add(3);
  scheduler.add(1);
  EXPECT_EQ(scheduler.next(), 3U);
  scheduler.add(3);
  EXPECT_EQ(scheduler.next(), 1U);
  EXPECT_EQ(scheduler.next(), 3U);
  EXPECT_EQ(scheduler.next(), std::nullopt);
}

TEST(Scheduler, EndsWaitsForFilesInTheOrderInWhichTheyBegan) {
  Scheduler scheduler;
  const Pipe first;
  const Pipe second;
  const guest::Wait wait_first = first.until_readable();
  const guest::Wait wait_second = second.until_readable();
  scheduler.wait(1, wait_first);
  scheduler.wait(2, wait_second);
  EXPECT_TRUE(scheduler.over(0).empty());
  second.fill();
  first.fill();
  EXPECT_EQ(tasks_of(scheduler.over(0)), (std::vector<TaskId>{1, 2}));
  scheduler.forget(1);
  EXPECT_EQ(tasks_of(scheduler.over(0)), (std::vector<TaskId>{2}));
}

TEST(Scheduler, PrefersWhatIsReadyToADeadlineThatHasCome) {
  Scheduler scheduler;
  const Pipe pipe;
  guest::Wait wait = pipe.until_readable();
  wait.deadline_ns = 100;
  scheduler.wait(1, wait);
  EXPECT_TRUE(scheduler.over(99).empty());
  ASSERT_EQ(scheduler.over(100).size(), 1U);
  EXPECT_EQ(scheduler.over(100).front().woken, guest::Woken::kDeadline);
  pipe.fill();
  EXPECT_EQ(scheduler.over(100).front().woken, guest::Woken::kReady);
}

TEST(Scheduler, KnowsTheEarliestDeadline) {
  Scheduler scheduler;
  EXPECT_EQ(scheduler.next_deadline(), std::nullopt);
  guest::Wait late;
  late.deadline_ns = 300;
  guest::Wait soon;
  soon.deadline_ns = 200;
  const guest::Wait none;
  scheduler.wait(1, late);
  scheduler.wait(2, none);
  scheduler.wait(3, soon);
  EXPECT_EQ(scheduler.next_deadline(), 200);
}

TEST(Scheduler, TriesAgainOnlyWhenSomebodyHasDoneSomething) {
  Scheduler scheduler;
  guest::Wait retry;
  retry.retry = true;
  scheduler.wait(1, retry);
  scheduler.wait(2, retry);
  EXPECT_EQ(scheduler.next_retry(true), std::nullopt);
  scheduler.note_progress();
  EXPECT_EQ(scheduler.next_retry(true), 1U);
  EXPECT_EQ(scheduler.next_retry(true), 2U);
  EXPECT_EQ(scheduler.next_retry(true), std::nullopt) << "each has tried";
}

TEST(Scheduler, LetsThoseWhoseTryIsCostlyWaitLonger) {
  Scheduler scheduler;
  guest::Wait retry;
  retry.retry = true;
  scheduler.wait(1, retry, /*is_lazy=*/true);
  scheduler.wait(2, retry);
  scheduler.note_progress();
  EXPECT_EQ(scheduler.next_retry(false), 2U);
  EXPECT_EQ(scheduler.next_retry(false), std::nullopt);
  EXPECT_EQ(scheduler.next_retry(true), 1U);
}

}  // namespace
}  // namespace tc::sandbox
