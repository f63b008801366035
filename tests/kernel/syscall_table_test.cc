// The table of system calls against the running kernel: names of calls, and number and
// names of arguments, as tracefs tells them for its tracepoints syscalls/sys_enter_NAME.
#include <fcntl.h>
#include <sys/mount.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/unique_fd.h"
#include "kernel/kernel_test.h"
#include "sys/table.h"

namespace tc::test {
namespace {

namespace fs = std::filesystem;

// Names of the kernel's functions that are not those of its table, as the first definition of a
// call often has a successor.
constexpr std::pair<std::string_view, std::string_view> kFunctions[] = {
    {"newstat", "stat"},        {"newfstat", "fstat"}, {"newlstat", "lstat"}, {"newuname", "uname"},
    {"sendfile64", "sendfile"}, {"umount", "umount2"}, {"sysctl", "_sysctl"}};

std::string_view call_of(std::string_view function) {
  for (const auto& [name, call] : kFunctions)
    if (name == function) return call;
  return function;
}

// tracefs of its own, mounted nowhere: gone with the descriptor.
UniqueFd mount_tracefs() {
  const UniqueFd context(fsopen("tracefs", FSOPEN_CLOEXEC));
  if (!context || fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return {};
  return UniqueFd(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
}

// "	field:const char * filename;	offset:24; …" gives "filename"; fields before the arguments
// are those of every event, and __syscall_nr.
std::vector<std::string> argument_names(const std::string& format) {
  std::vector<std::string> names;
  bool is_argument = false;
  for (std::size_t at = 0; (at = format.find("field:", at)) != std::string::npos; ++at) {
    const std::size_t end = format.find(';', at);
    const std::size_t begin = format.find_last_of(" *", end) + 1;
    std::string name = format.substr(begin, end - begin);
    if (is_argument) {
      // Keys of a record begin with a letter.
      name.erase(0, name.find_first_not_of('_'));
      names.push_back(name);
    }
    is_argument = is_argument || name == "__syscall_nr";
  }
  return names;
}

class SyscallTable : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    tracefs_ = mount_tracefs();
    ASSERT_TRUE(tracefs_) << "tracefs cannot be mounted";
  }

  // By name of the function.
  std::map<std::string, std::vector<std::string>> calls() const {
    const std::string directory =
        "/proc/self/fd/" + std::to_string(tracefs_.get()) + "/events/syscalls";
    std::map<std::string, std::vector<std::string>> calls;
    for (const auto& entry : fs::directory_iterator(directory)) {
      const std::string name = entry.path().filename();
      constexpr std::string_view kPrefix = "sys_enter_";
      if (!name.starts_with(kPrefix)) continue;
      const Result<std::string> format = base::read_file(entry.path() / "format");
      EXPECT_TRUE(format.ok()) << name;
      if (format.ok()) calls[name.substr(kPrefix.size())] = argument_names(*format);
    }
    return calls;
  }

  UniqueFd tracefs_;
};

TEST_F(SyscallTable, HasTheArgumentsOfTheKernel) {
  std::size_t count = 0;
  for (const auto& [function, names] : calls()) {
    const sys::Row* row = sys::find_row(call_of(function));
    ASSERT_NE(row, nullptr) << function << " is not in userspace/sys/syscalls.def";
    std::vector<std::string> ours;
    for (const sys::Argument& argument : row->arguments) ours.emplace_back(argument.name);
    EXPECT_EQ(ours, names) << row->name;
    ++count;
  }
  EXPECT_GT(count, 340U);
}

// A row that the kernel has no function for is a call that it no longer has, or that its
// configuration leaves out, or one whose function is not told (SYSCALL_DEFINE under another name).
TEST_F(SyscallTable, HasFewCallsThatTheKernelDoesNotTell) {
  std::map<std::string_view, bool> told;
  for (const auto& [function, names] : calls())
    if (const sys::Row* row = sys::find_row(call_of(function))) told[row->name] = true;
  std::vector<std::string_view> others;
  for (const sys::Row& row : sys::rows())
    if (!told.contains(row.name)) others.push_back(row.name);
  EXPECT_LE(others.size(), 40U) << testing::PrintToString(others);
}

}  // namespace
}  // namespace tc::test
