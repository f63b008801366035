#include "sandbox/namespaces.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <vector>

#include "base/file.h"
#include "base/number.h"
#include "sandbox/loopback.h"

namespace tc::sandbox {
namespace {

// Ids from `outside` on are called `inside` and on.
struct IdRange {
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
};

// Cuts `id` out of the range that has it, so that it has one for itself.
void isolate(std::vector<IdRange>& ranges, std::uint64_t id) {
  for (std::size_t at = 0; at < ranges.size(); ++at) {
    const IdRange range = ranges[at];
    if (id < range.outside || id - range.outside >= range.count) continue;
    const std::uint64_t before = id - range.outside;
    const std::uint64_t after = range.count - before - 1;
    ranges[at] = {range.inside + before, id, 1};
    if (before > 0) ranges.push_back({range.inside, range.outside, before});
    if (after > 0) ranges.push_back({range.inside + before + 1, id + 1, after});
    return;
  }
}

std::vector<IdRange> same_ids(const std::string& own_map) {
  std::vector<IdRange> ranges;
  std::istringstream lines(own_map);
  std::uint64_t own = 0;
  std::uint64_t above = 0;
  std::uint64_t count = 0;
  while (lines >> own >> above >> count) ranges.push_back({own, own, count});
  return ranges;
}

Result<void> write_whole(const std::string& path, const std::string& text) {
  TC_TRY(const UniqueFd file, base::open_file(path, O_WRONLY));
  // One write(2): the kernel takes the map as a whole.
  return base::write_all(file.get(), text, path);
}

// Also what a namespace that is not had by the user's own wish makes weaker is told.
void tell_missing(Inside& inside, const std::string& what, const std::string& why,
                  const std::string& consequence) {
  inside.weaker.push_back("no " + what + " (" + why + "): " + consequence);
}

bool enter(Inside& inside, int flag, const std::string& what, const std::string& consequence) {
  if (unshare(flag) == 0) return true;
  tell_missing(inside, what, std::strerror(errno), consequence);
  return false;
}

Result<void> enter_user(const Options& options, Inside& inside,
                        const std::function<Result<void>()>& map_ids) {
  if (!options.user_namespace) return {};
  if (!enter(inside, CLONE_NEWUSER, "user namespace",
             "the command has the rights and the numbers of the user who runs tc"))
    return {};
  return map_ids();
}

void enter_network(const Options& options, Inside& inside) {
  if (options.network == Network::kHost) {
    inside.weaker.emplace_back("the host's network (--network host): what it answers may differ");
    return;
  }
  if (!enter(inside, CLONE_NEWNET, "network namespace", "ports and connections are the host's"))
    return;
  if (options.network == Network::kNone) return;
  if (const auto started = start_loopback(); !started)
    return tell_missing(inside, "loopback network", started.error().text(),
                        "connections are refused");
  if (const auto steady = make_loopback_steady(); !steady)
    tell_missing(inside, "TCP without real time", steady.error().text(),
                 "long transfers may be cut otherwise from run to run");
}

void enter_host_name(const Options& options, Inside& inside) {
  const std::string& name = options.settings.host_name;
  if (!enter(inside, CLONE_NEWUTS, "UTS namespace", "the host has its own name")) return;
  if (sethostname(name.data(), name.size()) != 0 || setdomainname("(none)", 6) != 0)
    tell_missing(inside, "host name", std::strerror(errno), "the host has its own name");
}

void enter_mounts(const Options& options, Inside& inside, bool mounts_are_own) {
  constexpr const char* kConsequence = "/proc, /sys, /tmp and /dev/shm are the host's";
  inside.has_mount_namespace = mounts_are_own;
  if (!options.mount_namespace)
    return tell_missing(inside, "mount namespace", "--no-mountns", kConsequence);
  // Once more than before: a mount namespace of the user namespace, without which nothing could be
  // mounted from here on.
  if (mounts_are_own && !options.user_namespace) return;
  if (unshare(CLONE_NEWNS) == 0)
    inside.has_mount_namespace = true;
  else if (!mounts_are_own)
    tell_missing(inside, "mount namespace", std::strerror(errno), kConsequence);
}

void enter_pids(const Options& options, Inside& inside) {
  constexpr const char* kConsequence = "process numbers are the host's";
  if (!options.pid_namespace) {
    inside.has_pid_namespace = false;
    tell_missing(inside, "pid namespace", "--no-pidns", kConsequence);
  } else {
    inside.has_pid_namespace = enter(inside, CLONE_NEWPID, "pid namespace", kConsequence);
  }
}

}  // namespace

Result<UserInside> parse_user_inside(const std::string& text) {
  if (text.empty()) return UserInside{};
  const std::size_t colon = text.find(':');
  const auto uid = base::parse_unsigned<std::uint32_t>(text.substr(0, colon));
  const auto gid = colon == std::string::npos
                       ? uid
                       : base::parse_unsigned<std::uint32_t>(text.substr(colon + 1));
  constexpr std::uint32_t kNobody = 0xffffffff;
  if (!uid || !gid || *uid == kNobody || *gid == kNobody)
    return error("{}: expected a user number, or USER:GROUP, both numbers", text);
  return UserInside{*uid, *gid};
}

std::string id_map(const std::string& own_map, std::uint32_t outside, std::uint32_t inside,
                   bool whole) {
  if (!whole) return fmt::format("{} {} 1\n", inside, outside);
  std::vector<IdRange> ranges = same_ids(own_map);
  isolate(ranges, outside);
  isolate(ranges, inside);
  for (IdRange& range : ranges) {
    if (range.outside == outside)
      range.inside = inside;
    else if (range.outside == inside)
      range.inside = outside;
  }
  // A map of everything to itself stays one line.
  if (outside == inside) ranges = same_ids(own_map);
  std::sort(ranges.begin(), ranges.end(),
            [](const IdRange& a, const IdRange& b) { return a.inside < b.inside; });
  std::string text;
  for (const IdRange& range : ranges)
    text += fmt::format("{} {} {}\n", range.inside, range.outside, range.count);
  return text;
}

Result<void> write_id_maps(pid_t pid, const UserInside& user) {
  const std::string directory = "/proc/" + std::to_string(pid);
  TC_TRY(const std::string uids, base::read_file("/proc/self/uid_map"));
  TC_TRY(const std::string gids, base::read_file("/proc/self/gid_map"));
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (uid != 0 || !write_whole(directory + "/uid_map", id_map(uids, uid, user.uid, true)))
    TC_CHECK(write_whole(directory + "/uid_map", id_map(uids, uid, user.uid, false)));
  if (uid == 0 && write_whole(directory + "/gid_map", id_map(gids, gid, user.gid, true))) return {};
  // Without this an ordinary user could drop a group that takes rights away.
  TC_CHECK(write_whole(directory + "/setgroups", "deny"));
  return write_whole(directory + "/gid_map", id_map(gids, gid, user.gid, false));
}

Result<void> enter_namespaces(const Options& options, Inside& inside, bool mounts_are_own,
                              const std::function<Result<void>()>& map_ids) {
  TC_CHECK(enter_user(options, inside, map_ids));
  enter_mounts(options, inside, mounts_are_own);
  enter_network(options, inside);
  enter(inside, CLONE_NEWIPC, "IPC namespace", "message queues and semaphores are the host's");
  enter_host_name(options, inside);
  // What it would show is taken out of /proc anyway; containers often do not allow it.
  [[maybe_unused]] const int hidden = unshare(CLONE_NEWCGROUP);
  enter_pids(options, inside);
  // The groups of who runs tc; an ordinary user cannot get rid of them.
  [[maybe_unused]] const int dropped = setgroups(0, nullptr);
  return {};
}

}  // namespace tc::sandbox
