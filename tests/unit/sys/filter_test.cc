#include "sys/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <random>

namespace tc::sys {
namespace {

using ::testing::HasSubstr;

constexpr std::uint32_t kX32Bit = 0x40000000;

seccomp_data call_of(std::uint32_t number, std::uint32_t arch = AUDIT_ARCH_X86_64) {
  seccomp_data call{};
  call.nr = static_cast<int>(number);
  call.arch = arch;
  return call;
}

std::uint32_t verdict(const FilterProgram& program, const seccomp_data& call) {
  const Result<std::uint32_t> result = evaluate_filter(program, call);
  EXPECT_TRUE(result.ok()) << (result ? "" : result.error().text());
  return result ? *result : 0xdead;
}

// Every number that a boundary could be near, and those around the sign and the x32 bit.
std::vector<std::uint32_t> numbers() {
  std::vector<std::uint32_t> all;
  for (std::uint32_t number = 0; number <= 1100; ++number) all.push_back(number);
  for (const std::uint32_t base : {kX32Bit, 0x80000000U, 0xc0000000U})
    for (std::uint32_t near = 0; near < 100; ++near) {
      all.push_back(base + near);
      all.push_back(base - 1 - near);
    }
  all.push_back(UINT32_MAX);
  return all;
}

// Holds the program against `expected` for every number and architecture.
template <class Expected>
void expect_equal(const FilterProgram& program, std::uint32_t foreign, Expected&& expected) {
  ASSERT_LE(program.size(), 4096U);
  for (const std::uint32_t number : numbers()) {
    const bool x32 = (number & kX32Bit) != 0;
    ASSERT_EQ(verdict(program, call_of(number)), x32 ? foreign : expected(number)) << number;
    // The number is not looked at then: some are enough.
    if (number % 16 != 0) continue;
    ASSERT_EQ(verdict(program, call_of(number, AUDIT_ARCH_I386)), foreign) << number;
    ASSERT_EQ(verdict(program, call_of(number, 0)), foreign) << number;
  }
}

TEST(TraceFilter, StopsAtWhatIsSelectedAndAtWhatTheTableDoesNotKnow) {
  for (const std::string_view list : {"%file", "openat,read", "!%time", "*", "!*", "getpid"}) {
    const Result<CallSelection> selection = CallSelection::parse(list);
    ASSERT_TRUE(selection.ok()) << list;
    expect_equal(trace_filter(*selection), SECCOMP_RET_TRACE, [&](std::uint32_t number) {
      const bool stops = find_row(number) == nullptr || selection->contains(number);
      return stops ? SECCOMP_RET_TRACE : SECCOMP_RET_ALLOW;
    });
  }
}

TEST(TraceFilter, EqualsRandomSelections) {
  std::mt19937 random(20240607);
  for (int round = 0; round < 12; ++round) {
    CallSelection selection;
    const auto share = random() % 100;
    for (const Row& row : rows())
      if (random() % 100 < share) selection.add(row.number);
    expect_equal(trace_filter(selection), SECCOMP_RET_TRACE, [&](std::uint32_t number) {
      const bool stops = find_row(number) == nullptr || selection.contains(number);
      return stops ? SECCOMP_RET_TRACE : SECCOMP_RET_ALLOW;
    });
  }
}

TEST(PolicyFilter, PassesExactlyTheRowsWhosePolicyIsPass) {
  expect_equal(policy_filter(), SECCOMP_RET_TRACE, [](std::uint32_t number) {
    const Row* row = find_row(number);
    return row != nullptr && row->policy == Policy::Pass ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRACE;
  });
}

TEST(CompileFilter, KeepsApartWhatHasAnActionOfItsOwn) {
  // The worst case: no two neighbours agree.
  const FilterProgram program =
      compile_filter({.foreign = SECCOMP_RET_KILL_PROCESS,
                      .unknown = SECCOMP_RET_ERRNO | ENOSYS,
                      .of = [](std::uint32_t number) { return SECCOMP_RET_ERRNO | number; }});
  expect_equal(program, SECCOMP_RET_KILL_PROCESS, [](std::uint32_t number) {
    return SECCOMP_RET_ERRNO | (number < TC_CALLS_MAX ? number : ENOSYS);
  });
}

TEST(CompileFilter, IsShortWhenNeighboursAgree) {
  const FilterProgram program = compile_filter(
      {.foreign = SECCOMP_RET_KILL_PROCESS, .unknown = SECCOMP_RET_ALLOW, .of = [](std::uint32_t) {
         return SECCOMP_RET_ALLOW;
       }});
  EXPECT_EQ(program.size(), 7U);
}

TEST(CompileFilter, IsTakenByTheKernelWhichThenDecidesAsTheEvaluatorDoes) {
  constexpr int kRefused = EXDEV;
  const FilterProgram program = compile_filter({.foreign = SECCOMP_RET_KILL_PROCESS,
                                                .unknown = SECCOMP_RET_ERRNO | ENOSYS,
                                                .of = [](std::uint32_t number) -> std::uint32_t {
                                                  return number == SYS_getppid
                                                             ? SECCOMP_RET_ERRNO | kRefused
                                                             : SECCOMP_RET_ALLOW;
                                                }});
  ASSERT_EQ(verdict(program, call_of(SYS_getppid)), SECCOMP_RET_ERRNO | kRefused);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const sock_fprog installed = {static_cast<unsigned short>(program.size()),
                                  const_cast<sock_filter*>(program.data())};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(1);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &installed) != 0) _exit(2);
    errno = 0;
    if (syscall(SYS_getppid) != -1 || errno != kRefused) _exit(3);
    if (syscall(SYS_getpid) <= 0) _exit(4);
    if (syscall(TC_CALLS_MAX + 100) != -1 || errno != ENOSYS) _exit(5);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

std::string fault_of(const FilterProgram& program) {
  const Result<std::uint32_t> result = evaluate_filter(program, call_of(0));
  return result ? "none" : result.error().text();
}

TEST(EvaluateFilter, RefusesProgramsThatTheKernelWouldRefuse) {
  const sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  EXPECT_THAT(fault_of(FilterProgram{}), HasSubstr("1 to 4096"));
  EXPECT_THAT(fault_of(FilterProgram(4097, allow)), HasSubstr("1 to 4096"));
  EXPECT_THAT(fault_of({BPF_STMT(BPF_LD | BPF_IMM, 1)}), HasSubstr("runs off"));
  EXPECT_THAT(fault_of({BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), allow}),
              HasSubstr("jumps out"));
  EXPECT_THAT(fault_of({BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX), allow}), HasSubstr("jumps out"));
  EXPECT_THAT(fault_of({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), allow}), HasSubstr("reads"));
  EXPECT_THAT(fault_of({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), allow}), HasSubstr("reads"));
  EXPECT_THAT(fault_of({BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), allow}), HasSubstr("not allowed"));
  EXPECT_THAT(fault_of({BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), allow}), HasSubstr("not allowed"));
  EXPECT_THAT(fault_of({BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), allow}), HasSubstr("divides"));
  EXPECT_THAT(fault_of({BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), allow}), HasSubstr("shifts"));
  EXPECT_THAT(fault_of({BPF_STMT(BPF_ST, 16), allow}), HasSubstr("memory word"));
  EXPECT_THAT(fault_of({BPF_STMT(BPF_LD | BPF_MEM, 3), allow}), HasSubstr("never stored"));
}

