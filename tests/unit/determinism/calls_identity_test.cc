#include <gtest/gtest.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include <cerrno>
#include <string>
#include <vector>

#include "determinism/calls.h"
#include "determinism/machine.h"
#include "support/fake_tracee.h"

namespace tc::determinism {
namespace {

constexpr std::uint64_t kMemory = 0x10000;
constexpr std::uint64_t kNowhere = 0x99;

class CallsIdentity : public testing::Test {
 protected:
  CallsIdentity() { guest.map(kMemory, 8192); }
  template <sys::TypedCall T>
  std::int64_t answer(const T& call) {
    return guest.run(handlers, call);
  }
  std::uint64_t put_text(const std::string& text) {
    (void)guest.write_memory(kMemory + 4096, std::as_bytes(std::span(text)));
    return kMemory + 4096;
  }

  World world{Settings{}};
  guest::Handlers handlers = make_handlers(world);
  test::FakeTracee guest{2};
};

TEST_F(CallsIdentity, NamesOneMachine) {
  EXPECT_EQ(answer(sys::call::uname{.name = {kMemory}}), 0);
  const auto name = guest.peek<sys::abi::utsname>(kMemory);
  EXPECT_STREQ(name.sysname.bytes, "Linux");
  EXPECT_STREQ(name.nodename.bytes, "testchamber");
  EXPECT_STREQ(name.release.bytes, "6.1.0");
  EXPECT_STREQ(name.machine.bytes, "x86_64");
  EXPECT_STREQ(name.domainname.bytes, "(none)");
  EXPECT_EQ(answer(sys::call::uname{.name = {kNowhere}}), -EFAULT);
}

TEST_F(CallsIdentity, KeepsTheNameThatAGuestGives) {
  guest.expect(0);
  EXPECT_EQ(answer(sys::call::sethostname{.name = {{put_text("other")}}, .len = {5}}), 0);
  EXPECT_EQ(answer(sys::call::uname{.name = {kMemory}}), 0);
  EXPECT_STREQ(guest.peek<sys::abi::utsname>(kMemory).nodename.bytes, "other");
  guest.expect(-EPERM);
  EXPECT_EQ(answer(sys::call::sethostname{.name = {{put_text("third")}}, .len = {5}}), -EPERM);
  EXPECT_EQ(world.host_name, "other");
}

TEST_F(CallsIdentity, HasOneSizeWhateverTheHost) {
  EXPECT_EQ(answer(sys::call::sysinfo{.info = {kMemory}}), 0);
  const auto info = guest.peek<sys::abi::sysinfo>(kMemory);
  EXPECT_EQ(info.totalram.value * info.mem_unit.value, std::uint64_t{8} << 30U);
  EXPECT_EQ(info.uptime.value, 100);
  EXPECT_EQ(info.procs.value, 1);
}

TEST_F(CallsIdentity, TellsWhatWasConsumedByTheVirtualClock) {
  guest.process().started_ns = world.clock.monotonic_ns();
  world.clock.advance(3 * kSecondNs + 4'000);
  EXPECT_EQ(answer(sys::call::getrusage{.who = {RUSAGE_SELF}, .ru = {kMemory}}), 0);
  const auto usage = guest.peek<sys::abi::rusage>(kMemory);
  EXPECT_EQ(usage.ru_utime.tv_sec.value, 3);
  EXPECT_EQ(usage.ru_utime.tv_usec.value, 4);
  EXPECT_EQ(usage.ru_minflt.value, 0U);
  EXPECT_EQ(answer(sys::call::getrusage{.who = {7}, .ru = {kMemory}}), -EINVAL);
  EXPECT_EQ(answer(sys::call::getrusage{.who = {RUSAGE_SELF}, .ru = {kNowhere}}), -EFAULT);
}

TEST_F(CallsIdentity, HasOneProcessor) {
  const auto ask = [this](std::int32_t pid, std::uint32_t size) {
    return answer(
        sys::call::sched_getaffinity{.pid = {pid}, .len = {size}, .user_mask_ptr = {{kMemory}}});
  };
  EXPECT_EQ(ask(0, 128), 8);
  EXPECT_EQ(guest.peek<std::uint64_t>(kMemory), 1U);
  EXPECT_EQ(ask(0, 4), -EINVAL);
  EXPECT_EQ(ask(0, 12), -EINVAL);
  guest.expect(-ESRCH);
  EXPECT_EQ(ask(99, 8), -ESRCH);

  guest.poke(kMemory, std::uint64_t{~0U});
  EXPECT_EQ(answer(sys::call::getcpu{.cpup = {kMemory}, .nodep = {kMemory + 4}, .unused = {}}), 0);
  EXPECT_EQ(guest.peek<std::uint64_t>(kMemory), 0U);
}

TEST_F(CallsIdentity, StaysOnTheOneProcessor) {
  const auto choose = [this](std::uint8_t mask) {
    guest.poke(kMemory, mask);
    return answer(
        sys::call::sched_setaffinity{.pid = {0}, .len = {1}, .user_mask_ptr = {{kMemory}}});
  };
  EXPECT_EQ(choose(1), 0);
  EXPECT_EQ(choose(3), 0);
  EXPECT_EQ(choose(2), -EINVAL);
  EXPECT_EQ(
      answer(sys::call::sched_setaffinity{.pid = {0}, .len = {8}, .user_mask_ptr = {{kNowhere}}}),
      -EFAULT);
}

TEST_F(CallsIdentity, DoesNotLetAddressesBeRandomised) {
  guest.expect(ADDR_NO_RANDOMIZE);  // as it is
  guest.start(handlers, sys::call::personality{.personality = {PER_LINUX}});
  // Passing the changed call is the engine's part.
  ASSERT_EQ(guest.answer().kind, guest::Answer::Kind::kPass);
  ASSERT_TRUE(guest.answer().call);
  EXPECT_EQ(guest.answer().call->arguments[0], std::uint64_t{ADDR_NO_RANDOMIZE});

  guest.expect(0);
  guest.start(handlers, sys::call::personality{.personality = {PER_LINUX}});
  EXPECT_EQ(guest.answer().call->arguments[0], 0U);
}

TEST(Nice, IsRelativeToTheOneOfTheLaunch) {
  for (const int launch : {-5, 0, 1, 10})
    for (const int told : {-10, 0, 3, 9, 19})
      EXPECT_EQ(machine::told_nice(launch, machine::real_nice(launch, told)),
                told + launch >= 19 ? 19 : told)
          << launch << " " << told;
}

TEST_F(CallsIdentity, TellsNiceValuesAsTheKernelDoes) {
  guest.expect(20 - (world.launch_nice + 3));
  EXPECT_EQ(answer(sys::call::getpriority{.which = {PRIO_PROCESS}, .who = {0}}), 17);
  guest.expect(-ESRCH);
  EXPECT_EQ(answer(sys::call::getpriority{.which = {PRIO_PROCESS}, .who = {9}}), -ESRCH);
  guest.start(handlers,
              sys::call::setpriority{.which = {PRIO_PROCESS}, .who = {0}, .niceval = {3}});
  EXPECT_EQ(guest.answer().call->arguments[2], static_cast<std::uint64_t>(world.launch_nice + 3));
}

TEST_F(CallsIdentity, LeavesOutGroupsThatAreNotMapped) {
  const std::vector<std::uint32_t> groups = {65534, 1000, 65534};
  const auto kernel = [&](const guest::RawCall& call) {
    if (call.arguments[0] != 0)
      (void)guest.write_memory(call.arguments[1], std::as_bytes(std::span(groups)));
    return static_cast<std::int64_t>(groups.size());
  };
  const auto ask = [&](std::int32_t room) {
    guest.expect(kernel);
    guest.expect(kernel);
    return answer(sys::call::getgroups{.gidsetsize = {room}, .grouplist = {kMemory}});
  };
  EXPECT_EQ(ask(0), 1);
  EXPECT_EQ(ask(8), 1);
  EXPECT_EQ(guest.peek<std::uint32_t>(kMemory), 1000U);
  EXPECT_EQ(answer(sys::call::getgroups{.gidsetsize = {-1}, .grouplist = {kMemory}}), -EINVAL);
}

TEST_F(CallsIdentity, HasAllPagesInMemory) {
  guest.expect(0);
  EXPECT_EQ(answer(sys::call::mincore{.start = {0}, .len = {5 * 4096 + 1}, .vec = {kMemory}}), 0);
  EXPECT_EQ(guest.peek<std::uint64_t>(kMemory), 0x0000010101010101U);
  guest.expect(-ENOMEM);
  EXPECT_EQ(answer(sys::call::mincore{.start = {0}, .len = {4096}, .vec = {kMemory}}), -ENOMEM);
}

TEST_F(CallsIdentity, SupportsNoMembarrier) {
  EXPECT_EQ(answer(sys::call::membarrier{.cmd = {0}, .flags = {}, .cpu_id = {}}), 0);
  EXPECT_EQ(answer(sys::call::membarrier{.cmd = {8}, .flags = {}, .cpu_id = {}}), -EINVAL);
}

TEST_F(CallsIdentity, HasNoCallsOfLaterKernels) {
  EXPECT_EQ(answer(sys::call::cachestat{}), -ENOSYS);
  EXPECT_EQ(answer(sys::call::get_mempolicy{}), -ENOSYS);
}

}  // namespace
}  // namespace tc::determinism
