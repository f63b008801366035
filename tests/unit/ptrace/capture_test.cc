#include "ptrace/capture.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "support/own_pages.h"

namespace tc::ptrace {
namespace {

using namespace std::literals;
using test::OwnPages;
using Arguments = std::array<std::uint64_t, 6>;

constexpr std::uint32_t kDataMax = 8;

template <class T>
std::uint64_t address_of(const T& object) {
  return reinterpret_cast<std::uint64_t>(&object);
}

tc_capture_step step(tc_capture_kind kind, int argument, int length = 0, int flags = 0,
                     std::uint32_t size = 0) {
  return {.kind = static_cast<tc_u8>(kind),
          .argument = static_cast<tc_u8>(argument),
          .length = static_cast<tc_u8>(length),
          .flags = static_cast<tc_u8>(flags),
          .size = size};
}

// "ARGUMENT.PART[F][T]:BYTES" of each piece.
std::vector<std::string> captured(std::vector<tc_capture_step> steps, const Arguments& arguments,
                                  std::int64_t result = 0) {
  tc_capture_plan plan{};
  plan.wanted = 1;
  plan.data_max = kDataMax;
  for (const tc_capture_step& each : steps) plan.step[plan.steps++] = each;
  Capture capture;
  std::vector<std::string> shown;
  for (const sys::Piece& piece : capture.take(Memory(getpid()), plan, arguments, result))
    shown.push_back(std::to_string(piece.argument) + "." + std::to_string(piece.part) +
                    (piece.fault ? "F" : "") + (piece.truncated ? "T" : "") + ":" +
                    std::string(piece.bytes));
  return shown;
}
using Shown = std::vector<std::string>;

TEST(Capture, TakesStringsWithoutTheirEnd) {
  const OwnPages pages(1);
  const auto path = step(TC_CAPTURE_STRING, 1);
  EXPECT_EQ(captured({path}, {0, pages.put(7, "/etc\0x"sv)}), Shown{"1.0:/etc"});
  EXPECT_EQ(captured({path}, {0, pages.put_last("x\0"sv)}), Shown{"1.0:x"});
  EXPECT_EQ(captured({path}, {0, pages.put_last("no end")}), Shown{"1.0F:"});
  EXPECT_EQ(captured({path}, {0, 1}), Shown{"1.0F:"});
  EXPECT_EQ(captured({path}, {0, 0}), Shown{});
}

TEST(Capture, CutsStringsOnlyBeyondTheLimit) {
  const OwnPages pages(4);
  const std::string exact(TC_CAPTURE_STRING_MAX, 'a');
  const auto path = step(TC_CAPTURE_STRING, 0);
  EXPECT_EQ(captured({path}, {pages.put(100, exact + '\0')}), Shown{"0.0:" + exact});
  EXPECT_EQ(captured({path}, {pages.put(100, exact + "b\0"s)}), Shown{"0.0T:" + exact});
}

TEST(Capture, TakesNoOutputOfACallThatFailed) {
  const OwnPages pages(1);
  const auto out = step(TC_CAPTURE_FIXED, 1, 0, TC_CAPTURE_RESULT, 4);
  EXPECT_EQ(captured({out}, {0, pages.put(0, "abcd")}, -ENOENT), Shown{});
  EXPECT_EQ(captured({out}, {0, pages.put(0, "abcd")}, 0), Shown{"1.0:abcd"});
}

TEST(Capture, TakesBuffersByTheirLengthOrByTheResult) {
  const OwnPages pages(1);
  const std::uint64_t at = pages.put(0, "0123456789abcdef");
  EXPECT_EQ(captured({step(TC_CAPTURE_BUFFER, 1, 2)}, {3, at, 5}), Shown{"1.0:01234"});
  EXPECT_EQ(captured({step(TC_CAPTURE_BUFFER, 1, 2)}, {3, at, 16}), Shown{"1.0T:01234567"});
  const auto out = step(TC_CAPTURE_BUFFER, 1, 2, TC_CAPTURE_RESULT);
  EXPECT_EQ(captured({out}, {3, at, 16}, 3), Shown{"1.0:012"});
  EXPECT_EQ(captured({out}, {3, at, 16}, 0), Shown{"1.0:"});
  EXPECT_EQ(captured({step(TC_CAPTURE_BUFFER, 1, 2)}, {3, pages.end(), 5}), Shown{"1.0F:"});
}

TEST(Capture, LimitsArraysInBytes) {
  const OwnPages pages(1);
  const std::string many(TC_CAPTURE_ARRAY_MAX, 'x');
  const std::uint64_t at = pages.put(0, many);
  EXPECT_EQ(captured({step(TC_CAPTURE_ARRAY, 0, 1, 0, 8)}, {at, 2}),
            Shown{"0.0:" + many.substr(0, 16)});
  EXPECT_EQ(captured({step(TC_CAPTURE_ARRAY, 0, 1, 0, 8)}, {at, 200}), Shown{"0.0T:" + many});
}

TEST(Capture, FollowsTheLengthOfAnAddressThatTheKernelWrote) {
  const OwnPages pages(1);
  const std::uint64_t at = pages.put(0, "0123456789");
  const std::uint32_t length = 4;
  EXPECT_EQ(captured({step(TC_CAPTURE_ADDRESS, 1, 2)}, {3, at, 6}), Shown{"1.0:012345"});
  const auto out = step(TC_CAPTURE_ADDRESS, 1, 2, TC_CAPTURE_RESULT);
  EXPECT_EQ(captured({out}, {3, at, address_of(length)}), Shown{"1.0:0123"});
  EXPECT_EQ(captured({out}, {3, at, 0}), Shown{});
}

std::string bytes_of(const void* object, std::size_t size) {
  return {static_cast<const char*>(object), size};
}

TEST(Capture, GathersWhatVectorsPointTo) {
  const OwnPages pages(1);
  std::array<iovec, 2> vectors = {iovec{pages.data(), 3}, iovec{pages.data() + 3, 2}};
  pages.put(0, "abcde");
  const std::string array = "1.0:" + bytes_of(vectors.data(), sizeof(vectors));
  const std::uint64_t at = address_of(vectors);
  const auto in = step(TC_CAPTURE_VECTORS, 1, 2);
  EXPECT_EQ(captured({in}, {3, at, 2}), (Shown{array, "1.1:abcde"}));
  const auto out = step(TC_CAPTURE_VECTORS, 1, 2, TC_CAPTURE_RESULT);
  EXPECT_EQ(captured({out}, {3, at, 2}, 4), (Shown{array, "1.1:abcd"}));
  vectors[1].iov_len = 100;
  EXPECT_EQ(captured({in}, {3, at, 2})[1], "1.1T:abcde"s + "\0\0\0"s);
  vectors[1].iov_base = nullptr;
  EXPECT_EQ(captured({in}, {3, at, 2})[1], "1.1FT:");
}

TEST(Capture, SaysThatThereAreMoreVectorsThanItLooksAt) {
  const OwnPages pages(1);
  pages.put(0, "x");
  std::vector<iovec> vectors(20, iovec{pages.data(), 0});
  vectors.front().iov_len = 1;
  const Shown shown = captured({step(TC_CAPTURE_VECTORS, 1, 2)},
                               {3, reinterpret_cast<std::uint64_t>(vectors.data()), 20});
  ASSERT_EQ(shown.size(), 2U);
  EXPECT_TRUE(shown[0].starts_with("1.0T:"));
  EXPECT_EQ(shown[0].size(), 5 + TC_CAPTURE_VECTORS_MAX * sizeof(iovec));
  EXPECT_EQ(shown[1], "1.1T:x");
}

TEST(Capture, TakesAMessageApart) {
  const OwnPages pages(1);
  pages.put(0, "nameDATActl");
  iovec vector = {pages.data() + 4, 4};
  msghdr message{};
  message.msg_name = pages.data();
  message.msg_namelen = 4;
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = pages.data() + 8;
  message.msg_controllen = 3;
  const auto out = step(TC_CAPTURE_MESSAGE, 1, 0, TC_CAPTURE_RESULT);
  EXPECT_EQ(captured({out}, {3, address_of(message)}, 2),
            (Shown{"1.0:" + bytes_of(&message, sizeof(message)), "1.1:name",
                   "1.2:" + bytes_of(&vector, sizeof(vector)), "1.3:DA", "1.4:ctl"}));
  message.msg_name = nullptr;
  message.msg_control = nullptr;
  EXPECT_EQ(captured({out}, {3, address_of(message)}, 2).size(), 3U);
  EXPECT_EQ(captured({out}, {3, pages.end()}, 2), Shown{"1.0F:"});
}

TEST(Capture, TakesListsOfStrings) {
  const OwnPages pages(1);
  pages.put(0, "ls\0-l\0"sv);
  std::array<std::uint64_t, 3> list = {pages.address(), pages.address(3), 0};
  EXPECT_EQ(captured({step(TC_CAPTURE_STRINGS, 1)}, {0, address_of(list)}), Shown{"1.0:ls\0-l\0"s});
  list[1] = pages.end();
  EXPECT_EQ(captured({step(TC_CAPTURE_STRINGS, 1)}, {0, address_of(list)}), Shown{"1.0F:ls\0"s});
}

TEST(Capture, KnowsHowMuchAnIoctlTakes) {
  const OwnPages pages(1);
  const std::uint64_t at = pages.put(0, "0123456789");
  const auto argument = step(TC_CAPTURE_IOCTL, 2);
  EXPECT_EQ(captured({argument}, {3, 0x80045430, at}), Shown{"2.0:0123"});  // TIOCGPTN
  const Shown terminal = captured({argument}, {3, 0x5413, at});             // TIOCGWINSZ
  ASSERT_EQ(terminal.size(), 1U);
  EXPECT_EQ(terminal[0].size(), 4U + 64U);
  EXPECT_EQ(captured({argument}, {3, 0x1234, at}), Shown{});
}

TEST(Capture, TakesLocksOnlyOfCommandsThatHaveOne) {
  const OwnPages pages(1);
  const auto lock = step(TC_CAPTURE_LOCK, 2);
  const Shown shown = captured({lock}, {3, F_SETLK, pages.address()});
  ASSERT_EQ(shown.size(), 1U);
  EXPECT_EQ(shown[0].size(), 4U + sizeof(struct flock));
  EXPECT_EQ(captured({lock}, {3, F_GETFL, pages.address()}), Shown{});
}

TEST(Capture, TakesSeveralArgumentsInTheirOrder) {
  const OwnPages pages(1);
  const std::uint64_t path = pages.put(0, "/x\0"sv);
  const std::uint64_t data = pages.put(100, "data");
  EXPECT_EQ(captured({step(TC_CAPTURE_STRING, 0), step(TC_CAPTURE_STRING, 1),
                      step(TC_CAPTURE_FIXED, 2, 0, 0, 4)},
                     {path, pages.end(), data}),
            (Shown{"0.0:/x", "1.0F:", "2.0:data"}));
}

}  // namespace
}  // namespace tc::ptrace
