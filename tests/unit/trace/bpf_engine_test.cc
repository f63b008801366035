// What user space makes of the records of the eBPF programs; no program is loaded here.
#include "trace/bpf_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "sys/table.h"

namespace tc::trace {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint32_t kPid = 100;
constexpr std::uint32_t kThread = 101;
constexpr std::int64_t kRestart = 512;  // ERESTARTSYS

// Writes down what it is told, a line an event.
class Diary final : public guest::Listener {
 public:
  std::vector<std::string> lines;

  static std::string call(const sys::CallReturn& call) {
    std::string text = fmt::format("{}", call.number);
    if (call.result) text += fmt::format("={}", *call.result);
    for (const sys::Piece& piece : call.pieces)
      text += fmt::format(" {}.{}{}{}:{}", piece.argument, piece.part, piece.fault ? "F" : "",
                          piece.truncated ? "T" : "", piece.bytes);
    return text;
  }
  void on(const guest::Called& event) override {
    lines.push_back(fmt::format("{} called {}", event.task.tid, call(event.call)));
  }
  void on(const guest::Created& event) override {
    lines.push_back(
        fmt::format("{} created {}/{}", event.creator.tid, event.child.pid, event.child.tid));
  }
  void on(const guest::Started& event) override {
    std::string text = fmt::format("{} started {}{} argv {} env {} missing {}", event.task.tid,
                                   event.at ? "at " : "", event.path, event.argv.size(),
                                   event.environment.size(), event.missing);
    for (const guest::Mapping& mapping : event.mappings)
      text += fmt::format(" {:x}-{:x}+{:x} {}", mapping.start, mapping.end, mapping.file_offset,
                          mapping.path);
    lines.push_back(text);
  }
  void on(const guest::Signalled& event) override {
    lines.push_back(fmt::format("{} signal {}", event.task.tid, event.signal));
  }
  void on(const guest::Ended& event) override {
    lines.push_back(fmt::format("{} ended{}{}", event.task.tid,
                                event.call ? " in " + call(*event.call) : "",
                                event.last ? fmt::format(" last {}", event.wait_status) : ""));
  }
  void on(const guest::Reached& event) override {
    lines.push_back(fmt::format("{} reached {}", event.task.tid, event.place));
  }
  void on(const guest::Missed& event) override {
    lines.push_back(fmt::format("missed {} {}", event.count, event.reason));
  }
};

class BpfEventsTest : public testing::Test {
 protected:
  BpfEventsTest() : events_(diary_) { events_.meet({.pid = kPid, .tid = kPid}); }

  // The record with `tail` behind its fixed part, taken as if from the ring.
  template <class Wire>
  void take(Wire wire, std::uint16_t type, const std::string& tail = {}, std::uint32_t tid = kPid,
            std::uint32_t pid = kPid) {
    wire.header.type = type;
    wire.header.pid = pid;
    wire.header.tid = tid;
    wire.header.size = static_cast<tc_u32>(sizeof(wire) + tail.size());
    std::vector<std::uint64_t> bytes(wire.header.size / 8 + 1);
    std::memcpy(bytes.data(), &wire, sizeof(wire));
    std::memcpy(reinterpret_cast<char*>(bytes.data()) + sizeof(wire), tail.data(), tail.size());
    events_.take({reinterpret_cast<const std::byte*>(bytes.data()), wire.header.size});
  }

  void call(std::uint64_t number, std::int64_t result, const std::string& pieces = {},
            std::uint32_t piece_count = 0, std::uint32_t tid = kPid, std::uint32_t pid = kPid) {
    tc_call_return wire{};
    wire.number = number;
    wire.ret.value = result;
    wire.piece_count = piece_count;
    if (!pieces.empty())
      wire.pieces = {.offset = sizeof(wire), .length = static_cast<tc_u32>(pieces.size())};
    take(wire, TC_EVENT_call_return, pieces, tid, pid);
  }
  void exit(bool last, int status, std::optional<std::uint64_t> in_call = {},
            std::uint32_t tid = kPid, std::uint32_t pid = kPid) {
    tc_task_exit wire{};
    wire.in_call = in_call ? 1 : 0;
    wire.number = in_call.value_or(0);
    wire.last = last ? 1 : 0;
    wire.status = static_cast<tc_u32>(status);
    take(wire, TC_EVENT_task_exit, {}, tid, pid);
  }
  void signal(std::uint32_t number) {
    tc_signal_deliver wire{};
    wire.signal = number;
    take(wire, TC_EVENT_signal_deliver);
  }
  void create(std::uint32_t pid, std::uint32_t tid) {
    tc_task_create wire{};
    wire.child_pid = pid;
    wire.child_tid = tid;
    take(wire, TC_EVENT_task_create);
  }
  void chunk(std::uint64_t position, const std::string& bytes) {
    tc_argv_chunk wire{};
    wire.position = position;
    wire.bytes = {.offset = sizeof(wire), .length = static_cast<tc_u32>(bytes.size())};
    take(wire, TC_EVENT_argv_chunk, bytes);
  }
  // A program whose first `here` bytes of `total` are in the record itself.
  void start(const std::string& path, std::size_t argv_bytes, std::size_t here, std::size_t total,
             std::uint32_t number = SYS_execve) {
    tc_program_start wire{};
    wire.number = number;
    wire.former_tid = kPid;
    wire.argv_bytes = argv_bytes;
    wire.missing = total - here;
    wire.arguments = {.offset = sizeof(wire), .length = static_cast<tc_u32>(here)};
    wire.path = {.offset = static_cast<tc_u32>(sizeof(wire) + here),
                 .length = static_cast<tc_u32>(path.size())};
    take(wire, TC_EVENT_program_start, std::string(here, 'a') + path);
  }

