#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>

#include "printed_call.h"
#include "sys/abi.h"

namespace tc::sys {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Decoder, TellsTheArgumentOfFcntlByItsCommand) {
  const auto fcntl = [](std::uint64_t command, std::uint64_t argument, std::int64_t result) {
    const std::string text = Call("fcntl", {3, command, argument}).returning(result);
    return text.substr(text.find(' ', text.find("cmd=")));
  };
  EXPECT_EQ(Call("fcntl", {3, 1, 0x7fff12345678}).returning(1),
            "fcntl(fd=3 cmd=F_GETFD) = FD_CLOEXEC");
  EXPECT_EQ(Call("fcntl", {3, 3, 0x7fff12345678}).returning(04001),
            "fcntl(fd=3 cmd=F_GETFL) = O_WRONLY|O_NONBLOCK");
  EXPECT_EQ(fcntl(2, 1, 0), " arg=FD_CLOEXEC) = 0");
  EXPECT_EQ(fcntl(4, 04002, 0), " arg=O_RDWR|O_NONBLOCK) = 0");
  EXPECT_EQ(fcntl(0, 10, 11), " arg=10) = 11");
  EXPECT_EQ(fcntl(10, SIGIO, 0), " arg=SIGIO) = 0");
  EXPECT_EQ(fcntl(8, static_cast<std::uint64_t>(-5), 0), " arg=-5) = 0");
  EXPECT_EQ(fcntl(999, 0x7fff12345678, 0), " arg=&7fff12345678) = 0");
  const std::string lock = memories(std::int16_t{1}, std::int16_t{0}, 0, std::int64_t{1073741824},
                                    std::int64_t{1}, 77, 0);
  EXPECT_THAT(Call("fcntl", {3, 6, 0x1000}).piece(2, lock).returning(0),
              HasSubstr("arg={l_type:F_WRLCK l_whence:SEEK_SET l_start:1073741824 l_len:1})"));
  EXPECT_THAT(Call("fcntl", {3, 5, 0x1000}).piece(2, lock).returning(0), HasSubstr(" l_pid:77})"));
  EXPECT_THAT(Call("fcntl", {3, 6, 0x1000}).fault(2).returning(-EFAULT),
              HasSubstr("arg=unreadable(0x1000)) = EFAULT"));
}

TEST(Decoder, TellsADuplicateDescriptorAsDescriptor) {
  CallReturn call;
  call.number = find_row("fcntl")->number;
  call.arguments = {3, 1030, 10};
  call.result = 11;
  Decoder decoder;
  EXPECT_EQ(decoder.decode(call).result.leaf, Leaf::kFd);
  EXPECT_EQ(decoder.decode(call).arguments[2].value.leaf, Leaf::kSigned);
}

std::string ioctl(std::uint64_t command, std::uint64_t argument, std::string_view bytes,
                  std::int64_t result) {
  const std::string text = Call("ioctl", {3, command, argument}).piece(2, bytes).returning(result);
  const std::size_t at = text.find(" arg=");
  return at == std::string::npos ? "no argument" : text.substr(at);
}

TEST(Decoder, TellsTheArgumentOfIoctlByItsCommand) {
  const std::string window = memories(std::uint16_t{24}, std::uint16_t{80}, 0) + zeroes(56);
  EXPECT_EQ(ioctl(0x5413, 0x1000, window, 0),
            " arg={ws_row:24 ws_col:80 ws_xpixel:0 ws_ypixel:0}) = 0");
  EXPECT_EQ(ioctl(0x5413, 0x1000, {}, -ENOTTY), " arg=&1000) = ENOTTY");
  const std::string terminal = memories(1, 2, 3, 4, std::uint8_t{0}) + zeroes(47);
  EXPECT_THAT(ioctl(0x5401, 0x1000, terminal, 0),
              StartsWith(" arg={c_iflag:0x1 c_oflag:0x2 c_cflag:0x3 c_lflag:0x4 c_line:0 c_cc:"));
  EXPECT_EQ(ioctl(0x541b, 0x1000, memories(17) + zeroes(60), 0), " arg=17) = 0");
  EXPECT_EQ(ioctl(0x5421, 0x1000, memories(1), 0), " arg=1) = 0");
  EXPECT_EQ(ioctl(0x5451, 0x7fff1234, {}, 0), "no argument");
  EXPECT_EQ(ioctl(0x40049409, 5, {}, 0), " arg=5) = 0");
  // _IOR(…, 4), _IOW(…, 4) that the decoder has no name for; and one without a size.
  EXPECT_EQ(ioctl(0x80049999, 0x1000, "abcd", 0), " arg=\"abcd\") = 0");
  EXPECT_EQ(ioctl(0x80049999, 0x1000, "abcd", -EINVAL), " arg=&1000) = EINVAL");
  EXPECT_EQ(ioctl(0x40049999, 0x1000, "abcd", -EINVAL), " arg=\"abcd\") = EINVAL");
  EXPECT_EQ(ioctl(0x9999, 7, {}, 0), " arg=0x7) = 0");
}

TEST(Decoder, LeavesOutRegistersThatTheCallDoesNotLookAt) {
  const std::string wake = Call("futex", {0x1000, 129, 1, 0xdead, 0xbeef, 0xf00}).returning(1);
  EXPECT_EQ(wake, "futex(uaddr=&1000 op=FUTEX_WAKE|FUTEX_PRIVATE_FLAG val=1) = 1");
  const std::string requeue = Call("futex", {0x1000, 3, 1, 7, 0xbeef, 0xf00}).returning(1);
  EXPECT_THAT(requeue, HasSubstr(" val=1 utime=7 uaddr2=&beef) = 1"));
  const std::string time = memories(std::int64_t{1}, std::int64_t{5});
  EXPECT_THAT(Call("futex", {0x1000, 0, 1, 0x2000, 0xbeef, 0xf00}).piece(3, time).returning(0),
              HasSubstr(" val=1 utime={tv_sec:1 tv_nsec:5}) = 0"));
}

