// Calls that send signals, wait for them, or wait for children.
#include <gtest/gtest.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "determinism/calls.h"
#include "determinism/signal_files.h"
#include "support/fake_tracee.h"

namespace tc::determinism {
namespace {

using guest::Answer;
using guest::Woken;
using test::FakeTracee;

constexpr std::uint64_t kSet = 0x1000;
constexpr std::uint64_t kTime = 0x1100;
constexpr std::uint64_t kInfo = 0x1200;
constexpr std::uint64_t kNowhere = 0x9000;

std::uint64_t mask_of(int signal) { return 1ULL << static_cast<unsigned>(signal - 1); }

class ProcessCallTest : public testing::Test {
 protected:
  ProcessCallTest() {
    add_signal_calls(handlers_, world_);
    add_process_calls(handlers_, world_);
    guest_.map(0x1000, 0x1000);
  }
  template <sys::TypedCall T>
  const Answer& answer_of(const T& call) {
    guest_.start(handlers_, call);
    EXPECT_FALSE(guest_.is_waiting());
    return guest_.answer();
  }
  template <sys::TypedCall T>
  bool passes(const T& call) {
    return answer_of(call).kind == Answer::Kind::kPass;
  }

  World world_{Settings{}};
  guest::Handlers handlers_;
  FakeTracee guest_{5};
};

TEST_F(ProcessCallTest, TellsTheSchedulerOfSignals) {
  guest_.expect([this](const guest::RawCall&) {
    EXPECT_FALSE(world_.requests.signals_sent);  // it has not been sent yet
    return -ESRCH;
  });
  EXPECT_EQ(answer_of(sys::call::kill{.pid = {7}, .sig = {SIGTERM}}).value, -ESRCH);
  EXPECT_TRUE(std::exchange(world_.requests.signals_sent, false));
  guest_.expect(0);
  EXPECT_EQ(answer_of(sys::call::tgkill{.tgid = {7}, .pid = {8}, .sig = {SIGTERM}}).value, 0);
  EXPECT_TRUE(world_.requests.signals_sent);
}

TEST_F(ProcessCallTest, NeverSignalsTheHost) {
  guest_.expect(0);
  EXPECT_EQ(answer_of(sys::call::kill{.pid = {-1}, .sig = {SIGTERM}}).value, 0);
  guest_.process().host_pid = guest_.process().pid;  // no pid namespace
  EXPECT_EQ(answer_of(sys::call::kill{.pid = {-1}, .sig = {SIGTERM}}).value, -EPERM);
}

TEST_F(ProcessCallTest, SuspendsUnderTheTemporaryMask) {
  guest_.poke(kSet, mask_of(SIGUSR1) | mask_of(SIGKILL));
  sys::call::rt_sigsuspend call{};
  call.unewset.address = kSet;
  call.sigsetsize.value = 8;
  guest_.start(handlers_, call);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_EQ(guest_.wait().signal_mask, mask_of(SIGUSR1));
  guest_.wake(Woken::kSignal);
  EXPECT_EQ(guest_.answer().kind, Answer::Kind::kPass);
  call.sigsetsize.value = 4;
  EXPECT_EQ(answer_of(call).value, -EINVAL);
  call.sigsetsize.value = 8;
  call.unewset.address = kNowhere;
  EXPECT_EQ(answer_of(call).value, -EFAULT);
}

TEST_F(ProcessCallTest, WaitsForASignalOfItsSet) {
  guest_.poke(kSet, mask_of(SIGUSR1) | mask_of(SIGKILL));
  guest_.poke(kTime, timespec{.tv_sec = 3, .tv_nsec = 0});
  sys::call::rt_sigtimedwait call{};
  call.uthese.address = kSet;
  call.uts.address = kTime;
  call.sigsetsize.value = 8;
  guest_.expect([&](const guest::RawCall& made) {
    const auto limit = guest_.peek<timespec>(made.arguments[2]);
    EXPECT_EQ(limit.tv_sec, 0);
    EXPECT_EQ(limit.tv_nsec, 0);
    return -EAGAIN;
  });
  guest_.start(handlers_, call);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_EQ(guest_.wait().accepted_signals, mask_of(SIGUSR1));
  EXPECT_EQ(guest_.wait().deadline_ns, world_.clock.monotonic_ns() + 3 * kSecondNs);
  guest_.expect(SIGUSR1);
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.answer().value, SIGUSR1);
}

TEST_F(ProcessCallTest, GivesUpWaitingForASignal) {
  guest_.poke(kSet, mask_of(SIGUSR1));
  sys::call::rt_sigtimedwait call{};
  call.uthese.address = kSet;
  call.sigsetsize.value = 8;
  guest_.expect(-EAGAIN);
  guest_.start(handlers_, call);
  guest_.wake(Woken::kSignal);
  EXPECT_EQ(guest_.answer().kind, Answer::Kind::kInterrupted);
  EXPECT_EQ(guest_.answer().value, -EINTR);
  call.uts.address = kTime;
  guest_.expect(-EAGAIN);
  EXPECT_EQ(answer_of(call).value, -EAGAIN);  // a timeout of 0 does not wait
  guest_.poke(kTime, timespec{.tv_sec = 0, .tv_nsec = -1});
  EXPECT_EQ(answer_of(call).value, -EINVAL);
}

TEST_F(ProcessCallTest, DoesNotTellHowLongAChildComputed) {
  guest_.poke(kSet, mask_of(SIGCHLD));
  sys::call::rt_sigtimedwait call{};
  call.uthese.address = kSet;
  call.uinfo.address = kInfo;
  call.sigsetsize.value = 8;
  guest_.expect([&](const guest::RawCall&) {
    siginfo_t info{};
    info.si_signo = SIGCHLD;
    info.si_code = CLD_EXITED;
    info.si_status = 3;
    info.si_utime = info.si_stime = 12;
    guest_.poke(kInfo, info);
    return SIGCHLD;
  });
  EXPECT_EQ(answer_of(call).value, SIGCHLD);
  const auto info = guest_.peek<siginfo_t>(kInfo);
  EXPECT_EQ(info.si_status, 3);
  EXPECT_EQ(info.si_utime, 0);
  EXPECT_EQ(info.si_stime, 0);
}

TEST_F(ProcessCallTest, ASignalOfAnAlarmIsTheKernelsOwn) {
  guest_.poke(kSet, mask_of(SIGALRM));
  sys::call::rt_sigtimedwait call{};
  call.uthese.address = kSet;
  call.uinfo.address = kInfo;
  call.sigsetsize.value = 8;
  guest_.expect([&](const guest::RawCall&) {
    siginfo_t info{};
    info.si_signo = SIGALRM;
    info.si_code = SI_TIMER;
    info.si_timerid = -5;
    guest_.poke(kInfo, info);
    return SIGALRM;
  });
  EXPECT_EQ(answer_of(call).value, SIGALRM);
  EXPECT_EQ(guest_.peek<siginfo_t>(kInfo).si_code, SI_KERNEL);
  EXPECT_EQ(guest_.peek<siginfo_t>(kInfo).si_pid, 0);
}

TEST_F(ProcessCallTest, KnowsTheMaskOfASignalDescriptor) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  const int fd = signalfd(-1, &set, 0);
  guest_.set_link(fmt::format("fd/{}", fd), "anon_inode:[signalfd]");
  EXPECT_EQ(signalfd_mask(guest_, fd), mask_of(SIGUSR2));
  guest_.set_link(fmt::format("fd/{}", fd), "/dev/null");
  EXPECT_FALSE(signalfd_mask(guest_, fd).has_value());
  EXPECT_FALSE(signalfd_mask(guest_, 99).has_value());
  ::close(fd);
}

