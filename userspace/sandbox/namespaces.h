// Namespaces of a run: users, network, IPC, host name, process numbers, mounts. Each is tried by
// itself; what this host does not give is named, and the run goes on without.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "sandbox/keeper.h"
#include "sandbox/options.h"

namespace tc::sandbox {

// What the user is inside.
struct UserInside {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};
// Of --uid-map: "1000" (also the group) or "1000:100"; empty: root.
Result<UserInside> parse_user_inside(const std::string& text);

// The text for /proc/PID/uid_map (or gid_map) of a new user namespace in which `outside` is called
// `inside`. With `whole`, all other ids that `own_map` (/proc/self/uid_map of who writes it) has
// keep their numbers, `inside` itself that of `outside`; without, there is no other.
std::string id_map(const std::string& own_map, std::uint32_t outside, std::uint32_t inside,
                   bool whole);

// Writes the maps of the user namespace that `pid` has entered: for every id when we may, else for
// our own alone. Called outside of it.
Result<void> write_id_maps(pid_t pid, const UserInside& user);

// Enters them, as `options` has it, in this order: user, for which `map_ids` is called, then the
// rest. What it does not get goes to `inside`. `mounts_are_own`: a mount namespace was entered
// before. Process numbers are those of the children that come.
Result<void> enter_namespaces(const Options& options, Inside& inside, bool mounts_are_own,
                              const std::function<Result<void>()>& map_ids);

}  // namespace tc::sandbox
