#include "sys/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "printed_call.h"
#include "sys/capture.h"

namespace tc::sys {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::uint64_t kMinusOne = UINT64_MAX;

// --- arguments -----------------------------------------------------------------------------------

TEST(Decoder, TellsFlagsModesAndPathsOfAnOpen) {
  EXPECT_EQ(Call("openat", {0xffffff9c, 0x1000, 0101, 0644}).piece(1, "/tmp/x").returning(3),
            "openat(dfd=-100 filename=\"/tmp/x\" flags=O_WRONLY|O_CREAT mode=0644) = 3");
  EXPECT_EQ(Call("openat", {4, 0x1000, 02200000, 0644}).piece(1, "d").returning(3),
            "openat(dfd=4 filename=\"d\" flags=O_RDONLY|O_DIRECTORY|O_CLOEXEC) = 3");
  EXPECT_EQ(Call("openat", {4, 0x1000, 0x40000002, 0}).piece(1, "d").returning(-ENOENT),
            "openat(dfd=4 filename=\"d\" flags=O_RDWR|0x40000000) = ENOENT");
}

TEST(Decoder, MarksStringsThatAreCutOrUnreadableOrNull) {
  EXPECT_THAT(Call("openat", {4, 0x1000, 0, 0}).cut(1, "abc").returning(3),
              HasSubstr("filename=\"abc\"…3 "));
  EXPECT_THAT(Call("openat", {4, 0x1000, 0, 0}).fault(1).returning(-EFAULT),
              HasSubstr("filename=unreadable(0x1000) "));
  EXPECT_THAT(Call("openat", {4, 0, 0, 0}).returning(-EFAULT), HasSubstr("filename=NULL "));
  EXPECT_THAT(Call("openat", {4, 0x1000, 0, 0}).never_returning(), HasSubstr("filename=&1000 "));
}

TEST(Decoder, TellsBuffersAsFarAsTheyWereCaptured) {
  EXPECT_EQ(Call("write", {1, 0x1000, 5}).piece(1, "hello").returning(5),
            "write(fd=1 buf=\"hello\" count=5) = 5");
  EXPECT_EQ(Call("write", {1, 0x1000, 500}).cut(1, "hello").returning(-EPIPE),
            "write(fd=1 buf=\"hello\"…500 count=500) = EPIPE");
  EXPECT_EQ(Call("write", {1, 0x1000, 500}).returning(500),
            "write(fd=1 buf=\"\"…500 count=500) = 500");
  EXPECT_EQ(Call("write", {1, 0x1000, 0}).returning(0), "write(fd=1 buf=\"\" count=0) = 0");
  EXPECT_EQ(Call("write", {1, 0x1000, 0}).fault(1).returning(0),
            "write(fd=1 buf=\"\" count=0) = 0");
  EXPECT_EQ(Call("write", {1, 0x1000, 8}).fault(1).returning(-EFAULT),
            "write(fd=1 buf=unreadable(0x1000) count=8) = EFAULT");
  EXPECT_EQ(Call("read", {3, 0x1000, 500}).piece(1, "hel").returning(3),
            "read(fd=3 buf=\"hel\" count=500) = 3");
}

TEST(Decoder, TellsNoMoreOfABufferThanItHolds) {
  // A size was asked for; what lies behind the buffer is not of this call.
  EXPECT_EQ(Call("read", {3, 0x1000, 2}).piece(1, "abcd").returning(4),
            "read(fd=3 buf=\"ab\"…4 count=2) = 4");
}

TEST(Decoder, DoesNotLookIntoOutputsOfCallsThatFailedOrNeverReturned) {
  const std::string stat = zeroes(144);
  EXPECT_EQ(Call("fstat", {3, 0x1000}).piece(1, stat).returning(-EBADF),
            "fstat(fd=3 statbuf=&1000) = EBADF");
  EXPECT_EQ(Call("fstat", {3, 0x1000}).piece(1, stat).never_returning(),
            "fstat(fd=3 statbuf=&1000)");
  EXPECT_EQ(Call("read", {3, 0x1000, 9}).returning(-512),
            "read(fd=3 buf=&1000 count=9) = ERESTARTSYS");
}

TEST(Decoder, TellsStructsByFieldWithoutTheirPadding) {
  std::string bytes = zeroes(144);
  bytes.replace(24, 4, memory(0100644));
  bytes.replace(48, 8, memory(std::int64_t{42}));
  bytes.replace(88, 8, memory(std::int64_t{77}));
  const std::string text = Call("fstat", {3, 0x1000}).piece(1, bytes).returning(0);
  EXPECT_THAT(text, HasSubstr("st_mode:0100644 "));
  EXPECT_THAT(text, HasSubstr("st_size:42 "));
  EXPECT_THAT(text, HasSubstr(":{tv_sec:77 tv_nsec:0}"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("pad")));
}

TEST(Decoder, LeavesOutFieldsThatWereNotCaptured) {
  const std::string bytes = memories(std::uint64_t{1}, std::uint64_t{2}, std::uint32_t{0});
  EXPECT_EQ(Call("fstat", {3, 0x1000}).piece(1, bytes).returning(0),
            "fstat(fd=3 statbuf={st_dev:1 st_ino:2…}) = 0");
}

TEST(Decoder, EndsFixedStringsAtTheirNul) {
  std::string name = zeroes(390);
  name.replace(0, 5, "Linux");
  name.replace(65, 65, std::string(65, 'x'));
  EXPECT_THAT(
      Call("uname", {0x1000}).piece(0, name).returning(0),
      HasSubstr("{sysname:\"Linux\" nodename:\"" + std::string(65, 'x') + "\" release:\"\""));
}

TEST(Decoder, TellsArraysAsFarAsTheyWereCaptured) {
  const std::string polls =
      memories(5, std::int16_t{1}, std::int16_t{0}) + memories(6, std::int16_t{4}, std::int16_t{4});
  EXPECT_THAT(
      Call("poll", {0x1000, 2, kMinusOne}).piece(0, polls).returning(1),
      ::testing::MatchesRegex("poll\\(ufds=\\[\\{fd:5 .*\\} \\{fd:6 .*\\}\\] nfds=2 .*=-1\\) = 1"));
  EXPECT_THAT(Call("poll", {0x1000, 900, 0}).cut(0, polls).returning(1),
              HasSubstr("]…900 nfds=900"));
  EXPECT_THAT(Call("poll", {0x1000, 0, 0}).returning(0), StartsWith("poll(ufds=[] nfds=0"));
  EXPECT_THAT(Call("poll", {0, 0, 0}).returning(0), StartsWith("poll(ufds=NULL nfds=0"));
}

TEST(Decoder, TellsArgumentListsStringByString) {
  const std::string argv("ls\0\0-l\0", 7);
  EXPECT_THAT(
      Call("execve", {0x1000, 0x2000, 0}).piece(0, "/bin/ls").piece(1, argv).returning(-ENOENT),
      HasSubstr("(filename=\"/bin/ls\" argv=[\"ls\" \"\" \"-l\"] envp=NULL) = ENOENT"));
  EXPECT_THAT(Call("execve", {0, 0x2000, 0}).cut(1, std::string_view("a\0bc", 4)).returning(-2),
              HasSubstr("argv=[\"a\" \"bc\"…2]…2"));
}

TEST(Decoder, TellsEntriesOfADirectory) {
  const auto entry = [](std::uint64_t inode, std::uint8_t type, std::string_view name) {
    std::string bytes =
        memories(inode, std::uint64_t{7}, std::uint16_t{32}, type) + std::string(name) + '\0';
    bytes.resize(32, 'x');
    return bytes;
  };
  const std::string bytes = entry(11, 4, ".") + entry(12, 8, "name");
  EXPECT_THAT(Call("getdents64", {3, 0x1000, 32768}).piece(1, bytes).returning(64),
              HasSubstr("=[{d_ino:11 d_type:DT_DIR d_name:\".\"}"
                        " {d_ino:12 d_type:DT_REG d_name:\"name\"}] count=32768) = 64"));
  EXPECT_THAT(Call("getdents64", {3, 0x1000, 32768}).returning(0),
              HasSubstr("=[] count=32768) = 0"));
}

TEST(Decoder, KnowsWhereTheOldFormatOfADirectoryKeepsTheType) {
  std::string bytes = memories(std::uint64_t{11}, std::uint64_t{7}, std::uint16_t{24}) + "ab";
  bytes.resize(24, '\0');
  bytes.back() = 10;
  EXPECT_THAT(Call("getdents", {3, 0x1000, 32768}).piece(1, bytes).returning(24),
              HasSubstr("=[{d_ino:11 d_type:DT_LNK d_name:\"ab\"}]"));
}

TEST(Decoder, TellsNamesThatTheKernelWrites) {
  EXPECT_THAT(Call("readlink", {0x1000, 0x2000, 99}).piece(0, "/l").piece(1, "to").returning(2),
              HasSubstr("buf=\"to\" "));
  // getcwd(2) counts the NUL.
  EXPECT_THAT(Call("getcwd", {0x1000, 99}).piece(0, std::string_view("/x\0", 3)).returning(3),
              HasSubstr("buf=\"/x\" "));
}

TEST(Decoder, TellsRandomBytesAsSuch) {
  CallReturn call;
  call.number = find_row("getrandom")->number;
  call.arguments = {0x1000, 2, 0};
  call.result = 2;
  const Piece piece = {0, 0, false, false, "ab"};
  call.pieces = {&piece, 1};
  Decoder decoder;
  EXPECT_EQ(decoder.decode(call).arguments[0].value.leaf, Leaf::kRandom);
  EXPECT_EQ(decoder.decode(call).arguments[0].value.text, "ab");
}

// --- results -------------------------------------------------------------------------------------

TEST(Decoder, TellsResultsByTheTypeOfTheRow) {
  const auto result = [](std::string_view name, std::int64_t number) {
    CallReturn call;
    call.number = find_row(name)->number;
    call.result = number;
    Decoder decoder;
    return decoder.decode(call).result;
  };
  EXPECT_EQ(result("openat", 7).leaf, Leaf::kFd);
  EXPECT_EQ(result("getpid", 7).leaf, Leaf::kPid);
  EXPECT_EQ(result("mmap", 0x7f0000001000).leaf, Leaf::kAddress);
  EXPECT_EQ(result("mmap", 0x7f0000001000).number, 0x7f0000001000U);
  EXPECT_EQ(result("close", 0).leaf, Leaf::kSigned);
  EXPECT_EQ(result("close", 0).number, 0U);
}

TEST(Decoder, NamesErrors) {
  EXPECT_THAT(Call("getpid").returning(-EAGAIN), HasSubstr("= EAGAIN"));
  EXPECT_THAT(Call("getpid").returning(-516), HasSubstr("= ERESTART_RESTARTBLOCK"));
  EXPECT_THAT(Call("getpid").returning(-4095), HasSubstr("= E4095"));
  EXPECT_THAT(Call("getpid").returning(-4096), HasSubstr("= -4096"));
}

TEST(Decoder, TellsStatusesOfWaits) {
  const auto wait = [](int status, std::int64_t result) {
    const std::string bytes = memory(status);
    return Call("wait4", {kMinusOne, 0x1000, 0, 0}).piece(1, bytes).returning(result);
  };
  EXPECT_THAT(wait(3 << 8, 9), HasSubstr("={exited:3} "));
  EXPECT_THAT(wait(SIGKILL, 9), HasSubstr("={killed:SIGKILL} "));
  EXPECT_THAT(wait(SIGSEGV | 0x80, 9), HasSubstr("={killed:SIGSEGV core:1} "));
  EXPECT_THAT(wait(SIGSTOP << 8 | 0x7f, 9), HasSubstr("={stopped:SIGSTOP} "));
  EXPECT_THAT(wait(0xffff, 9), HasSubstr("={continued:1} "));
  // Nothing to tell: the status is what lay there before.
  EXPECT_THAT(wait(0x1234, 0), HasSubstr("=&1000 "));
}

// --- other tables and odd numbers ----------------------------------------------------------------

TEST(Decoder, TellsUnknownCallsAsWords) {
  EXPECT_EQ(Call(Abi::kX86_64, 999, {1, 2}).returning(-ENOSYS),
            "call_999(a0=0x1 a1=0x2 a2=0x0 a3=0x0 a4=0x0 a5=0x0) = ENOSYS");
  EXPECT_EQ(Call(Abi::kX86_64, UINT64_MAX).returning(-ENOSYS).substr(0, 8), "call_-1(");
  EXPECT_THAT(Call(Abi::kI386, 4095).returning(-ENOSYS), StartsWith("call_4095(a0="));
}

TEST(Decoder, NamesCallsOfI386ByTheirOwnTable) {
  EXPECT_EQ(Call(Abi::kI386, 3, {5, 0x1000, 9}).piece(1, "abc").returning(3),
            "read(fd=5 buf=\"abc\" count=9) = 3");
  // Its struct stat is another one.
  EXPECT_THAT(Call(Abi::kI386, 106, {0x1000}).returning(0), StartsWith("stat(a0=0x1000 "));
  EXPECT_THAT(Call(Abi::kI386, 90, {0x1000}).returning(0), StartsWith("mmap(a0=0x1000 "));
  EXPECT_THAT(Call(Abi::kI386, 192, {0x1000}).returning(0), StartsWith("mmap2(a0=0x1000 "));
}

TEST(Decoder, NamesX32CallsByTheTableOfX86_64) {
  EXPECT_THAT(Call(Abi::kX32, 0x40000001, {1, 0x1000, 2}).piece(1, "ab").returning(2),
              StartsWith("write(fd=1 buf=\"ab\""));
  EXPECT_THAT(Call(Abi::kX32, 0x40000014).returning(2), StartsWith("writev(a0="));
}

// --- every row -----------------------------------------------------------------------------------

// All that an engine could have copied for a call of this row, each byte `fill`.
std::vector<Piece> pieces_of(const Row& row, const std::string& memory) {
  const tc_capture_plan plan = capture_plan(row, 32);
  std::vector<Piece> pieces;
  for (std::uint32_t i = 0; i < plan.steps; ++i) {
    const tc_capture_step& step = plan.step[i];
    const std::size_t size = step.kind == TC_CAPTURE_FIXED ? step.size : 64;
    EXPECT_LE(size, memory.size()) << row.name;
    const bool parts = step.kind == TC_CAPTURE_VECTORS || step.kind == TC_CAPTURE_MESSAGE;
    for (std::uint8_t part = 0; part < (parts ? 5 : 1); ++part)
      pieces.push_back(
          {step.argument, part, false, false, std::string_view(memory).substr(0, size)});
  }
  return pieces;
}

TEST(Decoder, TellsEveryArgumentOfEveryRow) {
  Decoder decoder;
  for (const char fill : {'\0', '\1', 'A', '\xff'}) {
    const std::string memory(2000, fill);
    for (const Row& row : rows()) {
      const std::vector<Piece> pieces = pieces_of(row, memory);
      CallReturn call;
      call.number = row.number;
      call.arguments.fill(fill == '\0' ? 0x1000
                                       : static_cast<unsigned char>(fill) * 0x0101010101010101U);
      call.pieces = pieces;
      for (const std::optional<std::int64_t> result :
           {std::optional<std::int64_t>(0), std::optional<std::int64_t>(40),
            std::optional<std::int64_t>(-EINVAL), std::optional<std::int64_t>()}) {
        call.result = result;
        const DecodedCall& decoded = decoder.decode(call);
        EXPECT_EQ(decoded.name, row.name);
        EXPECT_EQ(decoded.error.empty(), !call.failed()) << row.name;
        std::size_t next = 0;
        for (const Member& member : decoded.arguments) {
          while (next < row.arguments.size() && row.arguments[next].name != member.name) ++next;
          EXPECT_LT(next, row.arguments.size()) << row.name << " " << member.name;
          EXPECT_NE(text_of(member.value), "") << row.name << " " << member.name;
        }
      }
    }
  }
}

TEST(Decoder, LooksIntoEveryPointerOfASuccessfulCall) {
  const std::string memory(2000, '\0');
  Decoder decoder;
  for (const Row& row : rows()) {
    const std::vector<Piece> pieces = pieces_of(row, memory);
    CallReturn call;
    call.number = row.number;
    call.arguments.fill(16);
    call.pieces = pieces;
    call.result = 16;
    for (const Member& member : decoder.decode(call).arguments) {
      const auto argument = std::ranges::find(row.arguments, member.name, &Argument::name);
      const Shape shape = argument->type.shape;
      // What these are depends on the command; the length of an address is 0 in such memory.
      const bool open = shape == Shape::kScalar || shape == Shape::kIoctl ||
                        shape == Shape::kFcntl || shape == Shape::kSockaddr;
      if (!open && argument->type.leaf != Leaf::kAddress) {
        EXPECT_NE(member.value.leaf, Leaf::kAddress) << row.name << " " << member.name;
      }
    }
  }
}

// --- a guest that lies ---------------------------------------------------------------------------

TEST(Decoder, SurvivesDirectoryEntriesThatLie) {
  const auto decode = [](const std::string& bytes) {
    return Call("getdents64", {3, 0x1000, 99}).piece(1, bytes).returning(99);
  };
  for (const int length : {0, 1, 18, 19, 33, 0xffff}) {
    std::string bytes = zeroes(32);
    const std::string size = memory(static_cast<std::uint16_t>(length));
    bytes.replace(16, 2, size);
    EXPECT_THAT(decode(bytes), HasSubstr("=[]…0 ")) << length;
  }
  EXPECT_THAT(decode(zeroes(3)), HasSubstr("=[]…0 "));
}

TEST(Decoder, SurvivesLengthsThatLie) {
  EXPECT_THAT(Call("write", {1, 0x1000, UINT64_MAX}).piece(1, "ab").returning(-EFAULT),
              HasSubstr("\"ab\"…18446744073709551615"));
  EXPECT_THAT(Call("poll", {0x1000, 0xffffffff, 0}).piece(0, "12345678").returning(-EINVAL),
              HasSubstr("…4294967295"));
  EXPECT_THAT(Call("connect", {3, 0x1000, kMinusOne}).piece(1, "abcd").returning(-EINVAL),
              HasSubstr("=&1000 "));
}

}  // namespace
}  // namespace tc::sys
