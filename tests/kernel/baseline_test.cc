// tc baseline on a live program: a package's install script that does more than it did before.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "base/unique_fd.h"
#include "support/process.h"
#include "support/scratch_directory.h"

namespace tc::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// Somebody to connect to.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(socket_.get(), generic, size) != 0 || listen(socket_.get(), 16) != 0 ||
        getsockname(socket_.get(), generic, &size) != 0)
      throw std::runtime_error("listen on the loopback");
    port_ = ntohs(address.sin_port);
  }
  std::string port() const { return std::to_string(port_); }

 private:
  UniqueFd socket_;
  unsigned port_ = 0;
};

class Baseline : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "bpf" &&
        (geteuid() != 0 || access("/sys/kernel/btf/vmlinux", R_OK) != 0))
      GTEST_SKIP() << "the eBPF engine needs root and BTF";
  }

  void write_script(const std::string& text) const {
    std::ofstream(scratch_ / "postinst.sh") << text;
  }
  Ended tc(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), TC_PROGRAM);
    return run(Command{.argv = std::move(arguments),
                       .environment = {"CI=1", "LC_ALL=C.UTF-8"},
                       .directory = scratch_.path()},
               std::chrono::seconds(120));
  }
  Ended record() const {
    return tc({"baseline", "record", "--engine", GetParam(), "b", "--", "bash", "postinst.sh"});
  }
  // "new connect inet …": each change that a check finds.
  std::vector<std::string> check(int status) const {
    const Ended ended =
        tc({"baseline", "check", "--engine", GetParam(), "--format", "ndjson", "b"});
    EXPECT_EQ(ended.status, status) << ended.error;
    std::vector<std::string> changes;
    std::istringstream lines(ended.output);
    for (std::string line; std::getline(lines, line);) {
      const auto record = nlohmann::json::parse(line);
      if (record["event"] != "change" || record["counts"] != true) continue;
      changes.push_back(record["change"].get<std::string>() + " " +
                        record["kind"].get<std::string>() + " " +
                        record["object"].get<std::string>());
      EXPECT_TRUE(record.contains("record") && record.contains("line")) << line;
    }
    return changes;
  }

  ScratchDirectory scratch_;
};

constexpr const char* kScript =
    "set -e\n"
    "echo a=1 > demo.conf\n"
    "chmod 0600 demo.conf\n"
    "cat /etc/os-release > os\n";

TEST_P(Baseline, NamesExactlyTheFileTheAddressAndTheProgramThatAreNew) {
  const Listener listener;
  write_script(kScript);
  const Ended recorded = record();
  ASSERT_EQ(recorded.status, 0) << recorded.error;
  EXPECT_THAT(check(0), IsEmpty());

  write_script(std::string(kScript) + "cat /etc/hostname > name\n" + "exec 3<>/dev/tcp/127.0.0.1/" +
               listener.port() + "\n/usr/bin/id > who\n");
  EXPECT_THAT(check(1), UnorderedElementsAre("new file read /etc/hostname",
                                             "new connect inet 127.0.0.1:ephemeral tcp",
                                             "new exec /usr/bin/id", "new file write $CWD/name",
                                             "new file write $CWD/who"));

  // Without the redirections, which are effects of their own.
  write_script(std::string(kScript) + "cat /etc/hostname\n" + "exec 3<>/dev/tcp/127.0.0.1/" +
               listener.port() + "\n/usr/bin/id\n");
  EXPECT_THAT(check(1), UnorderedElementsAre("new file read /etc/hostname",
                                             "new connect inet 127.0.0.1:ephemeral tcp",
                                             "new exec /usr/bin/id"));
}

TEST_P(Baseline, NamesWhatIsGone) {
  write_script(kScript);
  ASSERT_EQ(record().status, 0);
  write_script("set -e\necho a=1 > demo.conf\ncat /etc/os-release > os\n");
  EXPECT_THAT(check(1), ElementsAre("gone exec /usr/bin/chmod"));
}

TEST_P(Baseline, SaysThatACommandCannotBeExecuted) {
  const Ended ended =
      tc({"baseline", "record", "--engine", GetParam(), "b", "--", "/no/such/program"});
  EXPECT_EQ(ended.status, 2);
  EXPECT_THAT(ended.error, testing::HasSubstr("/no/such/program"));
  EXPECT_NE(access((scratch_ / "b").c_str(), F_OK), 0);
}

INSTANTIATE_TEST_SUITE_P(Engines, Baseline, testing::Values("ptrace", "bpf"),
                         [](const auto& one) { return std::string(one.param); });

}  // namespace
}  // namespace tc::test
