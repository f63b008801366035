#include "trace/names.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace tc::trace {
namespace {

struct World {
  Lineage lineage;
  Names names{true, lineage};
  Thread& root = lineage.meet({.pid = 4321, .tid = 4321});

  Thread& child(std::uint32_t pid) {
    return lineage.create(root, {.creator = root.task,
                                 .child = {.pid = pid, .tid = pid},
                                 .clone_flags = 0,
                                 .ns_tid = pid,
                                 .ns_pid = pid});
  }
  std::string path(std::string_view path, std::string_view directory = {}) {
    return std::string(names.path(path, root, directory));
  }
};

TEST(AbsolutePath, IsLexical) {
  EXPECT_EQ(absolute_path("/home/u", "a"), "/home/u/a");
  EXPECT_EQ(absolute_path("/home/u", "../x/./y//z/"), "/home/x/y/z");
  EXPECT_EQ(absolute_path("/home/u", "/etc//passwd"), "/etc/passwd");
  EXPECT_EQ(absolute_path("/", "a"), "/a");
  EXPECT_EQ(absolute_path("/a", "../../.."), "/");
  EXPECT_EQ(absolute_path("", "a"), "");
  EXPECT_EQ(absolute_path("pipe", "a"), "");
  EXPECT_EQ(absolute_path("/a", ""), "");
}

std::string_view random_in(std::string_view path, std::uint64_t flags, std::uint64_t mode,
                           bool random_before, bool directory = false) {
  return random_part({.path = path,
                      .directory = directory,
                      .flags = flags | O_CREAT | O_EXCL,
                      .mode = mode,
                      .random_before = random_before});
}

TEST(RandomPart, FollowsRandomBytes) {
  EXPECT_EQ(random_in("/x/sess_Ab3dEf", O_RDWR, 0600, true), "Ab3dEf");
  EXPECT_EQ(random_in("/x/tmp.tuvwxyzabc", O_RDWR, 0600, true), "tuvwxyzabc");
  EXPECT_EQ(random_in("/x/objects/tmp_obj_lcasex", O_RDWR, 0444, true), "lcasex");
  EXPECT_EQ(random_in("/x/d-abcdef", 0, 0700, true, true), "abcdef");
  EXPECT_EQ(random_in("/x/abc.lock", O_RDWR, 0666, true), "");
}

TEST(RandomPart, KnowsPythonSqliteAndCompilers) {
  EXPECT_EQ(random_in("/srv/tmpk3_x9abq", O_RDWR | O_NOFOLLOW, 0600, false), "k3_x9abq");
  EXPECT_EQ(random_in("/srv/tmpabcdefgh", O_RDWR | O_NOFOLLOW, 0600, false), "abcdefgh");
  EXPECT_EQ(random_in("/var/tmp/etilqs_1a2b3c4d5e6f7a8b", O_RDWR | O_NOFOLLOW, 0600, false),
            "1a2b3c4d5e6f7a8b");
  EXPECT_EQ(random_in("/tmp/ccaBcDeF.s", O_RDWR, 0600, false), "ccaBcDeF");
  EXPECT_EQ(random_in("/tmp/ccaBcDeF.cdtor.o", O_RDWR, 0600, false), "ccaBcDeF");
  EXPECT_EQ(random_in("/tmp/tmp.aBcdefghij", O_RDWR, 0600, false), "aBcdefghij");
  EXPECT_EQ(random_in("/tmp/tmpabcdefgh", 0, 0700, false, true), "abcdefgh");
}

TEST(RandomPart, DoesNotDependOnWhatChanceHasPutThere) {
  for (const std::string name : {"abcdefgh", "ab_defgh", "_bcdefgh", "abcdefg_", "12345678"}) {
    EXPECT_EQ(random_in("/srv/tmp" + name, O_RDWR | O_NOFOLLOW, 0600, true), name);
    EXPECT_EQ(random_in("/tmp/tmp" + name, 0, 0700, false, true), name);
    EXPECT_EQ(random_in("/tmp/x-" + name, 0, 0700, true, true), name);
  }
}

TEST(RandomPart, KnowsMixedRunsWhateverTheMode) {
  EXPECT_EQ(random_in("/x/file-aB3xY9", O_WRONLY, 0644, false), "aB3xY9");
  EXPECT_EQ(random_in("/x/file-abc123", O_WRONLY, 0644, false), "");
}

TEST(RandomPart, LeavesChosenNamesAlone) {
  EXPECT_EQ(random_in("/root/.ssh/authorized_keys", O_WRONLY, 0600, false), "");
  EXPECT_EQ(random_in("/repo/.git/index.lock", O_RDWR, 0666, false), "");
  EXPECT_EQ(random_in("/var/run/daemon.pid", O_WRONLY, 0644, false), "");
  EXPECT_EQ(random_in("/home/u/settings", 0, 0700, false, true), "");
}

TEST(Names, TellATemporaryNameTheSameWhereverItStands) {
  World world;
  world.names.learn("Ab3dEf", world.root);
  EXPECT_EQ(world.path("/tmp/sess_Ab3dEf"), "/tmp/sess_tmp#1");
  EXPECT_EQ(world.path("/tmp/sess_Ab3dEf/sub/x-Ab3dEf.c"), "/tmp/sess_tmp#1/sub/x-tmp#1.c");
  EXPECT_EQ(world.path("sess_Ab3dEf"), "sess_tmp#1");
  EXPECT_EQ(world.path("/tmp/Ab3dE"), "/tmp/Ab3dE");
  EXPECT_EQ(world.names.text("--out=sess_Ab3dEf", world.root), "--out=sess_tmp#1");
  EXPECT_EQ(world.names.data("rm sess_Ab3dEf\n", world.root), "rm sess_tmp#1\n");
}

TEST(Names, NumberTemporaryNamesInTheLineOfWhoMakesThem) {
  World world;
  world.names.learn("aaaaaa", world.root);
  Thread& child = world.child(4400);
  world.names.learn("bbbbbb", child);
  world.names.learn("cccccc", world.root);
  world.names.learn("aaaaaa", child);
  EXPECT_EQ(world.path("aaaaaa/bbbbbb/cccccc"), "tmp#1/tmp#2/tmp#2");
}

TEST(Names, PreferTheLongerOfTwoTemporaryNames) {
  World world;
  world.names.learn("abcdef", world.root);
  world.names.learn("abcdefgh", world.root);
  EXPECT_EQ(world.path("/tmp/abcdefgh"), "/tmp/tmp#2");
  EXPECT_EQ(world.path("/tmp/abcdefg"), "/tmp/tmp#1g");
}

TEST(Names, TellTheFirstDirectoryByName) {
  World world;
  world.names.set_origin("/home/u/work");
  EXPECT_EQ(world.path("/home/u/work"), "$CWD");
  EXPECT_EQ(world.path("/home/u/work/a/b"), "$CWD/a/b");
  EXPECT_EQ(world.path("/home/u/workshop"), "/home/u/workshop");
  EXPECT_EQ(world.path("home/u/work"), "home/u/work");
  world.names.set_origin("/");
  EXPECT_EQ(world.path("/home/u/work/a"), "$CWD/a") << "everything begins with /";
}

TEST(Names, TellPidsUnderProcByPath) {
  World world;
  world.child(4400);
  EXPECT_EQ(world.path("/proc/4321/status"), "/proc/p1/status");
  EXPECT_EQ(world.path("/proc/4321/task/4321/stat"), "/proc/p1/task/p1/stat");
  EXPECT_EQ(world.path("/proc/4400"), "/proc/p1.1");
  EXPECT_EQ(world.path("/proc/9/stat"), "/proc/outside#1/stat");
  EXPECT_EQ(world.path("/proc/self/stat"), "/proc/self/stat");
  EXPECT_EQ(world.path("4321/stat", "/proc"), "p1/stat");
  EXPECT_EQ(world.path("9/stat", "/home"), "9/stat");
}

TEST(Names, TellOwnAndInheritedPidsWithinNames) {
  World world;
  Thread& child = world.child(4400);
  EXPECT_EQ(world.path("/tmp/conf4321.sh"), "/tmp/conf$PID(p1).sh");
  EXPECT_EQ(world.names.path("/tmp/x.4321/4400", child), "/tmp/x.$PID(p1)/$PID(p1.1)");
  // Who has met the name knows it from then on, also the parent.
  EXPECT_EQ(world.path("/tmp/x.4400"), "/tmp/x.$PID(p1.1)");
}

TEST(Names, LeaveNumbersThatAreNoPidsAlone) {
  World world;
  world.child(8859);
  EXPECT_EQ(world.path("/usr/share/iso8859-1"), "/usr/share/iso8859-1");
  EXPECT_EQ(world.path("/x/143210"), "/x/143210");
  EXPECT_EQ(world.path("/x/04321"), "/x/04321");
  EXPECT_EQ(world.path("/objects/4f/ab4321cdef0123456789"), "/objects/4f/ab4321cdef0123456789");
  EXPECT_EQ(world.names.text("4321", world.root), "4321") << "no path";
  EXPECT_EQ(world.names.text("--pidfile=/run/x.4321", world.root), "--pidfile=/run/x.$PID(p1)");
}

TEST(Names, TellTheOwnPidInWhatIsWritten) {
  World world;
  EXPECT_EQ(world.names.data("4321\n", world.root), "$PID(p1)\n");
  EXPECT_EQ(world.names.data("daemon[4321]: up", world.root), "daemon[$PID(p1)]: up");
  EXPECT_EQ(world.names.data("4322\n", world.root), "4322\n");
  EXPECT_EQ(world.names.data("\n", world.root), "\n");
}

TEST(Names, TellTheInodeOfWhatHasNoName) {
  World world;
  EXPECT_EQ(world.path("pipe:[48151]"), "pipe:[inode#1]");
  EXPECT_EQ(world.path("socket:[48152]"), "socket:[inode#2]");
  EXPECT_EQ(world.path("anon_inode:[eventpoll]"), "anon_inode:[eventpoll]");
}

TEST(Names, TellEverythingAsItIsWhenSwitchedOff) {
  Lineage lineage;
  Names names(false, lineage);
  Thread& root = lineage.meet({.pid = 4321, .tid = 4321});
  names.set_origin("/home/u");
  names.learn("Ab3dEf", root);
  EXPECT_EQ(names.path("/home/u/Ab3dEf.4321", root), "/home/u/Ab3dEf.4321");
  EXPECT_EQ(names.path("/proc/4321", root), "/proc/4321");
}

}  // namespace
}  // namespace tc::trace
