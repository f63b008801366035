#include "trace/plans.h"

#include <sys/syscall.h>

#include "trace/chronicle.h"

namespace tc::trace {
namespace {

// Who is open behind which number, where relative paths begin.
constexpr std::array<std::uint32_t, 47> kFileCalls = {SYS_open,
                                                      SYS_openat,
                                                      SYS_openat2,
                                                      SYS_creat,
                                                      SYS_close,
                                                      SYS_close_range,
                                                      SYS_dup,
                                                      SYS_dup2,
                                                      SYS_dup3,
                                                      SYS_fcntl,
                                                      SYS_ioctl,
                                                      SYS_pipe,
                                                      SYS_pipe2,
                                                      SYS_socket,
                                                      SYS_socketpair,
                                                      SYS_accept,
                                                      SYS_accept4,
                                                      SYS_recvmsg,
                                                      SYS_chdir,
                                                      SYS_fchdir,
                                                      SYS_getcwd,
                                                      SYS_unshare,
                                                      SYS_memfd_create,
                                                      SYS_memfd_secret,
                                                      SYS_pidfd_open,
                                                      SYS_pidfd_getfd,
                                                      SYS_signalfd,
                                                      SYS_signalfd4,
                                                      SYS_epoll_create,
                                                      SYS_epoll_create1,
                                                      SYS_eventfd,
                                                      SYS_eventfd2,
                                                      SYS_timerfd_create,
                                                      SYS_inotify_init,
                                                      SYS_inotify_init1,
                                                      SYS_fanotify_init,
                                                      SYS_userfaultfd,
                                                      SYS_perf_event_open,
                                                      SYS_bpf,
                                                      SYS_io_uring_setup,
                                                      SYS_landlock_create_ruleset,
                                                      SYS_fsopen,
                                                      SYS_fspick,
                                                      SYS_fsmount,
                                                      SYS_open_tree,
                                                      SYS_mq_open,
                                                      SYS_open_by_handle_at};
constexpr std::array<std::uint32_t, 5> kMemoryCalls = {SYS_mmap, SYS_munmap, SYS_mremap, SYS_brk,
                                                       SYS_shmat};
constexpr std::array<std::uint32_t, 3> kNameCalls = {SYS_getrandom, SYS_mkdir, SYS_mkdirat};
constexpr std::array<std::uint32_t, 1> kPortCalls = {SYS_bind};

bool is_descriptor(const sys::ArgumentType& type) {
  return type.shape == sys::Shape::kScalar && type.leaf == sys::Leaf::kFd;
}

// The text of a link is no name of a file, and an inotify descriptor no directory.
void plan_paths(const sys::Row& row, CallPlan& plan) {
  for (std::size_t i = 0; i < row.arguments.size(); ++i) {
    const sys::ArgumentType& type = row.arguments[i].type;
    if (type.shape != sys::Shape::kString || type.leaf != sys::Leaf::kPath) continue;
    if (i == 0 && (row.number == SYS_symlink || row.number == SYS_symlinkat)) continue;
    const auto count = static_cast<std::size_t>(plan.path_count);
    if (count == plan.paths.size()) return;
    const bool relative =
        i > 0 && is_descriptor(row.arguments[i - 1].type) && row.number != SYS_inotify_add_watch;
    plan.paths[count] = {
        .argument = static_cast<std::int16_t>(i),
        .directory = relative ? static_cast<std::int16_t>(i - 1) : std::int16_t{-1}};
    ++plan.path_count;
  }
}

bool returns_content(const sys::ArgumentType& type) {
  return type.direction == sys::Direction::kOut && type.leaf != sys::Leaf::kPath &&
         (type.shape == sys::Shape::kData || type.shape == sys::Shape::kVectors ||
          type.shape == sys::Shape::kEntries);
}

CallPlan plan_of(const sys::Row& row) {
  CallPlan plan;
  plan_paths(row, plan);
  plan.reads = row.number == SYS_lseek || row.number == SYS_sendfile || row.number == SYS_splice ||
               row.number == SYS_copy_file_range;
  for (std::size_t i = 0; i < row.arguments.size(); ++i) {
    const sys::ArgumentType& type = row.arguments[i].type;
    const auto position = static_cast<std::int16_t>(i);
    if (is_descriptor(type) && plan.descriptor < 0) plan.descriptor = position;
    if (type.shape == sys::Shape::kEntries) plan.entries = position;
    if (type.shape == sys::Shape::kStrings && row.arguments[i].name == "envp")
      plan.environment = position;
    if (type.shape != sys::Shape::kScalar && type.direction != sys::Direction::kIn)
      plan.late |= static_cast<std::uint8_t>(1U << i);
    plan.reads = plan.reads || returns_content(type);
    if (type.layout != nullptr && (type.layout->name == "stat" || type.layout->name == "statx"))
      plan.is_status = true;
  }
  return plan;
}

template <class Numbers>
void add(sys::CallSelection& calls, const Numbers& numbers) {
  for (const std::uint32_t number : numbers) calls.add(number);
}

}  // namespace

CallPlans call_plans() {
  CallPlans plans{};
  for (const sys::Row& row : sys::rows())
    if (row.number < plans.size()) plans[row.number] = plan_of(row);
  const sys::CallSelection keeping = bookkeeping_calls(Profile());
  for (std::uint32_t number = 0; number < plans.size(); ++number)
    plans[number].keeps_books = keeping.contains(number);
  return plans;
}

sys::CallSelection bookkeeping_calls(const Profile& profile) {
  sys::CallSelection calls;
  // Also when descriptors are told by number: `file` is what they lead to.
  add(calls, kFileCalls);
  if (profile.addresses == AddressTable::kModule) add(calls, kMemoryCalls);
  if (profile.names) add(calls, kNameCalls);
  if (profile.ports) add(calls, kPortCalls);
  return calls;
}

}  // namespace tc::trace