// --- children ------------------------------------------------------------------------------------

TEST_F(ProcessCallTest, WaitsForAChildWithoutTheKernel) {
  sys::call::wait4 call{};
  call.upid.value = -1;
  call.ru.address = kInfo;
  guest_.poke(kInfo + 32, ~0ULL);  // maxrss
  guest_.expect([](const guest::RawCall& made) {
    EXPECT_EQ(made.arguments[2], static_cast<std::uint64_t>(WNOHANG));
    return 0;
  });
  guest_.start(handlers_, call);
  ASSERT_TRUE(guest_.is_waiting());
  EXPECT_TRUE(guest_.wait().children);
  guest_.expect(0);
  guest_.wake(Woken::kReady);  // another one's child
  ASSERT_TRUE(guest_.is_waiting());
  guest_.expect(9);
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.answer().value, 9);
  EXPECT_NE(guest_.peek<std::uint64_t>(kInfo + 32), ~0ULL);
}

TEST_F(ProcessCallTest, AskingForAChildDoesNotWait) {
  sys::call::wait4 call{};
  call.options.value = WNOHANG;
  EXPECT_TRUE(passes(call));
  call.ru.address = kInfo;
  guest_.expect(0);
  EXPECT_EQ(answer_of(call).value, 0);
  guest_.expect(-ECHILD);
  call.options.value = 0;
  EXPECT_EQ(answer_of(call).value, -ECHILD);
}

TEST_F(ProcessCallTest, WaitidFindsOutWhetherThereWasAChild) {
  sys::call::waitid call{};
  call.options.value = WEXITED;
  static_assert(offsetof(siginfo_t, si_pid) == 16);
  guest_.expect([](const guest::RawCall& made) {
    EXPECT_NE(made.arguments[2], 0U);
    EXPECT_NE(made.arguments[3] & WNOHANG, 0U);
    return 0;
  });
  guest_.start(handlers_, call);
  ASSERT_TRUE(guest_.is_waiting());
  guest_.expect([this](const guest::RawCall& made) {
    guest_.poke(made.arguments[2] + 16, std::int32_t{9});
    return 0;
  });
  guest_.wake(Woken::kReady);
  EXPECT_EQ(guest_.answer().value, 0);
}

