#include "trace/chronicle.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <csignal>
#include <cstring>
#include <deque>

#include "printed.h"

namespace tc::trace {
namespace {

using std::string_view_literals::operator""sv;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kHere = static_cast<std::uint64_t>(AT_FDCWD);

class FakeView final : public ProcessView {
 public:
  std::string working_directory(std::uint32_t) override { return "/home/u"; }
  std::map<int, Descriptor> descriptors(std::uint32_t) override { return open; }
  std::string mappings(std::uint32_t) override { return maps; }
  std::vector<std::uint32_t> ancestors(std::uint32_t) override { return {77, 1}; }
  std::int64_t boot_time_ns() override { return std::int64_t{1795325798} * 1'000'000'000; }

  std::map<int, Descriptor> open = {{0, {"/dev/null"}}, {1, {"pipe:[99]"}}, {2, {"/dev/pts/1"}}};
  std::string maps;
};

struct Memory {
  std::uint8_t argument;
  std::string bytes;
  std::uint8_t part = 0;
};

template <class T>
std::string image(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}
std::string image(int first, int second) { return image(first) + image(second); }

// A chronicle with one process "p1", pid 100, in /home/u; what it tells is in `lines`.
struct World {
  explicit World(const Profile& profile = {}) : World(options_with(profile)) {}
  explicit World(const ChronicleOptions& options)
      : chronicle(options, view, [this](std::uint32_t thread, const event::Record& record) {
          lines.push_back(printed(record));
          threads.push_back(thread);
        }) {}

  static ChronicleOptions options_with(const Profile& profile) {
    ChronicleOptions options;
    options.profile = profile;
    return options;
  }

  World& begin() {
    chronicle.meet(root);
    return *this;
  }

  sys::CallReturn made(std::uint64_t number, std::initializer_list<std::uint64_t> arguments,
                       const std::vector<Memory>& memory) {
    texts.clear();
    pieces.clear();
    for (const Memory& piece : memory) {
      texts.push_back(piece.bytes);
      pieces.push_back({.argument = piece.argument, .part = piece.part, .bytes = texts.back()});
    }
    sys::CallReturn call;
    call.number = number;
    std::copy(arguments.begin(), arguments.end(), call.arguments.begin());
    call.pieces = pieces;
    return call;
  }

  // The record of the call, or "" when none was told.
  std::string call(guest::Task task, std::uint64_t number,
                   std::initializer_list<std::uint64_t> arguments, std::int64_t result,
                   const std::vector<Memory>& memory = {}) {
    guest::Called event{.task = task, .time_ns = 5, .ip = 0, .call = {}};
    event.call = made(number, arguments, memory);
    event.call.result = result;
    const std::size_t before = lines.size();
    chronicle.on(event);
    return lines.size() > before ? lines.back() : "";
  }
  std::string open(guest::Task task, std::string_view path, std::int64_t result,
                   std::uint64_t flags = O_RDONLY, std::uint64_t mode = 0,
                   std::uint64_t directory = kHere) {
    return call(task, SYS_openat, {directory, 0x1000, flags, mode}, result,
                {{1, std::string(path)}});
  }
  // What is behind a descriptor, by closing it.
  std::string behind(guest::Task task, int descriptor) {
    const std::string line = call(task, SYS_close, {static_cast<std::uint64_t>(descriptor)}, 0);
    const std::size_t begin = line.find("{fd=") + 4;
    return line.substr(begin, line.find('}') - begin);
  }

  guest::Task fork(guest::Task creator, std::uint32_t pid, std::uint64_t flags = 0) {
    chronicle.on(guest::Created{.creator = creator,
                                .child = {.pid = pid, .tid = pid},
                                .clone_flags = flags,
                                .ns_tid = pid,
                                .ns_pid = pid});
    return {.pid = pid, .tid = pid};
  }
  guest::Task thread(guest::Task creator, std::uint32_t tid) {
    chronicle.on(guest::Created{.creator = creator,
                                .child = {.pid = creator.pid, .tid = tid},
                                .clone_flags = CLONE_THREAD | CLONE_FILES | CLONE_FS | CLONE_VM,
                                .ns_tid = tid,
                                .ns_pid = creator.pid});
    return {.pid = creator.pid, .tid = tid};
  }
  void exec(guest::Task task, std::uint32_t former_tid = 0) {
    chronicle.on(guest::Started{.task = task,
                                .time_ns = 6,
                                .former_tid = former_tid,
                                .path = "./prog",
                                .resolved = "/home/u/prog",
                                .argv = "prog\0-x\0"sv,
                                .environment = "LANG=C\0HOME=/root\0"sv,
                                .heap_start = 0x555501000000,
                                .stack_start = 0x7ffc00001000,
                                .mappings = program});
  }
  void end(guest::Task task, bool last, int status) {
    chronicle.on(
        guest::Ended{.task = task, .time_ns = 7, .call = {}, .last = last, .wait_status = status});
  }

