// statfs(2) and ustat(2): a file system of a fixed size, half full. Its type is told, since
// programs choose by it what they may do.
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "determinism/calls.h"
#include "determinism/lookup.h"

namespace tc::determinism {
namespace {

using guest::Handler;

constexpr std::int64_t kBlock = 4096;
constexpr std::uint64_t kBlocks = 16U << 20U;  // 64 GiB
constexpr std::uint64_t kFreeBlocks = kBlocks / 2;
constexpr std::uint64_t kFiles = 4U << 20U;
constexpr std::uint64_t kFreeFiles = kFiles / 2;
// What a program may do there; how access times are kept is the host's affair.
constexpr std::uint64_t kToldFlags = ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC;
constexpr std::uint64_t kValidFlags = 0x20;  // ST_VALID of the kernel

sys::abi::statfs told_space(std::int64_t type, std::int64_t name_length, std::uint64_t flags,
                            bool has_blocks) {
  sys::abi::statfs space{};
  space.f_type.value = type;
  space.f_bsize.value = kBlock;
  space.f_frsize.value = kBlock;
  space.f_namelen.value = name_length;
  space.f_flags.value = (flags & kToldFlags) | kValidFlags;
  if (!has_blocks) return space;  // /proc has none, and df(1) leaves it out for that
  space.f_blocks.value = kBlocks;
  space.f_bfree.value = kFreeBlocks;
  space.f_bavail.value = kFreeBlocks;
  space.f_files.value = kFiles;
  space.f_ffree.value = kFreeFiles;
  return space;
}

std::int64_t tell_space(Tracee& guest, const UniqueFd& file,
                        const sys::RemotePointer<sys::abi::statfs>& to) {
  struct statfs host {};
  if (::fstatfs(file.get(), &host) != 0) return -errno;
  const sys::abi::statfs told = told_space(
      host.f_type, host.f_namelen, static_cast<std::uint64_t>(host.f_flags), host.f_blocks != 0);
  return guest.write(to, told) ? 0 : -EFAULT;
}

Handler answer_fstatfs(World& /*world*/, sys::call::fstatfs call, Tracee& guest) {
  const Result<UniqueFd> file = guest.file(call.fd.value);
  if (!file) co_return -file.error().code();
  co_return tell_space(guest, *file, call.buf);
}

Handler answer_statfs(World& /*world*/, sys::call::statfs call, Tracee& guest) {
  const Result<std::string> path = read_path(guest, call.pathname.address);
  if (!path) co_return -path.error().code();
  const Lookup lookup = look_up(guest, {.text = *path}, LastLink::kFollow);
  if (lookup.found) co_return tell_space(guest, lookup.found->file, call.buf);
  if (!lookup.is_unknown()) co_return -lookup.error;
  const std::int64_t result = co_await guest.inject(call);
  if (result != 0) co_return result;
  const Result<sys::abi::statfs> host = guest.read(call.buf);
  if (!host) co_return -EFAULT;
  const sys::abi::statfs told = told_space(host->f_type.value, host->f_namelen.value,
                                           host->f_flags.value, host->f_blocks.value != 0);
  co_return guest.write(call.buf, told) ? 0 : -EFAULT;
}

// Its argument is a device number as stat(2) told it.
Handler answer_ustat(World& world, sys::call::ustat call, Tracee& guest) {
  if (!world.inodes.has_given_device(call.dev.value)) co_return -EINVAL;
  sys::abi::ustat space{};
  space.f_tfree.value = static_cast<std::uint32_t>(kFreeBlocks);
  space.f_tinode.value = kFreeFiles;
  co_return guest.write(call.ubuf, space) ? 0 : -EFAULT;
}

// The tree of mounts is the host's.
Handler refuse_statmount(World& /*world*/, sys::call::statmount /*call*/, Tracee& /*guest*/) {
  co_return -ENOSYS;
}

Handler refuse_listmount(World& /*world*/, sys::call::listmount /*call*/, Tracee& /*guest*/) {
  co_return -ENOSYS;
}

}  // namespace

void add_space_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::statfs>(handlers, world, answer_statfs);
  on<sys::call::fstatfs>(handlers, world, answer_fstatfs);
  on<sys::call::ustat>(handlers, world, answer_ustat);
  on<sys::call::statmount>(handlers, world, refuse_statmount);
  on<sys::call::listmount>(handlers, world, refuse_listmount);
}

}  // namespace tc::determinism
