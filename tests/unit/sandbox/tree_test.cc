#include "sandbox/tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file.h"

namespace tc::sandbox {
namespace {

class Tree : public testing::Test {
 protected:
  Tree() {
    std::string name = testing::TempDir() + "tc-tree-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Tree() override { std::filesystem::remove_all(path_); }

  std::string described() {
    const Result<UniqueFd> directory = base::open_file(path_, O_PATH);
    Result<std::string> text = describe_tree(directory->get(), "/");
    EXPECT_TRUE(text);
    return text ? std::move(text).value() : "";
  }
  std::string owner() const { return std::to_string(getuid()) + ":" + std::to_string(getgid()); }

  std::string path_;
};

TEST_F(Tree, IsToldInOrderOfNamesWithContents) {
  std::filesystem::create_directories(path_ + "/b");
  chmod((path_ + "/b").c_str(), 0750);
  std::ofstream(path_ + "/b/one two") << "abc";
  chmod((path_ + "/b/one two").c_str(), 0640);
  std::filesystem::create_symlink("b/x", path_ + "/a");
  mkfifo((path_ + "/c").c_str(), 0);
  chmod((path_ + "/c").c_str(), 0600);
  EXPECT_EQ(described(),
            "link " + owner() + " b/x /a\n" + "directory 0750 " + owner() + " /b\n" + "file 0640 " +
                owner() +
                " 3 sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad "
                "/b/one\\040two\n" +
                "special 10600 " + owner() + " 0:0 /c\n");
}

TEST_F(Tree, DoesNotTellTimesNorInodes) {
  const auto write = [&] {
    std::ofstream(path_ + "/a") << "same";
    chmod((path_ + "/a").c_str(), 0644);
  };
  write();
  const std::string first = described();
  std::filesystem::remove(path_ + "/a");
  std::ofstream(path_ + "/other") << "";
  write();
  std::filesystem::remove(path_ + "/other");
  EXPECT_EQ(described(), first);
}

TEST_F(Tree, OfNothingIsEmpty) { EXPECT_EQ(described(), ""); }

}  // namespace
}  // namespace tc::sandbox