TEST(EvaluateFilter, ComputesAsTheKernelDoes) {
  seccomp_data call = call_of(7);
  call.args[0] = 0x1122334455667788;
  call.instruction_pointer = 0x99;
  const auto run = [&](FilterProgram program) {
    program.push_back(BPF_STMT(BPF_RET | BPF_A, 0));
    return verdict(program, call);
  };
  EXPECT_EQ(run({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16)}), 0x55667788U);
  EXPECT_EQ(run({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 20)}), 0x11223344U);
  EXPECT_EQ(run({BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0)}), sizeof(seccomp_data));
  EXPECT_EQ(run({BPF_STMT(BPF_LDX | BPF_IMM, 3), BPF_STMT(BPF_LD | BPF_IMM, 10),
                 BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0)}),
            3U);
  // Division by X = 0 ends the program with 0.
  EXPECT_EQ(run({BPF_STMT(BPF_LD | BPF_IMM, 10), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
                 BPF_STMT(BPF_LD | BPF_IMM, 5)}),
            0U);
  EXPECT_EQ(run({BPF_STMT(BPF_LD | BPF_IMM, 10), BPF_STMT(BPF_ST, 2), BPF_STMT(BPF_LD | BPF_IMM, 1),
                 BPF_STMT(BPF_LDX | BPF_MEM, 2), BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0)}),
            static_cast<std::uint32_t>(-9));
  EXPECT_EQ(run({BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 6, 0, 1),
                 BPF_STMT(BPF_LD | BPF_IMM, 100), BPF_STMT(BPF_ALU | BPF_NEG, 0)}),
            static_cast<std::uint32_t>(-6));
}

}  // namespace
}  // namespace tc::sys