// --- what a process says of itself ---------------------------------------------------------------

TEST_F(ProcessCallTest, NobodyLeavesTheSandbox) {
  sys::call::clone call{};
  call.clone_flags.value = CLONE_VM;
  EXPECT_FALSE(answer_of(call).call.has_value());
  call.clone_flags.value = CLONE_VM | CLONE_UNTRACED;
  ASSERT_TRUE(answer_of(call).call.has_value());
  EXPECT_EQ(guest_.answer().call->arguments[0], static_cast<std::uint64_t>(CLONE_VM));

  sys::abi::clone_args arguments{};
  arguments.flags.value = CLONE_UNTRACED | CLONE_FS;
  arguments.stack_size.value = 99;
  guest_.poke(kInfo, arguments);
  sys::call::clone3 newer{};
  newer.uargs.address = kInfo;
  newer.size.value = sizeof(arguments);
  ASSERT_TRUE(answer_of(newer).call.has_value());
  const std::uint64_t placed = guest_.answer().call->arguments[0];
  EXPECT_NE(placed, kInfo);
  const auto amended = guest_.peek<sys::abi::clone_args>(placed);
  EXPECT_EQ(amended.flags.value, static_cast<std::uint64_t>(CLONE_FS));
  EXPECT_EQ(amended.stack_size.value, 99U);
  newer.uargs.address = kNowhere;
  EXPECT_EQ(answer_of(newer).value, -EFAULT);
  newer.size.value = 4;
  EXPECT_TRUE(passes(newer));  // EINVAL of the kernel's
}

TEST_F(ProcessCallTest, RemembersWhatTheKernelMayNotBeTold) {
  const auto prctl = [this](int option, std::uint64_t argument) {
    sys::call::prctl call{};
    call.option.value = option;
    call.arg2.value = argument;
    return answer_of(call).value;
  };
  EXPECT_EQ(prctl(PR_GET_DUMPABLE, 0), 1);
  EXPECT_EQ(prctl(PR_SET_DUMPABLE, 2), -EINVAL);
  EXPECT_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
  EXPECT_EQ(prctl(PR_GET_DUMPABLE, 0), 0);
  EXPECT_EQ(prctl(PR_SET_TSC, PR_TSC_SIGSEGV), 0);
  EXPECT_FALSE(guest_.process().reads_tsc);
  EXPECT_EQ(prctl(PR_GET_TSC, kInfo), 0);
  EXPECT_EQ(guest_.peek<std::int32_t>(kInfo), PR_TSC_SIGSEGV);
  EXPECT_EQ(prctl(PR_GET_TSC, kNowhere), -EFAULT);
  EXPECT_EQ(prctl(PR_GET_SECCOMP, 0), SECCOMP_MODE_DISABLED);
  EXPECT_TRUE(world_.requests.notes.empty());
  (void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER);
  EXPECT_EQ(guest_.answer().kind, Answer::Kind::kPass);
  EXPECT_EQ(world_.requests.notes.size(), 1U);
  EXPECT_EQ(prctl(PR_GET_SECCOMP, 0), SECCOMP_MODE_FILTER);
  EXPECT_EQ(answer_of(sys::call::ptrace{}).value, -EPERM);
}

TEST_F(ProcessCallTest, ChoosesNoRealTimeClass) {
  sys::call::sched_setscheduler call{};
  call.param.address = kInfo;
  call.policy.value = SCHED_FIFO;
  guest_.poke(kInfo, std::int32_t{1});
  guest_.expect(0);
  EXPECT_EQ(answer_of(call).value, -EPERM);
  call.policy.value = SCHED_OTHER;
  guest_.expect(0);
  EXPECT_EQ(answer_of(call).value, -EINVAL);
  guest_.poke(kInfo, std::int32_t{0});
  guest_.expect(0);
  EXPECT_EQ(answer_of(call).value, 0);
  call.pid.value = 99;
  guest_.expect(-ESRCH);
  EXPECT_EQ(answer_of(call).value, -ESRCH);
}

TEST_F(ProcessCallTest, NotesThatNamesAreNoLongerOurs) {
  EXPECT_TRUE(passes(sys::call::setuid{.uid = {3}}));
  EXPECT_TRUE(guest_.process().has_changed_user);
  EXPECT_FALSE(guest_.process().has_own_root);
  EXPECT_TRUE(passes(sys::call::chroot{}));
  EXPECT_TRUE(guest_.process().has_own_root);
}

TEST_F(ProcessCallTest, ObjectsHaveNoOrder) {
  guest_.expect(2);
  EXPECT_EQ(answer_of(sys::call::kcmp{}).value, 1);
  guest_.expect(-ESRCH);
  EXPECT_EQ(answer_of(sys::call::kcmp{}).value, -ESRCH);
}

}  // namespace
}  // namespace tc::determinism
