// open(2) and its kin. An ordinary file that is only opened costs one stop; what is made, emptied,
// a FIFO, or under /proc and /sys is opened as opening.h has it.
//
// Devices are opened as they are: what /dev/urandom says is the business of read(2).
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "determinism/calls.h"
#include "determinism/lookup.h"
#include "determinism/open_file.h"
#include "determinism/opening.h"
#include "determinism/proc_files.h"

namespace tc::determinism {
namespace {

using guest::Handler;

constexpr std::uint64_t kLargestHow = 4096;  // the kernel takes no more than a page (E2BIG)

Handler open_found(World& world, const Opening& opening, const FoundFile& found, Tracee& guest) {
  if (opening.is_exclusive()) return answer_with(guest::pass());  // EEXIST
  if (found.type() == S_IFIFO) return open_waiting(world, opening, found.id(), guest);
  if (found.type() == S_IFREG && opening.has(O_TRUNC))
    return open_changing(world, opening, false, guest);
  if (found.type() == S_IFDIR && opening.is_temporary())
    return open_changing(world, opening, true, guest);
  return answer_with(guest::pass());
}

Handler open_kernel_view(World& world, const Opening& opening, const std::string& name,
                         Tracee& guest) {
  const bool passes = world.settings.real_proc || opening.writes() || opening.has(O_DIRECTORY);
  if (passes) return answer_with(guest::pass());
  ProcFile file = proc_file(world, guest, name);
  switch (file.kind) {
    case ProcFile::Kind::kPass:
      return answer_with(guest::pass());
    case ProcFile::Kind::kMissing:
      return answer_with(-ENOENT);
    case ProcFile::Kind::kText:
      return open_text(world, opening, name, std::move(file.text), guest);
  }
  return answer_with(guest::pass());
}

Handler open_file(World& world, Opening opening, Tracee& guest) {
  if (opening.has(O_PATH)) return answer_with(guest::pass());
  Result<std::string> path = read_path(guest, opening.path_address);
  if (!path) return answer_with(guest::pass());  // EFAULT, ENAMETOOLONG
  opening.path = std::move(*path);
  const bool keeps_link = opening.has(O_NOFOLLOW) || opening.is_exclusive();
  Lookup lookup;
  // /proc/self is somebody else for us.
  if (!opening.path.starts_with("/proc/") && !opening.path.starts_with("/sys/"))
    lookup = look_up(guest, opening.guest_path(), keeps_link ? LastLink::kKeep : LastLink::kFollow,
                     opening.resolve);
  if (lookup.found && !lookup.found->is_kernel_view)
    return open_found(world, opening, *lookup.found, guest);
  if (lookup.is_missing() && opening.has(O_CREAT))
    return open_changing(world, opening, true, guest);
  if (lookup.error != 0) return answer_with(guest::pass());  // and fails
  const std::optional<std::string> name = kernel_view_name(guest, opening.guest_path());
  if (name && !leads_through_magic_link(*name))
    return open_kernel_view(world, opening, *name, guest);
  return open_waiting(world, opening, std::nullopt, guest);
}

Handler answer_open(World& world, sys::call::open call, Tracee& guest) {
  return open_file(world,
                   {.call = raw_call(call),
                    .path_address = call.filename.address,
                    .flags = call.flags.value,
                    .mode = call.mode.value},
                   guest);
}

Handler answer_creat(World& world, sys::call::creat call, Tracee& guest) {
  return open_file(world,
                   {.call = raw_call(call),
                    .path_address = call.pathname.address,
                    .flags = O_CREAT | O_WRONLY | O_TRUNC,
                    .mode = call.mode.value},
                   guest);
}

Handler answer_openat(World& world, sys::call::openat call, Tracee& guest) {
  return open_file(world,
                   {.call = raw_call(call),
                    .dirfd = call.dfd.value,
                    .path_address = call.filename.address,
                    .flags = call.flags.value,
                    .mode = call.mode.value},
                   guest);
}

// Whether a struct open_how of this size asks for nothing that we do not know of. If not, or if it
// is not one, the kernel will say what is wrong with it.
bool is_known_how(Tracee& guest, const sys::call::openat2& call) {
  const std::uint64_t size = call.usize.value;
  if (size < sizeof(open_how) || size > kLargestHow) return false;
  std::array<std::byte, kLargestHow - sizeof(open_how)> room{};
  const std::span rest = std::span(room).first(size - sizeof(open_how));
  if (rest.empty()) return true;
  if (!guest.read_memory(call.how.address + sizeof(open_how), rest)) return false;
  return std::all_of(rest.begin(), rest.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

Handler answer_openat2(World& world, sys::call::openat2 call, Tracee& guest) {
  if (!is_known_how(guest, call)) return answer_with(guest::pass());
  const Result<sys::abi::open_how> how = guest.read(call.how);
  if (!how) return answer_with(guest::pass());
  return open_file(world,
                   {.call = raw_call(call),
                    .dirfd = call.dfd.value,
                    .path_address = call.filename.address,
                    .flags = how->flags.value,
                    .mode = how->mode.value,
                    .resolve = how->resolve.value,
                    .has_how = true},
                   guest);
}

}  // namespace

void add_open_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::open>(handlers, world, answer_open);
  on<sys::call::creat>(handlers, world, answer_creat);
  on<sys::call::openat>(handlers, world, answer_openat);
  on<sys::call::openat2>(handlers, world, answer_openat2);
}

}  // namespace tc::determinism