TEST(Decoder, LeavesOutWhatLibcPassesWithoutBeingAsked) {
  const std::string fork = Call("clone", {0x01200011, 0, 0xdead, 0x2000, 0xbeef}).returning(9);
  EXPECT_THAT(fork, HasSubstr("=&2000) = 9"));
  EXPECT_THAT(fork, ::testing::Not(HasSubstr("dead")));
  const std::string grow = Call("mremap", {0x1000, 4096, 8192, 1, 0xdead}).returning(0x1000);
  EXPECT_THAT(grow, ::testing::Not(HasSubstr("dead")));
  EXPECT_THAT(Call("mremap", {0x1000, 4096, 8192, 3, 0xdead000}).returning(0xdead000),
              HasSubstr("=&dead000) = "));
  EXPECT_THAT(Call("prctl", {1, SIGTERM, 0xdead}).returning(0), HasSubstr("=SIGTERM) = 0"));
  EXPECT_THAT(Call("prctl", {3, 0xdead}).returning(1), ::testing::Not(HasSubstr("dead")));
}

TEST(Decoder, CutsAStructAtTheSizeThatTheCallerTells) {
  const std::string how = memories(std::uint64_t{0101}, std::uint64_t{0644}, UINT64_MAX);
  const auto open = [&](std::uint64_t size) {
    return Call("openat2", {3, 0x1000, 0x2000, size}).piece(1, "x").piece(2, how).returning(4);
  };
  EXPECT_THAT(open(24), HasSubstr("how={flags:O_WRONLY|O_CREAT mode:"));
  EXPECT_THAT(open(24), HasSubstr(" resolve:"));
  EXPECT_THAT(open(16), HasSubstr("how={flags:O_WRONLY|O_CREAT mode:"));
  EXPECT_THAT(open(16), ::testing::Not(HasSubstr(" resolve:")));
}

TEST(Decoder, TellsSetsOfSignalsByTheShorterWay) {
  const auto block = [](std::uint64_t set) {
    const std::string bytes = memory(set);
    const std::string text = Call("rt_sigprocmask", {0, 0x1000, 0, 8}).piece(1, bytes).returning(0);
    return text.substr(text.find("nset="));
  };
  EXPECT_THAT(block(0), StartsWith("nset=[] "));
  EXPECT_THAT(block(1U << (SIGINT - 1) | 1U << (SIGCHLD - 1)),
              StartsWith("nset=[SIGINT SIGCHLD] "));
  EXPECT_THAT(block(UINT64_MAX), StartsWith("nset=~[] "));
  EXPECT_THAT(block(~(std::uint64_t{1} << 63U)), StartsWith("nset=~[SIGRT_32] "));
}

TEST(Decoder, NamesOptionsOfASocketByTheirLevel) {
  const auto setting = [](std::uint64_t level, std::uint64_t option) {
    return Call("setsockopt", {3, level, option, 0, 0}).returning(0);
  };
  EXPECT_THAT(setting(1, 2), HasSubstr("level=SOL_SOCKET optname=SO_REUSEADDR "));
  EXPECT_THAT(setting(6, 1), HasSubstr("level=SOL_TCP optname=TCP_NODELAY "));
  EXPECT_THAT(setting(41, 26), HasSubstr("level=SOL_IPV6 optname=IPV6_V6ONLY "));
  EXPECT_THAT(setting(0, 1), HasSubstr("level=SOL_IP optname=IP_TOS "));
  EXPECT_THAT(setting(270, 1), HasSubstr("level=SOL_NETLINK optname=NETLINK_ADD_MEMBERSHIP "));
  EXPECT_THAT(setting(132, 3), HasSubstr("level=SOL_SCTP optname=3 "));
}

TEST(Decoder, TellsAPointInTimeFromALengthOfTime) {
  const abi::timespec time = {{.tv_sec = {7}, .tv_nsec = {8}}};
  CallReturn call;
  call.number = find_row("clock_nanosleep")->number;
  call.result = 0;
  const std::string bytes = memory(time);
  const Piece pieces[] = {{2, 0, false, false, bytes}};
  call.pieces = pieces;
  const auto leaf = [&](std::uint64_t flags) {
    call.arguments = {1, flags, 0x1000, 0};
    Decoder decoder;
    return decoder.decode(call).arguments[2].value.members[0].value.leaf;
  };
  EXPECT_EQ(leaf(0), Leaf::kDuration);
  EXPECT_EQ(leaf(1), Leaf::kClock);
}

TEST(Decoder, TellsDescriptorsOfASet) {
  const std::string set = "\x09" + zeroes(7) + "\x02" + zeroes(119);
  EXPECT_THAT(Call("select", {66, 0x1000, 0, 0, 0}).piece(1, set).returning(1),
              HasSubstr("inp=[0 3 65]"));
  EXPECT_THAT(Call("select", {3, 0x1000, 0, 0, 0}).piece(1, set).returning(1),
              HasSubstr("inp=[0]"));
}

TEST(Decoder, DoesNotLookAtTheEventOfADescriptorThatLeavesAnEpoll) {
  EXPECT_EQ(Call("epoll_ctl", {4, 2, 5, 0x1000}).returning(0),
            "epoll_ctl(epfd=4 op=EPOLL_CTL_DEL fd=5) = 0");
}

}  // namespace
}  // namespace tc::sys