  FakeView view;
  std::vector<std::string> lines;
  std::vector<std::uint32_t> threads;
  std::vector<guest::Mapping> program = {
      {.start = 0x555500000000, .end = 0x555500004000, .file_offset = 0, .path = "/home/u/prog"}};
  std::deque<std::string> texts;
  std::vector<sys::Piece> pieces;
  guest::Task root{.pid = 100, .tid = 100};
  Chronicle chronicle;
};

TEST(Chronicle, TellsACallWithItsArgumentsFileAndResult) {
  World world;
  world.begin();
  EXPECT_EQ(world.open(world.root, "../x//passwd", 3, O_RDONLY | O_CLOEXEC),
            "syscall args={dfd=AT_FDCWD filename=../x//passwd flags=O_RDONLY|O_CLOEXEC} "
            "call=openat file=/home/x/passwd ret=/home/x/passwd thread=p1");
  EXPECT_EQ(world.call(world.root, SYS_getpid, {}, 100),
            "syscall args={} call=getpid ret=p1 thread=p1");
}

TEST(Chronicle, TellsTheFileOfACallThatFailedToo) {
  World world;
  world.begin();
  EXPECT_EQ(world.open(world.root, "none", -ENOENT),
            "syscall args={dfd=AT_FDCWD filename=none flags=O_RDONLY} call=openat error=ENOENT "
            "file=$CWD/none thread=p1");
}

TEST(Chronicle, FollowsTheWorkingDirectoryAndDirectoryDescriptors) {
  World world;
  world.begin();
  world.open(world.root, "/usr/lib", 4, O_DIRECTORY);
  EXPECT_THAT(world.open(world.root, "a.so", 5, O_RDONLY, 0, 4), HasSubstr("file=/usr/lib/a.so"));
  world.call(world.root, SYS_chdir, {0x1000}, 0, {{0, "/srv"}});
  EXPECT_THAT(world.open(world.root, "f", 6), HasSubstr("file=/srv/f"));
  const guest::Task child = world.fork(world.root, 200);
  world.call(child, SYS_fchdir, {4}, 0);
  EXPECT_THAT(world.open(child, "f", 6), HasSubstr("file=/usr/lib/f"));
  EXPECT_THAT(world.open(world.root, "f", -ENOENT), HasSubstr("file=/srv/f"));
  const guest::Task sharing = world.thread(world.root, 101);
  world.call(sharing, SYS_chdir, {0x1000}, 0, {{0, "sub"}});
  EXPECT_THAT(world.open(world.root, "f", -ENOENT), HasSubstr("file=/srv/sub/f"));
  world.call(world.root, SYS_getcwd, {0x1000, 100}, 6, {{0, "/real"}});
  EXPECT_THAT(world.open(world.root, "f", -ENOENT), HasSubstr("file=/real/f"));
}

TEST(Chronicle, ClosesWhatItHadNotWhatItHas) {
  World world;
  world.begin();
  world.open(world.root, "/f", 3);
  EXPECT_EQ(world.call(world.root, SYS_close, {3}, 0),
            "syscall args={fd=/f} call=close ret=0 thread=p1");
  EXPECT_EQ(world.behind(world.root, 3), "fd:3");
}

TEST(Chronicle, ThreadsThatPassANumberOnAreToldWhatEachHasClosed) {
  World world;
  world.begin();
  const guest::Task thread = world.thread(world.root, 101);
  world.open(world.root, "/f", 4);
  world.open(thread, "/g", 4);
  const guest::Task child = world.fork(world.root, 200);
  EXPECT_EQ(world.behind(child, 4), "/g") << "has none of the other's threads";
  EXPECT_EQ(world.behind(world.root, 4), "/f");
  EXPECT_EQ(world.behind(thread, 4), "/g");
  EXPECT_EQ(world.behind(thread, 4), "fd:4");
}

TEST(Chronicle, NamesTheStandardDescriptorsWhateverIsBehind) {
  World world;
  world.begin();
  EXPECT_THAT(world.call(world.root, SYS_write, {1, 0x1000, 2}, 2, {{1, "hi"}}),
              HasSubstr("args={fd=stdout buf=hi count=2} call=write ret=2"));
  EXPECT_EQ(world.behind(world.root, 0), "stdin");
  EXPECT_EQ(world.behind(world.root, 2), "stderr");
}

TEST(Chronicle, NamesWhatACommandInheritsByNumber) {
  World world;
  world.view.open[5] = {"/var/log/x"};
  world.view.open[6] = {"/tmp/own", true};
  world.begin();
  world.exec(world.root);
  EXPECT_EQ(world.behind(world.root, 5), "inherited:5");
  EXPECT_EQ(world.behind(world.root, 6), "fd:6");
}

TEST(Chronicle, NamesWhatAnAttachedProcessHasOpenByPath) {
  World world;
  world.view.open[5] = {"/var/log/x (deleted)"};
  world.view.open[6] = {"socket:[11]"};
  world.view.open[7] = {"anon_inode:[eventpoll]"};
  world.begin();
  EXPECT_EQ(world.behind(world.root, 5), "/var/log/x");
  EXPECT_EQ(world.behind(world.root, 6), "socket#1");
  EXPECT_EQ(world.behind(world.root, 7), "epoll#1");
}

TEST(Chronicle, DuplicatesShareWhatIsBehind) {
  World world;
  world.begin();
  world.open(world.root, "/f", 3, O_CLOEXEC);
  world.call(world.root, SYS_dup, {3}, 4);
  world.call(world.root, SYS_dup2, {3, 5}, 5);
  world.call(world.root, SYS_dup3, {3, 6, O_CLOEXEC}, 6);
  world.call(world.root, SYS_fcntl, {3, F_DUPFD, 7}, 7);
  world.call(world.root, SYS_fcntl, {3, F_DUPFD_CLOEXEC, 8}, 8);
  world.call(world.root, SYS_dup2, {3, 3}, 3);
  const guest::Task child = world.fork(world.root, 200);
  for (int number = 3; number <= 8; ++number) EXPECT_EQ(world.behind(child, number), "/f");
  world.exec(world.root);
  EXPECT_EQ(world.behind(world.root, 3), "fd:3");
  EXPECT_EQ(world.behind(world.root, 4), "/f");
  EXPECT_EQ(world.behind(world.root, 5), "/f");
  EXPECT_EQ(world.behind(world.root, 6), "fd:6");
  EXPECT_EQ(world.behind(world.root, 7), "/f");
  EXPECT_EQ(world.behind(world.root, 8), "fd:8");
}

TEST(Chronicle, FollowsCloseOnExecThroughFcntlIoctlAndCloseRange) {
  World world;
  world.begin();
  for (int number = 3; number <= 8; ++number)
    world.open(world.root, "/" + std::to_string(number), number);
  world.call(world.root, SYS_fcntl, {3, F_SETFD, FD_CLOEXEC}, 0);
  world.call(world.root, SYS_ioctl, {4, FIOCLEX}, 0);
  world.call(world.root, SYS_fcntl, {5, F_SETFD, FD_CLOEXEC}, 0);
  world.call(world.root, SYS_ioctl, {5, FIONCLEX}, 0);
  world.call(world.root, SYS_close_range, {6, 6, 4}, 0);
  world.call(world.root, SYS_close_range, {8, 0xffffffff, 0}, 0);
  EXPECT_EQ(world.behind(world.root, 8), "fd:8");
  world.exec(world.root);
  EXPECT_EQ(world.behind(world.root, 3), "fd:3");
  EXPECT_EQ(world.behind(world.root, 4), "fd:4");
  EXPECT_EQ(world.behind(world.root, 5), "/5");
  EXPECT_EQ(world.behind(world.root, 6), "fd:6");
  EXPECT_EQ(world.behind(world.root, 7), "/7");
}

TEST(Chronicle, SharesDescriptorsAsCloneAndUnshareSay) {
  World world;
  world.begin();
  const guest::Task sharing = world.fork(world.root, 200, CLONE_FILES);
  world.open(sharing, "/f", 3);
  world.open(world.root, "/g", 4);
  world.call(sharing, SYS_unshare, {CLONE_FILES}, 0);
  EXPECT_EQ(world.behind(sharing, 4), "/g");
  EXPECT_EQ(world.behind(world.root, 4), "/g");
  EXPECT_EQ(world.behind(world.root, 3), "/f");
  EXPECT_EQ(world.behind(sharing, 3), "/f");
}

TEST(Chronicle, NamesDescriptorsWithoutAPathByWhatTheyAre) {
  World world;
  world.begin();
  world.call(world.root, SYS_pipe2, {0x1000, O_CLOEXEC}, 0, {{0, image(3, 4)}});
  world.call(world.root, SYS_pipe, {0x1000}, 0, {{0, image(5, 6)}});
  world.call(world.root, SYS_socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}, 7);
  world.call(world.root, SYS_accept4, {7, 0, 0, SOCK_CLOEXEC}, 8);
  world.call(world.root, SYS_socketpair, {AF_UNIX, SOCK_DGRAM, 0, 0x1000}, 0, {{3, image(9, 10)}});
  world.call(world.root, SYS_eventfd2, {0, 0}, 11);
  world.call(world.root, SYS_epoll_create1, {0}, 12);
  world.call(world.root, SYS_timerfd_create, {1, 0}, 13);
  world.call(world.root, SYS_signalfd4, {0xffffffff, 0x1000, 8, 0}, 14);
  world.call(world.root, SYS_inotify_init1, {0}, 15);
  world.call(world.root, SYS_memfd_create, {0x1000, 0}, 16, {{0, "shm"}});
  world.call(world.root, SYS_pidfd_open, {100, 0}, 17);
  world.call(world.root, SYS_userfaultfd, {0}, 18);
  world.call(world.root, SYS_socket, {AF_UNIX, SOCK_SEQPACKET, 0}, 19);
  const std::vector<std::string> names = {"pipe#1:r",
                                          "pipe#1:w",
                                          "pipe#2:r",
                                          "pipe#2:w",
                                          "socket#1(inet,stream)",
                                          "accepted#1(inet,stream)",
                                          "socketpair#1(unix,dgram):0",
                                          "socketpair#1(unix,dgram):1",
                                          "eventfd#1",
                                          "epoll#1",
                                          "timerfd#1",
                                          "signalfd#1",
                                          "inotify#1",
                                          "memfd:shm",
                                          "pidfd(p1)",
                                          "userfaultfd#1",
                                          "socket#2(unix,seqpacket)"};
  for (std::size_t i = 0; i < names.size(); ++i)
    EXPECT_EQ(world.behind(world.root, static_cast<int>(i) + 3), names[i]);
}

TEST(Chronicle, NamesDescriptorsThatCameWithAMessage) {
  World world;
  world.begin();
  const cmsghdr header = {
      .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  const std::string control = image(header) + image(9) + image(0);
  world.call(world.root, SYS_recvmsg, {3, 0x1000, 0}, 1, {{1, control, 4}});
  EXPECT_EQ(world.behind(world.root, 9), "received#1");
  // A length that lies leads nowhere.
  const cmsghdr lying = {.cmsg_len = 5, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  world.call(world.root, SYS_recvmsg, {3, 0x1000, 0}, 1, {{1, image(lying) + image(8), 4}});
  EXPECT_EQ(world.behind(world.root, 8), "fd:8");
}

TEST(Chronicle, TellsMemoryByWhatItBelongsTo) {
  World world;
  world.begin();
  world.exec(world.root);
  world.open(world.root, "/lib/libc.so.6", 3);
  constexpr std::uint64_t kLibrary = 0x7f1000000000;
  world.call(world.root, SYS_mmap, {0, 0x200000, PROT_READ, MAP_PRIVATE, 3, 0}, kLibrary);
  constexpr std::uint64_t kFree = 0x7f2000000000;
  world.call(world.root, SYS_mmap,
             {0, 0x1000, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX, 0}, kFree);
  world.call(world.root, SYS_brk, {0}, 0x555501000000);
  world.call(world.root, SYS_brk, {0x555501021000}, 0x555501021000);
  const auto buffer = [&](std::uint64_t address) {
    const std::string line = world.call(world.root, SYS_read, {0, address, 8}, -EFAULT);
    return line.substr(line.find("buf="), line.find(" count") - line.find("buf="));
  };
  EXPECT_EQ(buffer(kLibrary + 0x10), "buf=libc.so.6+0x10");
  EXPECT_EQ(buffer(kFree + 0x20), "buf=anon#1+0x20");
  EXPECT_EQ(buffer(0x555501000400), "buf=heap+0x400");
  EXPECT_EQ(buffer(0x555500000040), "buf=prog+0x40");
  EXPECT_EQ(buffer(0x7ffc00000f00), "buf=stack");
  EXPECT_EQ(buffer(0), "buf=NULL");
  const guest::Task child = world.fork(world.root, 200);
  world.call(child, SYS_munmap, {kFree, 0x1000}, 0);
  EXPECT_EQ(buffer(kFree), "buf=anon#1+0x0") << "the parent still has it";
  const guest::Task sharing = world.fork(world.root, 300, CLONE_VM);
  world.call(sharing, SYS_munmap, {kFree, 0x1000}, 0);
  EXPECT_EQ(buffer(kFree), "buf=addr#1");
  world.call(world.root, SYS_mremap, {kLibrary, 0x200000, 0x200000, 1, 0}, 0x7f3000000000);
  EXPECT_EQ(buffer(0x7f3000000000), "buf=libc.so.6+0x0");
  world.exec(world.root);
  EXPECT_EQ(buffer(kLibrary), "buf=addr#1") << "a new program, a new memory";
}

TEST(Chronicle, NumbersAddressesAnewInEachCallWhenAsked) {
  Profile profile;
  profile.addresses = AddressTable::kPerCall;
  World world(profile);
  world.begin();
  for (const std::uint64_t address : {0x7f1000000000U, 0x7f2000000000U})
    EXPECT_THAT(world.call(world.root, SYS_read, {0, address, 8}, -EFAULT),
                HasSubstr("buf=addr#1 "));
}

TEST(Chronicle, TakesMappingsOfAProcessThatIsThere) {
  World world;
  world.view.maps =
      "555500000000-555500002000 r-xp 00000000 08:01 11  /bin/prog\n"
      "555501000000-555501021000 rw-p 00000000 00:00 0   [heap]\n"
      "7f1000000000-7f1000001000 rw-p 00000000 00:00 0 \n"
      "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0   [stack]\n";
  world.begin();
  const auto read = [&](std::uint64_t address) {
    return world.call(world.root, SYS_read, {0, address, 8}, -EFAULT);
  };
  EXPECT_THAT(read(0x555500000010), HasSubstr("buf=prog+0x10 "));
  EXPECT_THAT(read(0x555501000010), HasSubstr("buf=heap+0x10 "));
  EXPECT_THAT(read(0x7f1000000010), HasSubstr("buf=anon#1+0x10 "));
  EXPECT_THAT(read(0x7ffc00000010), HasSubstr("buf=stack "));
}

TEST(Chronicle, TellsContentsOfProcAsStateAndHowMuchAsSome) {
  World world;
  world.begin();
  world.open(world.root, "/proc/meminfo", 3);
  EXPECT_EQ(world.call(world.root, SYS_read, {3, 0x1000, 100}, 7, {{1, "MemFree"}}),
            "syscall args={fd=/proc/meminfo buf=volatile count=100} call=read ret=some thread=p1");
  EXPECT_THAT(world.call(world.root, SYS_read, {3, 0x1000, 100}, 0), HasSubstr("ret=0"));
  EXPECT_THAT(world.call(world.root, SYS_write, {3, 0x1000, 2}, 2, {{1, "on"}}),
              HasSubstr("buf=on count=2} call=write ret=2"));
  struct stat status {};
  status.st_size = 4;
  EXPECT_THAT(world.call(world.root, SYS_fstat, {3, 0x1000}, 0, {{1, image(status)}}),
              HasSubstr("st_size=volatile"));
  world.open(world.root, "/f", 4);
  EXPECT_THAT(world.call(world.root, SYS_fstat, {4, 0x1000}, 0, {{1, image(status)}}),
              HasSubstr("st_size=4"));
}

TEST(Chronicle, TellsTheTimeInALogLineAsTime) {
  World world;
  world.begin();
  EXPECT_THAT(
      world.call(world.root, SYS_write, {1, 0x1000, 23}, 23, {{1, "[2026-11-22 05:36:38] x"}}),
      HasSubstr("buf=[$DATE $TIME] x"));
  World raw{Profile::raw()};
  raw.begin();
  EXPECT_THAT(raw.call(raw.root, SYS_write, {1, 0x1000, 23}, 23, {{1, "[2026-11-22 05:36:38] x"}}),
              HasSubstr("buf=[2026-11-22 05:36:38] x"));
}

TEST(Chronicle, TellsRandomBytesAsSuch) {
  World world;
  world.begin();
  world.open(world.root, "/dev/urandom", 3);
  EXPECT_THAT(world.call(world.root, SYS_read, {3, 0x1000, 4}, 4, {{1, "\x1\x2\x3\x4"}}),
              HasSubstr("buf=random count=4} call=read ret=4"));
  EXPECT_THAT(world.call(world.root, SYS_getrandom, {0x1000, 4, 1}, 4, {{0, "\x1\x2\x3\x4"}}),
              HasSubstr("{ubuf=random len=4 flags=GRND_NONBLOCK} call=getrandom ret=4"));
}

TEST(Chronicle, TellsATemporaryNameFromTheCallThatMakesIt) {
  World world;
  world.begin();
  world.call(world.root, SYS_getrandom, {0x1000, 8, 1}, 8);
  EXPECT_THAT(world.open(world.root, "/tmp/x-Zb3dEf", 3, O_RDWR | O_CREAT | O_EXCL, 0600),
              HasSubstr("filename=/tmp/x-tmp#1 flags=O_RDWR|O_CREAT|O_EXCL mode=0600} call=openat "
                        "file=/tmp/x-tmp#1 ret=/tmp/x-tmp#1"));
  const guest::Task child = world.fork(world.root, 200);
  EXPECT_THAT(world.open(child, "/tmp/x-Zb3dEf", -EACCES), HasSubstr("file=/tmp/x-tmp#1"));
  EXPECT_THAT(world.call(child, SYS_write, {1, 0x1000, 13}, 13, {{1, "/tmp/x-Zb3dEf"}}),
              HasSubstr("buf=/tmp/x-tmp#1"));
  EXPECT_EQ(world.behind(world.root, 3), "/tmp/x-tmp#1");
}

TEST(Chronicle, TellsTemporaryDirectoriesAndFailedTriesToo) {
  World world;
  world.begin();
  world.call(world.root, SYS_getrandom, {0x1000, 8, 1}, 8);
  EXPECT_THAT(world.open(world.root, "/x/obj_abcdef", -ENOENT, O_RDWR | O_CREAT | O_EXCL, 0444),
              HasSubstr("error=ENOENT file=/x/obj_tmp#1"));
  world.call(world.root, SYS_mkdir, {0x1000, 0700}, 0, {{0, "/tmp/d.Ab3dEfGh"}});
  EXPECT_THAT(world.open(world.root, "/tmp/d.Ab3dEfGh/f", 3), HasSubstr("file=/tmp/d.tmp#2/f"));
}

TEST(Chronicle, APortThatAProgramBindsIsToldAsItIs) {
  World world;
  world.begin();
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(40000);
  world.call(world.root, SYS_bind, {3, 0x1000, sizeof(address)}, 0, {{1, image(address)}});
  EXPECT_THAT(world.lines.back(), HasSubstr("port=40000"));
  address.sin_port = htons(40001);
  world.call(world.root, SYS_connect, {3, 0x1000, sizeof(address)}, 0, {{1, image(address)}});
  EXPECT_THAT(world.lines.back(), HasSubstr("port=ephemeral"));
}

TEST(Chronicle, TellsForksExecsAndExits) {
  World world;
  world.begin();
  const guest::Task child = world.fork(world.root, 200);
  world.exec(child);
  world.end(child, true, 3 << 8);
  world.end(world.root, true, SIGSEGV);
  EXPECT_THAT(
      world.lines,
      ElementsAre("process_fork child=p1.1 thread=p1",
                  "process_exec argv=prog|-x| call=execve file=$CWD/prog path=./prog "
                  "thread=p1.1",
                  "process_exit exit_code=3 thread=p1.1", "process_exit signal=SIGSEGV thread=p1"));
  EXPECT_THAT(world.threads, ElementsAre(0U, 1U, 1U, 0U));
  EXPECT_EQ(world.chronicle.thread_name(1), "p1.1");
  EXPECT_EQ(world.chronicle.thread_count(), 2U);
}

TEST(Chronicle, TellsTheVariablesAskedForWithAnExec) {
  ChronicleOptions options;
  options.environment = {"HOME"};
  World world(options);
  world.begin();
  world.exec(world.root);
  EXPECT_THAT(world.lines.back(), HasSubstr("environment=HOME=/root| file="));
}

TEST(Chronicle, ExecFromAThreadIsTheProcesss) {
  World world;
  world.begin();
  const guest::Task thread = world.thread(world.root, 101);
  world.end(world.root, false, 0);
  world.exec(world.root, thread.tid);
  EXPECT_THAT(world.lines.back(), HasSubstr("thread=p1"));
  EXPECT_THAT(world.call(world.root, SYS_getpid, {}, 100), HasSubstr("thread=p1"));
  world.end(thread, false, 0);
  EXPECT_EQ(world.chronicle.thread_count(), 2U) << "the thread that is gone is not met again";
}

TEST(Chronicle, TheExitOfAProcessIsItsFirstThreadsWhoeverGoesLast) {
  World world;
  world.begin();
  const guest::Task thread = world.thread(world.root, 101);
  world.end(world.root, false, 0);
  world.end(thread, true, 0);
  EXPECT_THAT(world.lines, ElementsAre("process_exit exit_code=0 thread=p1"));
  EXPECT_THAT(world.threads, ElementsAre(0U));
}

TEST(Chronicle, TellsTheCallThatAKillCutShort) {
  World world;
  world.begin();
  guest::Ended event{
      .task = world.root, .time_ns = 7, .call = {}, .last = true, .wait_status = SIGKILL};
  event.call = world.made(SYS_read, {0, 0x1000, 8}, {});
  world.chronicle.on(event);
  ASSERT_EQ(world.lines.size(), 2U);
  EXPECT_THAT(world.lines[0], HasSubstr("call=read state=killed thread=p1"));
  EXPECT_EQ(world.lines[1], "process_exit signal=SIGKILL thread=p1");
}

TEST(Chronicle, AnExitIsNotKilled) {
  World world;
  world.begin();
  guest::Ended event{.task = world.root, .time_ns = 7, .call = {}, .last = true, .wait_status = 0};
  event.call = world.made(SYS_exit_group, {0}, {});
  world.chronicle.on(event);
  EXPECT_THAT(world.lines[0], Not(HasSubstr("state")));
  EXPECT_THAT(world.lines[0], Not(HasSubstr("ret")));
}

TEST(Chronicle, TellsSignalsBySenderCodeAndFault) {
  World world;
  world.begin();
  const guest::Task child = world.fork(world.root, 200);
  world.lines.clear();
  world.chronicle.on(
      guest::Signalled{.task = world.root, .signal = SIGCHLD, .code = 1, .sender_pid = child.pid});
  world.chronicle.on(
      guest::Signalled{.task = world.root, .signal = SIGTERM, .code = 0, .sender_pid = 77});
  world.chronicle.on(guest::Signalled{
      .task = child, .signal = SIGSEGV, .code = 1, .fault_address = 0x7f5000000000});
  world.chronicle.on(
      guest::Signalled{.task = child, .signal = SIGABRT, .code = -6, .sender_pid = 200});
  world.chronicle.on(guest::Signalled{.task = child, .signal = SIGUSR1, .code = -99});
  EXPECT_THAT(world.lines,
              ElementsAre("signal code=CLD_EXITED sender=p1.1 signal=SIGCHLD thread=p1",
                          "signal code=SI_USER sender=parent signal=SIGTERM thread=p1",
                          "signal code=SEGV_MAPERR fault=addr#1 signal=SIGSEGV thread=p1.1",
                          "signal code=SI_TKILL sender=p1.1 signal=SIGABRT thread=p1.1",
                          "signal code=-99 signal=SIGUSR1 thread=p1.1"));
}

TEST(Chronicle, TellsWhatWasLost) {
  World world;
  world.begin();
  world.chronicle.on(guest::Missed{.time_ns = 3, .count = 12, .reason = "ring_full"});
  EXPECT_THAT(world.lines, ElementsAre("lost count=12 reason=ring_full"));
}

TEST(Chronicle, RawTellsNumbersAsTheyAre) {
  World world{Profile::raw()};
  world.begin();
  EXPECT_EQ(world.open(world.root, "/f", 3),
            "syscall args={dfd=AT_FDCWD filename=/f flags=O_RDONLY} call=openat file=/f pid=100 "
            "ret=3 thread=p1 tid=100 time_ns=5");
  EXPECT_THAT(world.call(world.root, SYS_read, {3, 0x7f1000000000, 8}, -EFAULT),
              HasSubstr("args={fd=3 buf=0x7f1000000000 count=8} call=read error=EFAULT pid=100"));
}

TEST(Chronicle, KeepsTheBooksBehindAClosedGateAndForCallsThatAreNotTold) {
  ChronicleOptions options;
  options.calls = *sys::CallSelection::parse("close");
  World world(options);
  world.begin();
  EXPECT_EQ(world.open(world.root, "/f", 3), "");
  world.chronicle.close_gate();
  EXPECT_EQ(world.open(world.root, "/g", 4), "");
  world.fork(world.root, 200);
  EXPECT_THAT(world.lines, ElementsAre());
  world.chronicle.open_gate();
  EXPECT_EQ(world.behind(world.root, 3), "/f");
  EXPECT_EQ(world.behind(world.root, 4), "/g");
}

TEST(Chronicle, MeetsTasksItWasNotToldOf) {
  World world;
  world.begin();
  EXPECT_THAT(world.call({.pid = 500, .tid = 500}, SYS_getpid, {}, 500),
              HasSubstr("ret=p2 thread=p2"));
  EXPECT_THAT(world.call({.pid = 100, .tid = 777}, SYS_getpid, {}, 100),
              HasSubstr("ret=p1 thread=p1/1"));
  world.fork({.pid = 600, .tid = 601}, 602);
  EXPECT_EQ(world.lines.back(), "process_fork child=p3/1.1 thread=p3/1");
  world.end({.pid = 999, .tid = 999}, false, 0);
  world.end({.pid = 998, .tid = 998}, true, 0);
  EXPECT_EQ(world.lines.back(), "process_exit exit_code=0 thread=p4");
}

TEST(Chronicle, NamesTheThreadThatAFutexWaitsFor) {
  World world;
  world.begin();
  world.thread(world.root, 4101);
  EXPECT_THAT(world.call(world.root, SYS_futex, {0x7f1000000000, 265, 4101, 0}, 0),
              HasSubstr("val=p1/1 "));
  EXPECT_THAT(world.call(world.root, SYS_futex, {0x7f1000000000, 128, 2, 0}, 0),
              HasSubstr("val=2 "));
  EXPECT_THAT(world.call(world.root, SYS_futex, {0x7f1000000000, 129, 4101, 0}, 0),
              HasSubstr("val=4101}"));
}

// Events in an order and with numbers that no kernel makes: nothing may be lost but sense.
TEST(Chronicle, SurvivesEventsThatMakeNoSense) {
  std::uint64_t state = 42;
  const auto random = [&](std::uint64_t below) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (state >> 33U) % below;
  };
  const auto task = [&] {
    return guest::Task{.pid = static_cast<std::uint32_t>(random(6) + 100),
                       .tid = static_cast<std::uint32_t>(random(8) + 100)};
  };
  const auto word = [&] {
    constexpr std::array<std::uint64_t, 6> kWords = {0, 5, 0x7f1000000000, UINT64_MAX, kHere, 100};
    return kWords[random(kWords.size())] + random(2) * 4096;
  };
  World world;
  for (int round = 0; round < 20000; ++round) {
    switch (random(8)) {
      case 0: {
        const guest::Task creator = task();
        const guest::Task child = task();
        world.chronicle.on(guest::Created{.creator = creator,
                                          .child = child,
                                          .clone_flags = random(UINT64_MAX),
                                          .ns_tid = child.tid,
                                          .ns_pid = child.pid});
        break;
      }
      case 1:
        world.exec(task(), static_cast<std::uint32_t>(random(8) + 100));
        break;
      case 2:
        world.end(task(), random(2) == 0, static_cast<int>(random(300)));
        break;
      case 3:
        world.chronicle.on(guest::Signalled{.task = task(),
                                            .signal = static_cast<std::uint32_t>(random(80)),
                                            .code = static_cast<std::int32_t>(random(20)) - 10,
                                            .sender_pid = static_cast<std::uint32_t>(random(200))});
        break;
      default: {
        const std::string bytes(random(300), static_cast<char>(random(256)));
        world.call(
            task(), random(480), {word(), word(), word(), word(), word(), word()},
            static_cast<std::int64_t>(random(12)) - 3,
            {{static_cast<std::uint8_t>(random(6)), bytes, static_cast<std::uint8_t>(random(5))},
             {0, "/tmp/x"}});
      }
    }
  }
  EXPECT_GT(world.lines.size(), 15000U);
}

TEST(Chronicle, NamesForeignCallsByTheirOwnTable) {
  World world;
  world.begin();
  guest::Called event{.task = world.root, .time_ns = 5, .ip = 0, .call = {}};
  event.call = world.made(20, {}, {});
  event.call.abi = sys::Abi::kI386;
  event.call.result = 100;
  world.chronicle.on(event);
  EXPECT_THAT(world.lines.back(), HasSubstr("syscall abi=i386 args="));
}

TEST(Chronicle, TheSameProgramIsToldTheSameWhateverTheNumbers) {
  const auto run = [](std::uint32_t pid, std::uint64_t slide, std::string_view random, int first) {
    World world;
    world.root = {.pid = pid, .tid = pid};
    world.begin();
    world.exec(world.root);
    world.open(world.root, "/lib/x.so", first);
    world.call(world.root, SYS_mmap,
               {0, 0x4000, 1, MAP_PRIVATE, static_cast<std::uint64_t>(first), 0},
               static_cast<std::int64_t>(0x7f1000000000 + slide));
    world.call(world.root, SYS_getrandom, {0x7f1000000010 + slide, 8, 1}, 8,
               {{0, std::string(random)}});
    world.open(world.root, "/tmp/a-" + std::string(random), first + 1, O_RDWR | O_CREAT | O_EXCL,
               0600);
    const guest::Task child = world.fork(world.root, pid + 9);
    world.call(child, SYS_getpid, {}, pid + 9);
    world.open(child, "/proc/" + std::to_string(pid) + "/stat", first + 2);
    world.call(child, SYS_close, {static_cast<std::uint64_t>(first + 1)}, 0);
    return world.lines;
  };
  EXPECT_EQ(run(1000, 0, "abcdef", 3), run(31234, 0x8765000, "XyZ123", 3));
}

}  // namespace
}  // namespace tc::trace
