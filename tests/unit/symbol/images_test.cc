#include "symbol/images.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"

namespace tc::symbol {
namespace {

namespace fs = std::filesystem;

std::uint32_t own_pid() { return static_cast<std::uint32_t>(::getpid()); }

// The mapping of this process for which `wanted` holds.
template <class Predicate>
proc::Mapping own_mapping(Predicate wanted) {
  const auto text = base::read_file("/proc/self/maps");
  const auto mappings = proc::parse_maps(text ? *text : "", "maps");
  if (mappings) {
    for (const proc::Mapping& mapping : *mappings) {
      if (wanted(mapping)) return mapping;
    }
  }
  return {};
}

proc::Mapping mapping_of(void* address) {
  return own_mapping([address](const proc::Mapping& mapping) {
    return mapping.contains(reinterpret_cast<std::uint64_t>(address));
  });
}

proc::Mapping libc_mapping() { return mapping_of(reinterpret_cast<void*>(&::getenv)); }

Result<std::shared_ptr<const Image>> load(Images& images, const std::string& path) {
  TC_TRY(const UniqueFd fd, base::open_file(path, O_RDONLY));
  return images.load(fd.get(), path);
}

class Folder {
 public:
  explicit Folder(const std::string& name) : path_(testing::TempDir() + name) {
    fs::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Images, ReadsAFileOnce) {
  Images images({});
  const auto first = load(images, "/bin/true");
  const auto second = load(images, "/bin/true");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(images.count(), 1U);
  EXPECT_GT(images.bytes(), 0U);
}

TEST(Images, SharesTheImageOfCopiesByBuildId) {
  const Folder folder("images_share");
  fs::copy_file("/bin/true", folder / "copy");
  Images images({});
  EXPECT_EQ(load(images, "/bin/true").value(), load(images, folder / "copy").value());
  EXPECT_EQ(images.count(), 1U);
}

TEST(Images, ForgetsTheLeastRecentlyUsedBeyondItsLimit) {
  Images images({.byte_limit = 1});
  std::weak_ptr<const Image> first = load(images, "/bin/true").value();
  EXPECT_FALSE(first.expired());
  (void)load(images, libc_mapping().path);
  EXPECT_TRUE(first.expired());
  EXPECT_EQ(images.count(), 1U);
  EXPECT_TRUE(load(images, "/bin/true").ok());
}

TEST(Images, TakesBackAnImageThatSomebodyKept) {
  Images images({.byte_limit = 1});
  const auto kept = load(images, "/bin/true").value();
  (void)load(images, libc_mapping().path);
  EXPECT_EQ(load(images, "/bin/true").value(), kept);
}

TEST(Images, RemembersFailuresUntilTheFileChanges) {
  const Folder folder("images_failure");
  const std::string path = folder / "program";
  std::ofstream(path) << "no ELF";
  Images images({});
  EXPECT_FALSE(load(images, path).ok());
  EXPECT_EQ(load(images, path).error().text(), path + ": error: [elf] not an ELF file");
  fs::copy_file("/bin/true", path, fs::copy_options::overwrite_existing);
  EXPECT_TRUE(load(images, path).ok());
}

TEST(LiveImages, FindsTheImageOfAMappedLibrary) {
  LiveImages images(proc::LiveProc(), {});
  const auto image = images.image(own_pid(), libc_mapping());
  ASSERT_NE(image, nullptr);
  EXPECT_FALSE(image->symbols.find("getenv").empty());
  EXPECT_EQ(images.image(own_pid(), libc_mapping()), image);
}

TEST(LiveImages, FallsBackToThePathOfAProcessThatIsGone) {
  LiveImages images(proc::LiveProc(), {});
  EXPECT_NE(images.image(0x7fffffff, libc_mapping()), nullptr);
}

TEST(LiveImages, RefusesAnotherFileUnderTheSamePath) {
  LiveImages images(proc::LiveProc(), {});
  proc::Mapping mapping = libc_mapping();
  mapping.inode += 1;
  EXPECT_EQ(images.image(own_pid(), mapping), nullptr);
  EXPECT_NE(images.open(own_pid(), mapping).error().text().find("replaced"), std::string::npos);
}

TEST(LiveImages, BelievesTheBuildIdWhereTheInodeDiffers) {
  LiveImages images(proc::LiveProc(), {});
  proc::Mapping mapping = libc_mapping();
  const auto image = images.image(own_pid(), mapping);
  ASSERT_NE(image, nullptr);
  mapping.inode += 1;
  mapping.build_id = image->build_id;
  EXPECT_EQ(images.image(own_pid(), mapping), image);
  mapping.build_id = "00";
  EXPECT_EQ(images.image(own_pid(), mapping), nullptr);
}

TEST(LiveImages, DoesNotTakeTheNewFileForADeletedOne) {
  LiveImages images(proc::LiveProc(), {});
  proc::Mapping mapping = libc_mapping();
  mapping.deleted = true;
  mapping.build_id = "";
  EXPECT_EQ(images.image(0x7fffffff, mapping), nullptr);
}

TEST(LiveImages, DoesNotOpenFifosOrDevices) {
  const Folder folder("images_fifo");
  const std::string path = folder / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  LiveImages images(proc::LiveProc(), {});
  EXPECT_EQ(images.image(own_pid(), {.start = 0x1000, .end = 0x2000, .path = path}), nullptr);
}

TEST(LiveImages, ReadsDeletedFilesThroughMapFiles) {
  const Folder folder("images_deleted");
  const std::string path = folder / "program";
  fs::copy_file("/bin/true", path);
  const auto fd = base::open_file(path, O_RDONLY);
  ASSERT_TRUE(fd.ok());
  void* const memory = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd->get(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  fs::remove(path);
  const proc::Mapping mapping = mapping_of(memory);
  EXPECT_TRUE(mapping.deleted);
  const auto opened = base::open_file(
      proc::LiveProc().mapped_file(own_pid(), mapping.start, mapping.end), O_RDONLY);
  LiveImages images(proc::LiveProc(), {});
  const auto image = images.image(own_pid(), mapping);
  ::munmap(memory, 4096);
  if (!opened) GTEST_SKIP() << "map_files needs CAP_CHECKPOINT_RESTORE";
  ASSERT_NE(image, nullptr);
  EXPECT_FALSE(image->build_id.empty());
}

TEST(LiveImages, ReadsTheVdsoFromMemory) {
  const proc::Mapping vdso = own_mapping(
      [](const proc::Mapping& mapping) { return mapping.kind() == proc::MappingKind::kVdso; });
  if (vdso.end == 0) GTEST_SKIP() << "no vDSO here";
  LiveImages images(proc::LiveProc(), {});
  const auto image = images.image(own_pid(), vdso);
  ASSERT_NE(image, nullptr);
  EXPECT_FALSE(image->symbols.find("*clock_gettime").empty());
}

TEST(FixtureImages, AnswersByPath) {
  const Folder folder("images_fixture");
  std::ofstream(folder / "a-symbols.json") << R"({"path":"/a","format":"ELF64","symbols":[]})";
  std::ofstream(folder / "README.md") << "not read";
  auto images = FixtureImages::load(folder.path());
  ASSERT_TRUE(images.ok()) << images.error().text();
  EXPECT_NE(images->image(1, {.path = "/a"}), nullptr);
  EXPECT_EQ(images->image(1, {.path = "/b"}), nullptr);
}

TEST(FixtureImages, RefusesTwoFilesForOnePath) {
  const Folder folder("images_twice");
  std::ofstream(folder / "a-symbols.json") << R"({"path":"/a","format":"ELF64","symbols":[]})";
  std::ofstream(folder / "b-symbols.json") << R"({"path":"/a","format":"ELF64","symbols":[]})";
  const auto images = FixtureImages::load(folder.path());
  ASSERT_FALSE(images.ok());
  EXPECT_NE(images.error().text().find("b-symbols.json: error: [symbols] /path"),
            std::string::npos);
}

TEST(FixtureImages, NamesADirectoryThatIsNotThere) {
  EXPECT_EQ(FixtureImages::load("/nowhere").error().code(), ENOENT);
}

}  // namespace
}  // namespace tc::symbol
