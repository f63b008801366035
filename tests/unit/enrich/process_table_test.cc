#include "enrich/process_table.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>

namespace tc::enrich {
namespace {

// Processes of the test's making; counts what it is asked.
class FakeSource final : public proc::Source {
 public:
  std::map<std::uint32_t, std::string> cgroups;
  std::map<std::uint32_t, std::string> maps_texts;
  mutable int maps_asked = 0;

  Result<std::string> maps(std::uint32_t pid) const override {
    ++maps_asked;
    return find(maps_texts, pid);
  }
  std::string maps_file(std::uint32_t pid) const override { return fmt::format("fake/{}", pid); }
  Result<std::string> cgroup(std::uint32_t pid) const override { return find(cgroups, pid); }
  Result<std::string> exe(std::uint32_t pid) const override {
    return fmt::format("/exe/of/{}", pid);
  }
  std::string file_in_root(std::uint32_t, const std::string& path) const override { return path; }

 private:
  static Result<std::string> find(const std::map<std::uint32_t, std::string>& texts,
                                  std::uint32_t pid) {
    const auto found = texts.find(pid);
    if (found == texts.end()) return system_error(ENOENT, "fake");
    return found->second;
  }
};

constexpr const char* kDocker =
    "0::/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";

TEST(ProcessTable, LetsAChildInheritWhatNobodyCanTellAnyMore) {
  FakeSource source;
  source.cgroups[1] = kDocker;
  ProcessTable table(source);
  table.get(1);
  table.fork(1, 2);
  EXPECT_EQ(table.get(2).container->runtime, "docker");
  EXPECT_EQ(table.get(2).exe, "/exe/of/1");
}

TEST(ProcessTable, LooksTheContainerUpAgainAtExec) {
  FakeSource source;
  source.cgroups[1] = "0::/init.scope\n";
  ProcessTable table(source);
  table.fork(1, 2);
  source.cgroups[2] = kDocker;
  table.exec(2, "/bin/app");
  EXPECT_EQ(table.get(2).container->runtime, "docker");
  EXPECT_EQ(table.get(2).exe, "/bin/app");
  EXPECT_EQ(table.get(1).container->runtime, "");
}

TEST(ProcessTable, AsksForMapsOnceAndOnlyWithoutRecords) {
  FakeSource source;
  source.maps_texts[1] = "1000-2000 r-xp 00000000 08:01 5 /bin/one\n";
  ProcessTable table(source);
  Process& known = table.get(1);
  EXPECT_TRUE(table.complete_space(1, known).ok());
  EXPECT_TRUE(table.complete_space(1, known).ok());
  EXPECT_EQ(source.maps_asked, 1);
  ASSERT_NE(known.space.find(0x1800), nullptr);
  EXPECT_EQ(known.space.find(0x1800)->path, "/bin/one");

  proc::Mapping mapping;
  mapping.start = 0x5000;
  mapping.end = 0x6000;
  mapping.path = "/bin/two";
  table.exec(2, "/bin/two");
  table.map(2, mapping, true);
  EXPECT_TRUE(table.complete_space(2, table.get(2)).ok());
  EXPECT_EQ(source.maps_asked, 1) << "the records told everything";
}

TEST(ProcessTable, ForgetsTheOldMappingsAtExec) {
  FakeSource source;
  source.maps_texts[1] = "1000-2000 r-xp 00000000 08:01 5 /bin/one\n";
  ProcessTable table(source);
  EXPECT_TRUE(table.complete_space(1, table.get(1)).ok());
  table.exec(1, "/bin/two");
  EXPECT_EQ(table.get(1).space.find(0x1800), nullptr);
}

TEST(ProcessTable, KnowsAProcessForAWhileAfterItsEnd) {
  FakeSource source;
  ProcessTable table(source);
  table.exec(7, "/bin/seven");
  table.exit(7);
  EXPECT_EQ(table.get(7).exe, "/bin/seven");
  for (std::uint32_t pid = 1000; pid < 3000; ++pid) table.exit(pid);
  EXPECT_EQ(table.get(7).exe, "/exe/of/7") << "asked anew: it was forgotten in the end";
}

TEST(ProcessTable, KeepsANewProcessThatHasTheNumberOfAnOldOne) {
  FakeSource source;
  ProcessTable table(source);
  table.exec(7, "/bin/old");
  table.exit(7);
  table.fork(1, 7);
  table.exec(7, "/bin/new");
  for (std::uint32_t pid = 1000; pid < 3000; ++pid) table.exit(pid);
  EXPECT_EQ(table.get(7).exe, "/bin/new");
}

}  // namespace
}  // namespace tc::enrich
