// Values of constants.def against the headers of the kernel and of libc.
#include "sys/constants.h"

#include <asm/ioctls.h>
#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/cdrom.h>
#include <linux/close_range.h>
#include <linux/falloc.h>
#include <linux/fanotify.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/hdreg.h>
#include <linux/if_tun.h>
#include <linux/in6.h>
#include <linux/input.h>
#include <linux/io_uring.h>
#include <linux/kcmp.h>
#include <linux/kd.h>
#include <linux/kexec.h>
#include <linux/keyctl.h>
#include <linux/kvm.h>
#include <linux/landlock.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <linux/memfd.h>
#include <linux/mempolicy.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/rseq.h>
#include <linux/rtc.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <linux/tty.h>
#include <linux/userfaultfd.h>
#include <linux/vt.h>
#include <linux/xattr.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <scsi/sg.h>
#include <signal.h>
#include <sound/asound.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/swap.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tc::sys {
namespace {

// A header's own value where it differs from what the kernel takes: to glibc every
// file may be large.
struct Exception {
  std::string_view name;
  std::uint64_t header;
};
constexpr Exception kExceptions[] = {{"O_LARGEFILE", 0}};

struct Compared {
  std::string_view table;
  std::string_view name;
  std::uint64_t ours;
  std::uint64_t header;
  bool flags;
};

// What a header makes of a name that it may not have: "0x80", or the name itself.
#define TC_EXPANSION_OF(...) #__VA_ARGS__
#define TC_EXPANSION(name) TC_EXPANSION_OF(name)

template <class Value>
constexpr std::uint64_t number(Value value) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
}

std::vector<Compared> compared() {
  std::vector<Compared> rows;
  std::size_t begin = 0;
  std::string_view table;
#define BEGIN(name)    \
  begin = rows.size(); \
  table = #name;
#define N(name, value) rows.push_back({table, #name, value, number(name), false});
#define X(name, value)
#define END_FLAGS(name, base_mask) \
  for (std::size_t i = begin; i < rows.size(); ++i) rows[i].flags = true;
#define END_ENUM(name)
#include "sys/constants.def"
#undef BEGIN
#undef N
#undef X
#undef END_FLAGS
#undef END_ENUM
  return rows;
}

// Tables hold values of 32 bits as they come: a header may call the same one negative.
bool is_same(std::uint64_t left, std::uint64_t right) {
  return left == right || (left >> 32U == 0 && left == (right & UINT32_MAX)) ||
         (right >> 32U == 0 && right == (left & UINT32_MAX));
}

TEST(Constants, AreThoseOfTheHeaders) {
  std::size_t count = 0;
  for (const Compared& row : compared()) {
    std::uint64_t header = row.header;
    for (const Exception& exception : kExceptions)
      if (exception.name == row.name && header == exception.header) header = row.ours;
    EXPECT_TRUE(is_same(row.ours, header))
        << row.table << " " << row.name << ": " << row.ours << ", in the header " << header;
    ++count;
  }
  EXPECT_GT(count, 1600U);
}

struct Expansion {
  std::string_view name;
  std::uint64_t ours;
  std::string text;
};
std::vector<Expansion> expansions() {
  std::vector<Expansion> rows;
#define BEGIN(name)
#define N(name, value)
#define X(name, value) rows.push_back({#name, value, TC_EXPANSION(name)});
#define END_FLAGS(name, base_mask)
#define END_ENUM(name)
#include "sys/constants.def"
#undef BEGIN
#undef N
#undef X
#undef END_FLAGS
#undef END_ENUM
  return rows;
}

// Vacuous with the headers of Linux 6.1, by definition of X; not with later ones.
TEST(Constants, OfLaterKernelsAreThoseOfTheHeadersThatHaveThem) {
  const std::vector<Expansion> rows = expansions();
  EXPECT_GT(rows.size(), 100U);
  for (const Expansion& row : rows) {
    if (row.text == row.name) continue;
    char* end = nullptr;
    const std::uint64_t header = std::strtoull(row.text.c_str(), &end, 0);
    // What is no plain number (an _IOR(), a shift) is left to the eye.
    if (*end == '\0') {
      EXPECT_EQ(row.ours, header) << row.name;
    }
  }
}

struct Table {
  const Names* names;
};
std::vector<Table> tables() {
  std::vector<Table> all;
#define BEGIN(name) all.push_back({&name::kNames});
#define N(name, value)
#define X(name, value)
#define END_FLAGS(name, base_mask)
#define END_ENUM(name)
#include "sys/constants.def"
#undef BEGIN
#undef N
#undef X
#undef END_FLAGS
#undef END_ENUM
  return all;
}

TEST(Constants, HaveOneNameForAValue) {
  for (const Table& table : tables()) {
    std::map<std::uint64_t, std::string_view> seen;
    std::set<std::string_view> names;
    for (const NamedNumber& row : table.names->values) {
      const auto [other, is_new] = seen.emplace(row.value, row.name);
      EXPECT_TRUE(is_new) << table.names->name << ": " << other->second << ", " << row.name;
      EXPECT_TRUE(names.insert(row.name).second) << table.names->name << ": " << row.name;
    }
    EXPECT_FALSE(seen.empty()) << table.names->name;
  }
}

TEST(Constants, HaveWiderMasksBeforeTheBitsTheyContain) {
  for (const Table& table : tables()) {
    if (!table.names->flags) continue;
    const auto values = table.names->values;
    for (std::size_t i = 0; i < values.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const std::uint64_t before = values[j].value & ~table.names->base_mask;
        const std::uint64_t behind = values[i].value & ~table.names->base_mask;
        const bool is_hidden = before != 0 && before != behind && (before & behind) == before;
        EXPECT_FALSE(is_hidden) << table.names->name << ": " << values[i].name << " is never told, "
                                << values[j].name << " comes before";
      }
    }
  }
}

}  // namespace
}  // namespace tc::sys
