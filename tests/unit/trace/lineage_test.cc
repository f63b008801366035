#include "trace/lineage.h"

#include <gtest/gtest.h>
#include <sched.h>

#include "trace/chronicle.h"

namespace tc::trace {
namespace {

guest::Created fork_of(guest::Task creator, std::uint32_t child, std::uint64_t flags = 0) {
  return {.creator = creator,
          .child = {.pid = child, .tid = child},
          .clone_flags = flags,
          .ns_tid = child,
          .ns_pid = child};
}
guest::Created thread_of(guest::Task creator, std::uint32_t child) {
  return {.creator = creator,
          .child = {.pid = creator.pid, .tid = child},
          .clone_flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_THREAD,
          .ns_tid = child,
          .ns_pid = creator.pid};
}

std::string name(const Lineage& lineage, const Thread& thread) {
  return std::string(lineage.name(thread.number));
}

TEST(Lineage, NamesByCreationPathNotByNumber) {
  Lineage lineage;
  Thread& root = lineage.meet({.pid = 100, .tid = 100});
  Thread& first = lineage.create(root, fork_of(root.task, 900));
  Thread& second = lineage.create(root, fork_of(root.task, 50));
  Thread& grandchild = lineage.create(second, fork_of(second.task, 7));
  Thread& thread = lineage.create(root, thread_of(root.task, 101));
  Thread& of_thread = lineage.create(thread, fork_of(thread.task, 102));
  Thread& thread_of_thread = lineage.create(thread, thread_of(thread.task, 103));
  EXPECT_EQ(name(lineage, root), "p1");
  EXPECT_EQ(name(lineage, first), "p1.1");
  EXPECT_EQ(name(lineage, second), "p1.2");
  EXPECT_EQ(name(lineage, grandchild), "p1.2.1");
  EXPECT_EQ(name(lineage, thread), "p1/1");
  EXPECT_EQ(name(lineage, of_thread), "p1/1.1");
  EXPECT_EQ(name(lineage, thread_of_thread), "p1/1/1");
  EXPECT_EQ(lineage.thread_count(), 7U);
  EXPECT_EQ(grandchild.number, 3U);
}

TEST(Lineage, NamesProcessesThatWereThereInTheOrderTheyAreMet) {
  Lineage lineage;
  EXPECT_EQ(name(lineage, lineage.meet({.pid = 30, .tid = 30})), "p1");
  EXPECT_EQ(name(lineage, lineage.meet({.pid = 30, .tid = 31})), "p1/1");
  EXPECT_EQ(name(lineage, lineage.meet({.pid = 20, .tid = 20})), "p2");
  EXPECT_EQ(name(lineage, lineage.meet({.pid = 30, .tid = 31})), "p1/1");
}

TEST(Lineage, AThreadWhoseProcessIsNotKnownBringsItAlong) {
  Lineage lineage;
  EXPECT_EQ(name(lineage, lineage.meet({.pid = 30, .tid = 31})), "p1/1");
  EXPECT_EQ(name(lineage, *lineage.find(30)), "p1");
}

TEST(Lineage, SharesWhatCloneWasAskedToShare) {
  Lineage lineage;
  Thread& root = lineage.meet({.pid = 100, .tid = 100});
  const Thread& child = lineage.create(root, fork_of(root.task, 101));
  EXPECT_NE(child.descriptors, root.descriptors);
  EXPECT_NE(child.directory, root.directory);
  EXPECT_NE(child.memory, root.memory);
  const Thread& sharing =
      lineage.create(root, fork_of(root.task, 102, CLONE_FILES | CLONE_FS | CLONE_VM));
  EXPECT_EQ(sharing.descriptors, root.descriptors);
  EXPECT_EQ(sharing.directory, root.directory);
  EXPECT_EQ(sharing.memory, root.memory);
}

TEST(Lineage, TellsPidsByTheirPath) {
  Lineage lineage;
  Thread& root = lineage.meet({.pid = 100, .tid = 100});
  Thread& child = lineage.create(root, fork_of(root.task, 200));
  lineage.create(root, thread_of(root.task, 300));
  lineage.add_ancestor(77);
  EXPECT_EQ(lineage.pid_name(root, 200), "p1.1");
  EXPECT_EQ(lineage.pid_name(child, 100), "p1");
  EXPECT_EQ(lineage.pid_name(child, 300), "p1/1");
  EXPECT_EQ(lineage.pid_name(root, 77), "parent");
  EXPECT_EQ(lineage.pid_name(root, 5000), "outside#1");
  EXPECT_EQ(lineage.pid_name(root, 6000), "outside#2");
  EXPECT_EQ(lineage.pid_name(root, 5000), "outside#1");
  lineage.end(child, true);
  EXPECT_EQ(lineage.pid_name(root, 200), "p1.1") << "wait4 returns it after its end";
}

TEST(Lineage, APidThatIsGivenOutAgainIsTheNewProcess) {
  Lineage lineage;
  Thread& root = lineage.meet({.pid = 100, .tid = 100});
  lineage.end(lineage.create(root, fork_of(root.task, 200)), true);
  lineage.create(root, fork_of(root.task, 200));
  EXPECT_EQ(lineage.pid_name(root, 200), "p1.2");
  // Also when the end of the old one was missed.
  const Thread& third = lineage.create(root, fork_of(root.task, 200));
  EXPECT_EQ(name(lineage, third), "p1.3");
  EXPECT_EQ(lineage.find(200), &third);
}

TEST(Lineage, InAPidNamespaceNumbersMeanWhatTheyMeanThere) {
  Lineage lineage;
  Thread& root = lineage.meet({.pid = 100, .tid = 100});
  guest::Created event = fork_of(root.task, 200, CLONE_NEWPID);
  event.ns_tid = event.ns_pid = 1;
  Thread& init = lineage.create(root, event);
  guest::Created inner = fork_of(init.task, 201);
  inner.ns_tid = inner.ns_pid = 2;
  Thread& worker = lineage.create(init, inner);
  EXPECT_EQ(lineage.pid_name(init, 1), "p1.1");
  EXPECT_EQ(lineage.pid_name(init, 2), "p1.1.1");
  EXPECT_EQ(lineage.pid_name(worker, 1), "p1.1");
  EXPECT_EQ(lineage.pid_name(root, 200), "p1.1") << "seen from outside";
  EXPECT_EQ(lineage.pid_name(root, 1), "outside#1");
}

TEST(Lineage, OneThatIsMetInAPidNamespaceIsNumberedAsThere) {
  Lineage lineage;
  Thread& root = lineage.meet({.pid = 100, .tid = 100});
  lineage.place(root, 2);
  guest::Created event = fork_of(root.task, 200);
  event.ns_tid = event.ns_pid = 3;
  Thread& child = lineage.create(root, event);
  EXPECT_EQ(lineage.pid_name(root, 2), "p1");
  EXPECT_EQ(lineage.pid_name(root, 3), "p1.1");
  EXPECT_EQ(lineage.pid_name(child, 2), "p1");
  EXPECT_EQ(lineage.pid_name(child, 200), "outside#1") << "a number of the host means nothing";
}

TEST(Lineage, AfterUnshareTheChildrenLiveInTheNewNamespace) {
  Lineage lineage;
  Thread& root = lineage.meet({.pid = 100, .tid = 100});
  lineage.new_space(root);
  guest::Created event = fork_of(root.task, 200);
  event.ns_tid = event.ns_pid = 1;
  Thread& init = lineage.create(root, event);
  EXPECT_EQ(lineage.pid_name(init, 1), "p1.1");
  EXPECT_EQ(lineage.pid_name(root, 100), "p1");
}

TEST(Lineage, ExecFromAThreadGoesOnAsTheProcess) {
  Lineage lineage;
  Thread& root = lineage.meet({.pid = 100, .tid = 100});
  Thread& thread = lineage.create(root, thread_of(root.task, 101));
  lineage.create(root, thread_of(root.task, 102));
  thread.descriptors->set(5, thread.descriptors->file("/x", "/x", {}), false);
  Thread& after = lineage.exec(thread);
  EXPECT_EQ(name(lineage, after), "p1");
  EXPECT_EQ(after.task.tid, 100U);
  EXPECT_NE(after.descriptors->find(5), nullptr);
  EXPECT_EQ(lineage.find(101), nullptr);
  EXPECT_EQ(lineage.find(102), nullptr);
  EXPECT_EQ(lineage.find(100), &after);
}

TEST(Lineage, TheFirstThreadStaysKnownUntilTheProcessIsGone) {
  Lineage lineage;
  Thread& root = lineage.meet({.pid = 100, .tid = 100});
  Thread& thread = lineage.create(root, thread_of(root.task, 101));
  lineage.end(root, false);
  ASSERT_NE(lineage.find(100), nullptr);
  lineage.end(thread, true);
  EXPECT_EQ(lineage.find(100), nullptr);
  EXPECT_EQ(lineage.find(101), nullptr);
}

TEST(Lineage, KnowsWhoDescendsFromWhom) {
  Lineage lineage;
  Thread& root = lineage.meet({.pid = 100, .tid = 100});
  Thread& child = lineage.create(root, fork_of(root.task, 101));
  Thread& sibling = lineage.create(root, fork_of(root.task, 102));
  Thread& thread = lineage.create(child, thread_of(child.task, 103));
  EXPECT_TRUE(lineage.descends(child, root.number));
  EXPECT_TRUE(lineage.descends(child, child.number));
  EXPECT_TRUE(lineage.descends(child, thread.number));
  EXPECT_FALSE(lineage.descends(root, child.number));
  EXPECT_FALSE(lineage.descends(sibling, child.number));
}

TEST(TreeOrder, PutsAThreadBeforeItsThreadsAndThoseBeforeItsChildren) {
  const std::vector<std::string_view> order = {"p1",    "p1/1", "p1/1/1", "p1/1.1", "p1/2",
                                               "p1.1",  "p1.2", "p1.2/1", "p1.2.1", "p1.2.10",
                                               "p1.10", "p2",   "p10"};
  for (std::size_t left = 0; left < order.size(); ++left)
    for (std::size_t right = 0; right < order.size(); ++right)
      EXPECT_EQ(tree_order(order[left], order[right]), left < right)
          << order[left] << " and " << order[right];
}

}  // namespace
}  // namespace tc::trace
