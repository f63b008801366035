#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>

#include "printed_call.h"

namespace tc::sys {
namespace {

using ::testing::HasSubstr;

std::string connecting(const std::string& address) {
  return Call("connect", {3, 0x1000, address.size()}).piece(1, address).returning(0);
}

TEST(Decoder, TellsAddressesOfEachFamily) {
  EXPECT_THAT(connecting(memories(std::uint16_t{AF_INET}) + "\x1f\x90\x7f" + zeroes(2) + "\x01" +
                         zeroes(8)),
              HasSubstr("{sa_family:AF_INET sin_port:8080 sin_addr:\"127.0.0.1\"}"));
  EXPECT_THAT(connecting(memories(std::uint16_t{AF_INET6}) + "\x01\xbb" + zeroes(19) + "\x01" +
                         memories(std::uint32_t{2})),
              HasSubstr("{sa_family:AF_INET6 sin6_port:443 sin6_addr:\"::1\" sin6_scope_id:2}"));
  const std::string local = memories(std::uint16_t{AF_UNIX});
  EXPECT_THAT(connecting(local + "/run/x" + zeroes(3)),
              HasSubstr("{sa_family:AF_UNIX sun_path:\"/run/x\"}"));
  EXPECT_THAT(connecting(local + '\0' + "bus" + '\0' + "1"),
              HasSubstr("{sa_family:AF_UNIX abstract:\"bus\\001\"}"));
  EXPECT_THAT(connecting(local), HasSubstr("={sa_family:AF_UNIX} "));
  EXPECT_THAT(connecting(memories(std::uint16_t{AF_NETLINK}, std::uint16_t{0}, 17, 0x10)),
              HasSubstr("{sa_family:AF_NETLINK nl_pid:17 nl_groups:0x10}"));
  EXPECT_THAT(connecting(memories(std::uint16_t{AF_VSOCK}, std::uint16_t{0}, 1024, 2, 0)),
              HasSubstr("{sa_family:AF_VSOCK svm_cid:2 svm_port:1024}"));
  EXPECT_THAT(
      connecting(memories(std::uint16_t{AF_PACKET}, std::uint16_t{0x0300}, 1, std::uint16_t{1},
                          std::uint8_t{0}, std::uint8_t{2}) +
                 "abcd"),
      HasSubstr("sll_protocol:0x3 sll_ifindex:1 sll_hatype:1 sll_pkttype:0 sll_addr:\"ab\"}"));
}

TEST(Decoder, TellsShortAndUnknownAddressesAsBytes) {
  EXPECT_THAT(connecting("\x02"), HasSubstr("=\"\\02\" "));
  EXPECT_THAT(connecting(memories(std::uint16_t{AF_INET}) + "ab"),
              HasSubstr("{sa_family:AF_INET sa_data:\"ab\"}"));
  EXPECT_THAT(connecting(memories(std::uint16_t{999}) + "ab"),
              HasSubstr("{sa_family:999 sa_data:\"ab\"}"));
}

TEST(Decoder, CutsAnAddressAtTheLengthThatTheKernelWrote) {
  const std::string address = memories(std::uint16_t{AF_UNIX}) + "leftover";
  const std::string length = memory(2);
  EXPECT_THAT(Call("accept", {3, 0x1000, 0x2000}).piece(1, address).piece(2, length).returning(4),
              HasSubstr("={sa_family:AF_UNIX} "));
  EXPECT_THAT(
      Call("accept", {3, 0x1000, 0x2000}).piece(1, address).piece(2, memory(0)).returning(4),
      HasSubstr("=&1000 "));
  EXPECT_THAT(Call("accept", {3, 0x1000, 0x2000}).piece(1, address).piece(2, length).returning(-4),
              HasSubstr("=&1000 "));
}

TEST(Decoder, TellsSocketOptionsAsFarAsTheKernelWrote) {
  const std::string option = memories(1, 2);
  Call call("getsockopt", {3, 1, 9, 0x1000, 0x2000});
  EXPECT_THAT(call.piece(3, option).piece(4, memory(4)).returning(0),
              HasSubstr("optval=\"\\01\\00\\00\\00\" optlen=4) = 0"));
}

TEST(Decoder, JoinsWhatVectorsPointTo) {
  const std::string vectors =
      memories(std::uint64_t{0x10}, std::uint64_t{3}, std::uint64_t{0x20}, std::uint64_t{40});
  EXPECT_EQ(Call("writev", {1, 0x1000, 2}).piece(1, vectors).cut(1, "abcde", 1).returning(43),
            "writev(fd=1 vec=\"abcde\"…43 vlen=2) = 43");
  EXPECT_EQ(Call("readv", {1, 0x1000, 2}).piece(1, vectors).piece(1, "abcde", 1).returning(5),
            "readv(fd=1 vec=\"abcde\" vlen=2) = 5");
  EXPECT_EQ(Call("writev", {1, 0x1000, 2}).fault(1).returning(-EFAULT),
            "writev(fd=1 vec=unreadable(0x1000) vlen=2) = EFAULT");
  EXPECT_EQ(Call("writev", {1, 0x1000, 2}).piece(1, vectors).fault(1, 1).returning(-EFAULT),
            "writev(fd=1 vec=unreadable(0x1000) vlen=2) = EFAULT");
}

TEST(Decoder, DoesNotAddUpLengthsOfVectorsBeyondTheirWidth) {
  const std::string vectors =
      memories(std::uint64_t{0x10}, UINT64_MAX, std::uint64_t{0x20}, std::uint64_t{40});
  EXPECT_THAT(Call("writev", {1, 0x1000, 2}).piece(1, vectors).piece(1, "ab", 1).returning(-22),
              HasSubstr("\"ab\"…18446744073709551615"));
}

std::string message_header(std::uint32_t name, std::uint64_t vectors, std::uint64_t control,
                           std::uint32_t flags) {
  return memories(std::uint64_t{0x100}, name, 0, std::uint64_t{0x200}, vectors,
                  std::uint64_t{0x300}, control, flags, 0);
}

TEST(Decoder, TellsMessagesWithWhatTheyCarry) {
  const std::string header = message_header(2, 1, 24 + 32, 8);
  const std::string name = memories(std::uint16_t{AF_UNIX});
  const std::string vectors = memories(std::uint64_t{0x10}, std::uint64_t{100});
  const std::string control =
      memories(std::uint64_t{24}, SOL_SOCKET, SCM_RIGHTS, 5, 6) +
      memories(std::uint64_t{28}, SOL_SOCKET, SCM_CREDENTIALS, 42, 1000, 1001, 0);
  Call call("recvmsg", {3, 0x1000, 0});
  call.piece(1, header, 0).piece(1, name, 1).piece(1, vectors, 2).piece(1, "hello", 3);
  call.piece(1, control, 4);
  EXPECT_THAT(call.returning(5),
              HasSubstr("msg={msg_name:{sa_family:AF_UNIX} msg_iov:\"hello\" msg_control:["
                        "{cmsg_level:SOL_SOCKET cmsg_type:SCM_RIGHTS data:[5 6]}"
                        " {cmsg_level:SOL_SOCKET cmsg_type:SCM_CREDENTIALS"
                        " data:{pid:42 uid:1000 gid:1001}}] msg_flags:MSG_CTRUNC}"));
}

TEST(Decoder, TellsMessagesToSendWithoutWhatTheKernelIgnores) {
  const std::string header = message_header(0, 1, 0, 0x1234);
  const std::string vectors = memories(std::uint64_t{0x10}, std::uint64_t{5});
  Call call("sendmsg", {3, 0x1000, 0});
  call.piece(1, header, 0).piece(1, vectors, 2).piece(1, "hello", 3);
  EXPECT_THAT(call.returning(-EPIPE), HasSubstr("msg={msg_iov:\"hello\"} flags=0) = EPIPE"));
}

TEST(Decoder, SurvivesControlMessagesThatLie) {
  const std::string header = message_header(0, 0, 1000, 0);
  for (const std::uint64_t length :
       {std::uint64_t{0}, std::uint64_t{15}, std::uint64_t{33}, UINT64_MAX, UINT64_MAX - 7}) {
    const std::string control = memories(length, SOL_SOCKET, SCM_RIGHTS) + zeroes(16);
    Call call("recvmsg", {3, 0x1000, 0});
    EXPECT_THAT(call.piece(1, header, 0).piece(1, control, 4).returning(0),
                HasSubstr("msg_control:[]…0"))
        << length;
  }
}

TEST(Decoder, SurvivesMessageHeadersThatLie) {
  const std::string header = message_header(UINT32_MAX, UINT64_MAX, UINT64_MAX, 0);
  EXPECT_THAT(Call("sendmsg", {3, 0x1000, 0}).piece(1, header, 0).returning(-EMSGSIZE),
              HasSubstr("msg_name:unreadable(0x100) msg_iov:\"\" msg_control:unreadable(0x300)"));
}

}  // namespace
}  // namespace tc::sys
