#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "determinism/calls.h"
#include "support/fake_tracee.h"

namespace tc::determinism {
namespace {

constexpr std::uint64_t kMemory = 0x10000;
constexpr int kFd = 3;

class CallsDevice : public testing::Test {
 protected:
  CallsDevice() {
    guest.map(kMemory, 4096);
    guest.open(kFd, null.get());
  }
  guest::Answer answer(std::uint32_t command, int fd = kFd) {
    guest.start(handlers,
                sys::call::ioctl{
                    .fd = {fd}, .cmd = {static_cast<std::int32_t>(command)}, .arg = {{kMemory}}});
    return guest.answer();
  }
  bool passes(std::uint32_t command) { return answer(command).kind == guest::Answer::Kind::kPass; }

  UniqueFd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  World world{Settings{}};
  guest::Handlers handlers = make_handlers(world);
  test::FakeTracee guest{2};
};

// Puts a pseudo-terminal in the place of our standard input for as long as it lives.
class OwnTerminal {
 public:
  OwnTerminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    ::grantpt(master_.get());
    ::unlockpt(master_.get());
    slave_ = UniqueFd(::open(::ptsname(master_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  }
  int fd() const { return slave_.get(); }
  void become_input() {
    former_ = UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
    ::dup2(slave_.get(), STDIN_FILENO);
  }
  ~OwnTerminal() {
    if (former_) ::dup2(former_.get(), STDIN_FILENO);
  }

 private:
  UniqueFd master_;
  UniqueFd slave_;
  UniqueFd former_;
};

TEST_F(CallsDevice, GivesTheOuterTerminalOneSize) {
  OwnTerminal terminal;
  terminal.become_input();
  guest.open(4, terminal.fd());
  EXPECT_EQ(answer(TIOCGWINSZ, 4).value, 0);
  const auto size = guest.peek<winsize>(kMemory);
  EXPECT_EQ(size.ws_row, 24);
  EXPECT_EQ(size.ws_col, 80);
  EXPECT_EQ(answer(TIOCSWINSZ, 4).kind, guest::Answer::Kind::kValue);
  EXPECT_EQ(answer(TCGETS, 4).kind, guest::Answer::Kind::kPass);
}

TEST_F(CallsDevice, LeavesTheGuestsOwnTerminalsAlone) {
  const OwnTerminal terminal;
  guest.open(4, terminal.fd());
  EXPECT_EQ(answer(TIOCGWINSZ, 4).kind, guest::Answer::Kind::kPass);
  EXPECT_TRUE(passes(TIOCGWINSZ));  // no terminal at all
}

TEST_F(CallsDevice, PassesWhatIsTheSameEverywhere) {
  for (const std::uint32_t command :
       {std::uint32_t{FIONREAD}, std::uint32_t{FIONBIO}, std::uint32_t{FIOCLEX},
        std::uint32_t{FIONCLEX}, std::uint32_t{TCGETS}, std::uint32_t{0x8912}})
    EXPECT_TRUE(passes(command)) << command;
  EXPECT_TRUE(world.requests.notes.empty());
}

TEST_F(CallsDevice, DoesNotTellHowFilesLieOnTheDisk) {
  EXPECT_EQ(answer(FICLONE).value, -EOPNOTSUPP);
  EXPECT_EQ(answer(0xc020660b).value, -EOPNOTSUPP);  // FS_IOC_FIEMAP
  EXPECT_EQ(answer(static_cast<std::uint32_t>(FS_IOC_GETVERSION)).value, -ENOTTY);
  EXPECT_EQ(answer(FICLONE, 77).value, -EBADF);
}

TEST_F(CallsDevice, TellsOnlyTheFlagsThatUsersSet) {
  guest.expect([this](const guest::RawCall& call) {
    guest.poke(call.arguments[2], std::uint32_t{FS_EXTENT_FL | FS_APPEND_FL});
    return 0;
  });
  EXPECT_EQ(answer(static_cast<std::uint32_t>(FS_IOC_GETFLAGS)).value, 0);
  EXPECT_EQ(guest.peek<std::uint32_t>(kMemory), std::uint32_t{FS_APPEND_FL});
}

TEST_F(CallsDevice, TellsOneEntropy) {
  EXPECT_EQ(answer(static_cast<std::uint32_t>(RNDGETENTCNT)).value, 0);
  EXPECT_EQ(guest.peek<int>(kMemory), 256);
  EXPECT_EQ(answer(static_cast<std::uint32_t>(RNDADDENTROPY)).value, -EPERM);
}

TEST_F(CallsDevice, StampsDatagramsByTheVirtualClock) {
  guest.expect(0);
  EXPECT_EQ(answer(0x8906).value, 0);
  const auto stamp = guest.peek<sys::abi::clock_timeval>(kMemory);
  EXPECT_EQ(stamp.tv_sec.value, world.clock.wall_ns() / kSecondNs);
}

TEST_F(CallsDevice, NotesUnknownCommandsThatAnswer) {
  guest.expect(-ENOTTY);
  EXPECT_EQ(answer(0x7099).value, -ENOTTY);
  EXPECT_TRUE(world.requests.notes.empty());
  guest.expect(0);
  EXPECT_EQ(answer(0x7099).value, 0);
  ASSERT_EQ(world.requests.notes.size(), 1U);
  EXPECT_NE(world.requests.notes[0].find("0x7099"), std::string::npos);
}

}  // namespace
}  // namespace tc::determinism
