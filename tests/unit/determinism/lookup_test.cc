#include "determinism/lookup.h"

#include <gtest/gtest.h>
#include <linux/limits.h>
#include <unistd.h>

#include <cerrno>

#include "support/own_pages.h"
#include "support/own_tracee.h"
#include "support/scratch_directory.h"

namespace tc::determinism {
namespace {

using test::OwnPages;
using test::OwnTracee;

class LookupTest : public testing::Test {
 protected:
  Lookup find(const std::string& path, LastLink last = LastLink::kFollow) {
    return look_up(guest_, {.text = path}, last);
  }
  void link(const std::string& target, const std::string& name) {
    ASSERT_EQ(symlink(target.c_str(), (scratch_ / name).c_str()), 0);
  }

  OwnTracee guest_{1};
  test::ScratchDirectory scratch_;
};

TEST_F(LookupTest, FindsFiles) {
  ASSERT_TRUE(base::open_file(scratch_ / "file", O_CREAT).ok());
  link("file", "link");
  const Lookup file = find(scratch_ / "file");
  ASSERT_TRUE(file.found);
  EXPECT_EQ(file.found->type(), S_IFREG);
  EXPECT_FALSE(file.found->is_kernel_view);
  EXPECT_EQ(find(scratch_ / "link").found->id(), file.found->id());
  EXPECT_EQ(find(scratch_ / "link", LastLink::kKeep).found->type(), S_IFLNK);
}

TEST_F(LookupTest, FindsWhatIsRelativeToADirectory) {
  ASSERT_TRUE(base::open_file(scratch_ / "file", O_CREAT).ok());
  const auto directory = base::open_file(scratch_.path(), O_PATH);
  ASSERT_TRUE(directory.ok());
  EXPECT_TRUE(look_up(guest_, {.dirfd = directory->get(), .text = "file"}, LastLink::kKeep).found);
  EXPECT_EQ(look_up(guest_, {.dirfd = 12345, .text = "file"}, LastLink::kKeep).error, EBADF);
  const Lookup here = look_up(guest_, {.text = "."}, LastLink::kFollow);
  struct stat status {};
  ASSERT_EQ(stat(".", &status), 0);
  EXPECT_EQ(here.found->id(), file_id(status));
}

TEST_F(LookupTest, IsSureOfWhatIsMissing) {
  ASSERT_TRUE(base::open_file(scratch_ / "file", O_CREAT).ok());
  link(".", "here");
  link("nowhere", "dangling");
  EXPECT_TRUE(find(scratch_ / "none").is_missing());
  EXPECT_TRUE(find(scratch_ / "no/such/file").is_missing());
  EXPECT_TRUE(find(scratch_ / "here/none").is_missing());
  EXPECT_TRUE(find("").is_missing());
  EXPECT_EQ(find(scratch_ / "file/none").error, ENOTDIR);
  EXPECT_EQ(find(std::string(300, 'x')).error, ENAMETOOLONG);
  // Not sure: it could lead to what only the guest sees.
  EXPECT_TRUE(find(scratch_ / "dangling").is_unknown());
}

TEST_F(LookupTest, DoesNotGuessWhereTheGuestSeesOtherThings) {
  EXPECT_TRUE(find("/dev/stdin").is_unknown());
  EXPECT_TRUE(find("/proc/self/fd/0").is_unknown());
  EXPECT_TRUE(find("/proc/self/cwd/x").is_unknown());
  EXPECT_TRUE(find("/proc/self/none").is_unknown());
  link("/proc/self/fd", "fds");
  EXPECT_TRUE(find(scratch_ / "fds/0").is_unknown());
  guest_.process().has_own_root = true;
  EXPECT_TRUE(find(scratch_.path()).is_unknown());
  guest_.process() = {};
  guest_.process().has_changed_user = true;
  EXPECT_TRUE(find(scratch_.path()).is_unknown());
}

TEST_F(LookupTest, KnowsViewsOfTheKernel) {
  EXPECT_TRUE(find("/proc/cpuinfo").found->is_kernel_view);
  EXPECT_TRUE(find("/proc").found->is_kernel_view);
  EXPECT_FALSE(find("/dev/null").found->is_kernel_view);
  EXPECT_FALSE(find("/").found->is_kernel_view);
}

TEST_F(LookupTest, FollowsLinksToNamesUnderProc) {
  link("../proc/self/mounts", "mtab");  // relative to /tmp/X: a level short
  link("/proc", "p");
  link("p", "q");
  link("/dev/fd", "fds");
  const auto name = [&](const std::string& path) {
    return kernel_view_name(guest_, {.text = path}).value_or("none");
  };
  EXPECT_EQ(name("/proc/../proc/./stat"), "/proc/stat");
  EXPECT_EQ(name("/sys"), "/sys");
  EXPECT_EQ(name("/process"), "none");
  EXPECT_EQ(name(scratch_ / "mtab"), "none");
  EXPECT_EQ(name(scratch_ / "p/stat"), "/proc/stat");
  EXPECT_EQ(name(scratch_ / "q/self/status"), "/proc/self/status");
  EXPECT_EQ(name("/dev/fd/3"), "/proc/self/fd/3");
  EXPECT_EQ(name(scratch_ / "fds/3"), "/proc/self/fd/3");
  EXPECT_EQ(name(scratch_ / "none"), "none");
  guest_.process().has_own_root = true;
  EXPECT_EQ(name("/dev/fd/3"), "/proc/self/fd/3");
  link("loop", "loop");
  EXPECT_EQ(name(scratch_ / "loop"), "none");
}

TEST(Lookup, KnowsLinksThatLeadOutOfProc) {
  EXPECT_TRUE(leads_through_magic_link("/proc/self/fd/3"));
  EXPECT_TRUE(leads_through_magic_link("/proc/7/task/8/fd/3"));
  EXPECT_TRUE(leads_through_magic_link("/proc/self/cwd"));
  EXPECT_TRUE(leads_through_magic_link("/proc/1/root/etc/passwd"));
  EXPECT_TRUE(leads_through_magic_link("/proc/self/exe"));
  EXPECT_FALSE(leads_through_magic_link("/proc/self/fd"));
  EXPECT_FALSE(leads_through_magic_link("/proc/self/status"));
  EXPECT_FALSE(leads_through_magic_link("/sys/fd/3"));
}

TEST(SplitPath, TellsDirectoryAndName) {
  const auto split = [](const std::string& path) {
    const SplitPath parts = split_path({.text = path});
    return parts.directory.text + "|" + parts.name;
  };
  EXPECT_EQ(split("a"), ".|a");
  EXPECT_EQ(split("a/b"), "a/|b");
  EXPECT_EQ(split("a/b//"), "a/|b");
  EXPECT_EQ(split("/a"), "/|a");
  EXPECT_EQ(split("/"), "/|.");
  EXPECT_EQ(split(""), "|.");
}

TEST(ReadPath, ReadsToTheEndOfMemoryAndNoFurther) {
  OwnTracee guest(1);
  const OwnPages pages(3);
  const std::string path(5000, 'x');
  EXPECT_EQ(*read_path(guest, pages.put_last(std::string_view("name", 5))), "name");
  EXPECT_EQ(*read_path(guest, pages.put_last(std::string_view("", 1))), "");
  EXPECT_EQ(read_path(guest, pages.put_last("no end")).error().code(), EFAULT);
  EXPECT_EQ(read_path(guest, 0).error().code(), EFAULT);
  const std::string longest = std::string(PATH_MAX - 1, 'y') + '\0';
  EXPECT_EQ(read_path(guest, pages.put(100, longest))->size(), PATH_MAX - 1U);
  EXPECT_EQ(read_path(guest, pages.put(100, path)).error().code(), ENAMETOOLONG);
}

}  // namespace
}  // namespace tc::determinism