  static std::string piece(const std::string& bytes, std::uint8_t argument = 0,
                           std::uint8_t part = 0, std::uint16_t flags = 0) {
    const tc_piece head{.argument = argument,
                        .part = part,
                        .flags = flags,
                        .length = static_cast<tc_u32>(bytes.size())};
    std::string text(reinterpret_cast<const char*>(&head), sizeof(head));
    text += bytes;
    text.resize((text.size() + 7) / 8 * 8);
    return text;
  }

  Diary diary_;
  BpfEvents events_;
};

TEST_F(BpfEventsTest, TellsACallWithItsPieces) {
  call(SYS_openat, 3,
       piece("/etc/passwd", 1) + piece("", 2, 1, TC_PIECE_FAULT) +
           piece("12345678", 3, 0, TC_PIECE_TRUNCATED),
       3);
  EXPECT_THAT(diary_.lines, ElementsAre("100 called 257=3 1.0:/etc/passwd 2.1F: 3.0T:12345678"));
}

TEST_F(BpfEventsTest, TellsAnInterruptedCallWhenItsThreadGoesOn) {
  call(SYS_read, -kRestart);
  EXPECT_THAT(diary_.lines, IsEmpty());
  signal(SIGUSR1);
  EXPECT_THAT(diary_.lines, ElementsAre("100 called 0=-512", "100 signal 10"));
}

TEST_F(BpfEventsTest, KeepsTheMemoryOfAnInterruptedCall) {
  call(SYS_connect, -EINTR, piece("address", 1), 1);
  call(SYS_close, 0);
  EXPECT_THAT(diary_.lines, ElementsAre("100 called 42=-4 1.0:address", "100 called 3=0"));
}

TEST_F(BpfEventsTest, TellsTheCallThatAKillCutShortWithoutResult) {
  call(SYS_openat, -kRestart, piece("/fifo", 1), 1);
  exit(true, SIGKILL);
  EXPECT_THAT(diary_.lines, ElementsAre("100 ended in 257 1.0:/fifo last 9"));
}

TEST_F(BpfEventsTest, DoesNotMixUpTheInterruptedCallsOfTwoThreads) {
  call(SYS_read, -kRestart, {}, 0, kThread);
  call(SYS_getpid, kPid);
  exit(false, 0, {}, kThread);
  EXPECT_THAT(diary_.lines, ElementsAre("100 called 39=100", "101 ended in 0"));
}

TEST_F(BpfEventsTest, TellsTheExitAsTheLastCall) {
  call(SYS_nanosleep, -EINTR);
  exit(true, 0x300, SYS_exit_group);
  EXPECT_THAT(diary_.lines, ElementsAre("100 called 35=-4", "100 ended in 231 last 768"));
  EXPECT_EQ(events_.wait_status(kPid), 0x300);
}

TEST_F(BpfEventsTest, PutsLongArgumentsTogether) {
  chunk(32768, std::string(32768, 'b'));
  chunk(65536, std::string(10, 'c'));
  start("/bin/true", 32770, 32768, 65546);
  EXPECT_THAT(diary_.lines, ElementsAre("100 started /bin/true argv 32770 env 32776 missing 0"));
}

TEST_F(BpfEventsTest, EndsLongArgumentsAtAHole) {
  chunk(65536, std::string(10, 'c'));
  start("/bin/true", 40000, 32768, 65546);
  EXPECT_THAT(diary_.lines, ElementsAre("100 started /bin/true argv 32768 env 0 missing 32778"));
}

TEST_F(BpfEventsTest, TellsTheFilesOfAProgramWithItsStart) {
  tc_memory_mapping wire{};
  wire.start.value = 0x1000;
  wire.end.value = 0x3000;
  wire.file_offset.value = 0x2000;
  wire.after_exec = 1;
  wire.path = {.offset = sizeof(wire), .length = 9};
  take(wire, TC_EVENT_memory_mapping, "/bin/true");
  start("true", 2, 2, 2);
  start("true", 2, 2, 2);
  EXPECT_THAT(diary_.lines,
              ElementsAre("100 started true argv 2 env 0 missing 0 1000-3000+2000 /bin/true",
                          "100 started true argv 2 env 0 missing 0"));
}

TEST_F(BpfEventsTest, TellsThePathThatExecveatWasGiven) {
  start("/dev/fd/7/sub/program", 1, 1, 1, SYS_execveat);
  start("/dev/fd/7", 1, 1, 1, SYS_execveat);
  EXPECT_THAT(diary_.lines, ElementsAre("100 started at sub/program argv 1 env 0 missing 0",
                                        "100 started at  argv 1 env 0 missing 0"));
}

TEST_F(BpfEventsTest, TellsNothingOfAHeldCommandBeforeItsProgram) {
  events_.await_program(kPid);
  call(SYS_read, 1);
  call(SYS_rt_sigaction, -kRestart);
  start("true", 2, 2, 2);
  call(SYS_brk, 0);
  EXPECT_THAT(diary_.lines,
              ElementsAre("100 started true argv 2 env 0 missing 0", "100 called 12=0"));
}

TEST_F(BpfEventsTest, TellsNothingOfACommandThatCouldNotBeExecuted) {
  events_.await_program(kPid);
  call(SYS_execve, -ENOENT);
  exit(true, 127 << 8, SYS_exit_group);
  EXPECT_THAT(diary_.lines, IsEmpty());
  EXPECT_EQ(events_.live_processes(), 0);
}

TEST_F(BpfEventsTest, CountsTheProcessesThatLive) {
  create(kPid, kThread);
  EXPECT_EQ(events_.live_processes(), 1);
  create(200, 200);
  EXPECT_EQ(events_.live_processes(), 2);
  exit(false, 0, SYS_exit, kThread);
  EXPECT_EQ(events_.live_processes(), 2);
  exit(true, 0, SYS_exit_group);
  EXPECT_EQ(events_.live_processes(), 1);
  exit(true, 0, SYS_exit_group, 200, 200);
  EXPECT_EQ(events_.live_processes(), 0);
}

TEST_F(BpfEventsTest, DoesNotTellTheBirthOfAThreadItHasMet) {
  events_.meet({.pid = kPid, .tid = kThread});
  create(kPid, kThread);
  create(kPid, 102);
  EXPECT_THAT(diary_.lines, ElementsAre("100 created 100/102"));
}

TEST_F(BpfEventsTest, TellsStrangersOnlyWhenTheirBirthMayHaveBeenMissed) {
  call(SYS_getpid, 300, {}, 0, 300, 300);
  EXPECT_THAT(diary_.lines, IsEmpty());
  tc_lost lost{};
  lost.count = 5;
  lost.reason.value = TC_LOSS_ring_full;
  take(lost, TC_EVENT_lost, {}, 0, 0);
  call(SYS_getpid, 300, {}, 0, 300, 300);
  EXPECT_THAT(diary_.lines, ElementsAre("missed 5 ring_full", "300 called 39=300"));
}

TEST_F(BpfEventsTest, TellsRecordsThatMakeNoSenseAsMissed) {
  const std::uint64_t half = 0;
  events_.take({reinterpret_cast<const std::byte*>(&half), sizeof(half)});
  std::string lying = piece("12345678");
  lying[4] = 100;
  call(SYS_openat, 3, lying, 1);
  call(SYS_openat, 3, piece("12345678"), 2);
  call(SYS_openat, 3, piece("12345678"), 0);
  EXPECT_THAT(diary_.lines, ElementsAre("missed 1 malformed", "missed 1 malformed",
                                        "missed 1 malformed", "missed 1 malformed"));
}

TEST_F(BpfEventsTest, TellsThePlaceReached) {
  tc_symbol_call wire{};
  wire.probe.value = 2;
  take(wire, TC_EVENT_symbol_call);
  EXPECT_THAT(diary_.lines, ElementsAre("100 reached 2"));
}

TEST(CallTracing, WantsTheSelectedCallsAndThoseThatNobodyCanName) {
  sys::CallSelection selection = *sys::CallSelection::parse("openat");
  const probe::CallTracing tracing = call_tracing(selection, 16);
  ASSERT_EQ(tracing.plans.size(), std::size_t{TC_CALLS_MAX});
  for (std::uint32_t number = 0; number < TC_CALLS_MAX; ++number)
    EXPECT_EQ(tracing.plans[number].wanted != 0,
              number == SYS_openat || sys::find_row(number) == nullptr)
        << number;
  EXPECT_EQ(tracing.plans[SYS_openat].step[0].kind, TC_CAPTURE_STRING);
}

}  // namespace
}  // namespace tc::trace
