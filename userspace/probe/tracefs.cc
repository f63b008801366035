#include "probe/tracefs.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include "base/file.h"
#include "base/number.h"

namespace tc::probe {
namespace {

// fsopen(2) and friends have no wrappers in glibc 2.36's <sys/mount.h> that every header set
// agrees on; the numbers are stable.
Result<UniqueFd> mount_detached() {
  const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC)));
  if (!context) return system_error(errno, "fsopen tracefs");
  if (syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return system_error(errno, "mount tracefs");
  UniqueFd mount(static_cast<int>(syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  if (!mount) return system_error(errno, "mount tracefs");
  return mount;
}

}  // namespace

Result<Tracefs> Tracefs::open() {
  constexpr std::array<const char*, 2> kPlaces = {"/sys/kernel/tracing",
                                                  "/sys/kernel/debug/tracing"};
  for (const char* place : kPlaces) {
    Result<UniqueFd> directory = base::open_file(place, O_RDONLY | O_DIRECTORY);
    if (directory && faccessat(directory->get(), "events/syscalls", R_OK | X_OK, 0) == 0)
      return Tracefs(std::move(directory).value(), place);
  }
  Result<UniqueFd> mount = mount_detached();
  if (!mount) return mount.error();
  return Tracefs(std::move(mount).value(), "detached mount");
}

Result<std::uint64_t> Tracefs::event_id(const std::string& event) const {
  const std::string path = "events/" + event + "/id";
  const UniqueFd file(openat(directory_.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return system_error(errno, "open tracefs " + path);
  std::array<char, 32> digits{};
  const ssize_t got = ::read(file.get(), digits.data(), digits.size());
  std::string_view text(digits.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  if (text.ends_with('\n')) text.remove_suffix(1);
  const auto id = base::parse_unsigned(text);
  if (!id) return error("tracefs {}: not a number: \"{}\"", path, text);
  return *id;
}

}  // namespace tc::probe
