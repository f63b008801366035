// The structs of structs.def against those of the kernel's headers and of libc: sizes and offsets.
// Those that no header has are held against the kernel's own answer, or against the size that it
// demands.
#include "sys/abi.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <utime.h>

#include <gtest/gtest.h>

#include <utility>

namespace tc::sys {
namespace {

#define EXPECT_SIZE(ours, theirs) EXPECT_EQ(sizeof(abi::ours), sizeof(theirs)) << #ours
#define EXPECT_FIELD(ours, field, theirs, member)                                            \
  EXPECT_EQ(offsetof(abi::ours, field), offsetof(theirs, member)) << #ours << " " << #field; \
  EXPECT_EQ(sizeof(abi::ours::field), sizeof(std::declval<theirs&>().member))                \
      << #ours << " " << #field
// The same name in both.
#define EXPECT_SAME(ours, theirs, field) EXPECT_FIELD(ours, field, theirs, field)

TEST(AbiStructs, OfTimeAreThoseOfTheHeaders) {
  EXPECT_SIZE(timespec, struct timespec);
  EXPECT_SAME(timespec, struct ::timespec, tv_nsec);
  EXPECT_SIZE(clock_reading, struct timespec);
  EXPECT_SIZE(wait_limit, struct timespec);
  EXPECT_SIZE(timeval, struct timeval);
  EXPECT_SAME(timeval, struct ::timeval, tv_usec);
  EXPECT_SIZE(clock_timeval, struct timeval);
  EXPECT_SIZE(wait_timeval, struct timeval);
  EXPECT_SIZE(file_times, struct timespec[2]);
  EXPECT_SIZE(file_times_us, struct timeval[2]);
  EXPECT_SIZE(utimbuf, struct utimbuf);
  EXPECT_SAME(utimbuf, struct ::utimbuf, modtime);
  EXPECT_SIZE(timezone, struct timezone);
  EXPECT_SAME(timezone, struct ::timezone, tz_dsttime);
  EXPECT_SIZE(itimerval, struct itimerval);
  EXPECT_SAME(itimerval, struct ::itimerval, it_value);
  EXPECT_SIZE(itimer_reading, struct itimerval);
  EXPECT_SIZE(itimerspec, struct itimerspec);
  EXPECT_SAME(itimerspec, struct ::itimerspec, it_value);
  EXPECT_SIZE(itimerspec_reading, struct itimerspec);
  EXPECT_SIZE(tms, struct tms);
  EXPECT_SAME(tms, struct ::tms, tms_cutime);
}

TEST(AbiStructs, OfClocksAreThoseOfTheHeaders) {
  EXPECT_SIZE(timex, struct timex);
  EXPECT_SAME(timex, struct ::timex, offset);
  EXPECT_SAME(timex, struct ::timex, status);
  EXPECT_SAME(timex, struct ::timex, constant);
  EXPECT_SAME(timex, struct ::timex, time);
  EXPECT_SAME(timex, struct ::timex, tick);
  EXPECT_SAME(timex, struct ::timex, shift);
  EXPECT_SAME(timex, struct ::timex, stabil);
  EXPECT_SAME(timex, struct ::timex, stbcnt);
  EXPECT_SAME(timex, struct ::timex, tai);
  EXPECT_SIZE(rusage, struct rusage);
  EXPECT_SAME(rusage, struct ::rusage, ru_stime);
  EXPECT_SAME(rusage, struct ::rusage, ru_nivcsw);
}

TEST(AbiStructs, OfFilesAreThoseOfTheHeaders) {
  EXPECT_SIZE(stat, struct stat);
  EXPECT_SAME(stat, struct ::stat, st_dev);
  EXPECT_SAME(stat, struct ::stat, st_ino);
  EXPECT_SAME(stat, struct ::stat, st_nlink);
  EXPECT_SAME(stat, struct ::stat, st_mode);
  EXPECT_SAME(stat, struct ::stat, st_gid);
  EXPECT_SAME(stat, struct ::stat, st_rdev);
  EXPECT_SAME(stat, struct ::stat, st_size);
  EXPECT_SAME(stat, struct ::stat, st_blocks);
  EXPECT_SAME(stat, struct ::stat, st_atim);
  EXPECT_SAME(stat, struct ::stat, st_ctim);
  EXPECT_SIZE(statx, struct statx);
  EXPECT_SAME(statx, struct ::statx, stx_attributes);
  EXPECT_SAME(statx, struct ::statx, stx_nlink);
  EXPECT_SAME(statx, struct ::statx, stx_mode);
  EXPECT_SAME(statx, struct ::statx, stx_ino);
  EXPECT_SAME(statx, struct ::statx, stx_attributes_mask);
  EXPECT_SAME(statx, struct ::statx, stx_btime);
  EXPECT_SAME(statx, struct ::statx, stx_mtime);
  EXPECT_SAME(statx, struct ::statx, stx_dev_minor);
  EXPECT_SAME(statx, struct ::statx, stx_mnt_id);
  EXPECT_SIZE(statx_timestamp, struct statx_timestamp);
  EXPECT_SAME(statx_timestamp, struct ::statx_timestamp, tv_nsec);
  EXPECT_SIZE(statfs, struct statfs);
  EXPECT_SAME(statfs, struct ::statfs, f_bfree);
  EXPECT_SAME(statfs, struct ::statfs, f_fsid);
  EXPECT_SAME(statfs, struct ::statfs, f_namelen);
  EXPECT_SAME(statfs, struct ::statfs, f_flags);
}

TEST(AbiStructs, OfOpeningAndMountingAreThoseOfTheHeaders) {
  EXPECT_SIZE(open_how, struct open_how);
  EXPECT_SAME(open_how, struct ::open_how, resolve);
  EXPECT_SIZE(file_handle, struct file_handle);
  EXPECT_SAME(file_handle, struct ::file_handle, handle_type);
  EXPECT_SIZE(mount_attr, struct mount_attr);
  EXPECT_SAME(mount_attr, struct ::mount_attr, userns_fd);
  // Later than the headers: the sizes that the kernel's own asserts name.
  EXPECT_EQ(sizeof(abi::mnt_id_req), 32U);
  EXPECT_EQ(sizeof(abi::xattr_args), 16U);
  EXPECT_EQ(sizeof(abi::file_attr), 24U);
  EXPECT_EQ(sizeof(abi::cachestat_range), 16U);
  EXPECT_EQ(sizeof(abi::cachestat), 40U);
  EXPECT_EQ(sizeof(abi::ustat), 32U);
  EXPECT_EQ(sizeof(abi::fd_pair), sizeof(int[2]));
  EXPECT_EQ(sizeof(abi::socket_pair), sizeof(int[2]));
}

TEST(AbiStructs, OfWaitingAreThoseOfTheHeaders) {
  EXPECT_SIZE(pollfd, struct pollfd);
  EXPECT_SAME(pollfd, struct ::pollfd, events);
  EXPECT_SAME(pollfd, struct ::pollfd, revents);
  EXPECT_SIZE(epoll_event, struct epoll_event);
  EXPECT_SAME(epoll_event, struct ::epoll_event, data);
  EXPECT_SIZE(futex_waitv, struct futex_waitv);
  EXPECT_SAME(futex_waitv, struct ::futex_waitv, uaddr);
  EXPECT_SAME(futex_waitv, struct ::futex_waitv, flags);
}

TEST(AbiStructs, OfSignalsAreThoseOfTheHeaders) {
  EXPECT_SIZE(stack_t, stack_t);
  EXPECT_SAME(stack_t, ::stack_t, ss_flags);
  EXPECT_SAME(stack_t, ::stack_t, ss_size);
  EXPECT_SIZE(siginfo, siginfo_t);
  EXPECT_EQ(offsetof(abi::siginfo, code), offsetof(siginfo_t, si_code));
  EXPECT_EQ(offsetof(abi::siginfo, pid), offsetof(siginfo_t, si_pid));
  EXPECT_EQ(offsetof(abi::siginfo, uid), offsetof(siginfo_t, si_uid));
  EXPECT_EQ(offsetof(abi::siginfo, value), offsetof(siginfo_t, si_value));
  EXPECT_SIZE(child_info, siginfo_t);
  EXPECT_EQ(offsetof(abi::child_info, pid), offsetof(siginfo_t, si_pid));
  EXPECT_EQ(offsetof(abi::child_info, status), offsetof(siginfo_t, si_status));
  EXPECT_EQ(offsetof(abi::child_info, utime), offsetof(siginfo_t, si_utime));
  EXPECT_EQ(offsetof(abi::child_info, stime), offsetof(siginfo_t, si_stime));
  EXPECT_SIZE(sigevent, struct sigevent);
  EXPECT_EQ(offsetof(abi::sigevent, signo), offsetof(struct ::sigevent, sigev_signo));
  EXPECT_EQ(offsetof(abi::sigevent, notify), offsetof(struct ::sigevent, sigev_notify));
  EXPECT_EQ(offsetof(abi::sigevent, thread), offsetof(struct ::sigevent, _sigev_un._tid));
}

// libc's struct sigaction is another one than the kernel's, so the kernel is asked.
TEST(AbiStructs, OfSignalActionsAreThoseOfTheKernel) {
  struct sigaction action = {};
  action.sa_handler = SIG_IGN;
  action.sa_flags = SA_NODEFER | SA_RESTART;
  sigaddset(&action.sa_mask, SIGUSR2);
  struct sigaction before = {};
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  abi::kernel_sigaction seen = {};
  ASSERT_EQ(syscall(SYS_rt_sigaction, SIGUSR1, nullptr, &seen, sizeof(seen.mask)), 0);
  ASSERT_EQ(sigaction(SIGUSR1, &before, nullptr), 0);
  EXPECT_EQ(seen.handler.value, 1U);
  EXPECT_EQ(seen.flags.value & (SA_NODEFER | SA_RESTART),
            static_cast<unsigned>(SA_NODEFER | SA_RESTART));
  EXPECT_NE(seen.restorer.value, 0U);
  EXPECT_EQ(seen.mask.value, std::uint64_t{1} << (SIGUSR2 - 1));
}

TEST(AbiStructs, OfProcessesAreThoseOfTheHeaders) {
  EXPECT_SIZE(utsname, struct utsname);
  EXPECT_SAME(utsname, struct ::utsname, machine);
  EXPECT_SIZE(sysinfo, struct sysinfo);
  EXPECT_SAME(sysinfo, struct ::sysinfo, totalram);
  EXPECT_SAME(sysinfo, struct ::sysinfo, freeswap);
  EXPECT_SAME(sysinfo, struct ::sysinfo, procs);
  EXPECT_SAME(sysinfo, struct ::sysinfo, totalhigh);
  EXPECT_SAME(sysinfo, struct ::sysinfo, mem_unit);
  EXPECT_SIZE(rlimit64, struct rlimit64);
  EXPECT_SAME(rlimit64, struct ::rlimit64, rlim_max);
  EXPECT_SIZE(clone_args, struct clone_args);
  EXPECT_SAME(clone_args, struct ::clone_args, exit_signal);
  EXPECT_SAME(clone_args, struct ::clone_args, stack);
  EXPECT_SAME(clone_args, struct ::clone_args, cgroup);
  EXPECT_SIZE(sched_param, struct sched_param);
  EXPECT_SIZE(cap_header, struct __user_cap_header_struct);
  EXPECT_SAME(cap_header, struct ::__user_cap_header_struct, pid);
  EXPECT_SIZE(cap_data, struct __user_cap_data_struct[_LINUX_CAPABILITY_U32S_3]);
  EXPECT_SAME(cap_data, struct ::__user_cap_data_struct, inheritable);
  // Header in conflict with libc's <sched.h>: SCHED_ATTR_SIZE_VER1.
  EXPECT_EQ(sizeof(abi::sched_attr), 56U);
}

TEST(AbiStructs, OfSchedulingAreWhatTheKernelFillsIn) {
  abi::sched_attr seen = {};
  ASSERT_EQ(syscall(SYS_sched_getattr, 0, &seen, sizeof(seen), 0), 0);
  EXPECT_EQ(seen.size.value, sizeof(seen));
  EXPECT_EQ(seen.sched_policy.value, sched_getscheduler(0));
}

TEST(AbiStructs, OfIpcAreThoseOfTheHeaders) {
  EXPECT_SIZE(ipc_perm, struct ipc_perm);
  EXPECT_SAME(ipc_perm, struct ::ipc_perm, cuid);
  EXPECT_SAME(ipc_perm, struct ::ipc_perm, mode);
  EXPECT_SIZE(shmid_ds, struct shmid_ds);
  EXPECT_SAME(shmid_ds, struct ::shmid_ds, shm_segsz);
  EXPECT_SAME(shmid_ds, struct ::shmid_ds, shm_ctime);
  EXPECT_SAME(shmid_ds, struct ::shmid_ds, shm_lpid);
  EXPECT_SAME(shmid_ds, struct ::shmid_ds, shm_nattch);
  EXPECT_SIZE(msqid_ds, struct msqid_ds);
  EXPECT_SAME(msqid_ds, struct ::msqid_ds, msg_ctime);
  EXPECT_SAME(msqid_ds, struct ::msqid_ds, msg_qbytes);
  EXPECT_SAME(msqid_ds, struct ::msqid_ds, msg_lrpid);
  EXPECT_SIZE(sembuf, struct sembuf);
  EXPECT_SAME(sembuf, struct ::sembuf, sem_flg);
  EXPECT_EQ(sizeof(abi::msgbuf), sizeof(long));
  EXPECT_SIZE(mq_attr, struct mq_attr);
  EXPECT_SAME(mq_attr, struct ::mq_attr, mq_curmsgs);
}

TEST(AbiStructs, OfKernelFeaturesBeginAsThoseOfTheHeaders) {
  EXPECT_SAME(perf_event_attr, struct ::perf_event_attr, size);
  EXPECT_SAME(perf_event_attr, struct ::perf_event_attr, config);
  EXPECT_SIZE(io_uring_params, struct io_uring_params);
  EXPECT_SAME(io_uring_params, struct ::io_uring_params, flags);
  EXPECT_SAME(io_uring_params, struct ::io_uring_params, features);
  EXPECT_SAME(io_uring_params, struct ::io_uring_params, wq_fd);
  EXPECT_SAME(landlock_ruleset_attr, struct ::landlock_ruleset_attr, handled_access_fs);
}

}  // namespace
}  // namespace tc::sys
