// What calls tell of the machine and of the process's place in it: names, sizes, limits, the one
// processor. Ids (getpid and their kin) and resource limits are the kernel's own: the namespaces
// and the launch make them the same on every run.
#include <sys/personality.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "determinism/calls.h"
#include "determinism/cpu_time.h"
#include "determinism/machine.h"

namespace tc::determinism {
namespace {

using guest::Handler;

template <std::uint16_t BYTES>
void set_text(sys::Chars<BYTES>& field, const std::string& text) {
  std::memcpy(field.bytes, text.data(), std::min<std::size_t>(text.size(), BYTES - 1));
}

Handler answer_uname(World& world, sys::call::uname call, Tracee& guest) {
  sys::abi::utsname name{};
  set_text(name.sysname, machine::kSystem);
  set_text(name.nodename, machine::host_name(world));
  set_text(name.release, machine::kRelease);
  set_text(name.version, machine::kVersion);
  set_text(name.machine, machine::kArchitecture);
  set_text(name.domainname, machine::domain_name(world));
  co_return guest.write(call.name, name) ? 0 : -EFAULT;
}

// The kernel decides whether the guest may; that it could is kept.
template <class Call>
Handler set_name(Call call, std::optional<std::string>& kept, Tracee& guest) {
  const std::int64_t result = co_await Tracee::inject(call);
  if (result != 0) co_return result;
  constexpr std::int32_t kMostBytes = 64;  // __NEW_UTS_LEN
  std::string name(static_cast<std::size_t>(std::clamp(call.len.value, 0, kMostBytes)), '\0');
  if (guest.read_memory(call.name.address, std::as_writable_bytes(std::span(name)))) {
    name.resize(std::min(name.size(), std::strlen(name.c_str())));
    kept = name;
  }
  co_return 0;
}
Handler answer_sethostname(World& world, sys::call::sethostname call, Tracee& guest) {
  return set_name(call, world.host_name, guest);
}
Handler answer_setdomainname(World& world, sys::call::setdomainname call, Tracee& guest) {
  return set_name(call, world.domain_name, guest);
}

Handler answer_sysinfo(World& world, sys::call::sysinfo call, Tracee& guest) {
  constexpr std::uint64_t kKib = 1024;
  sys::abi::sysinfo info{};
  info.uptime.value = world.clock.monotonic_ns() / kSecondNs;
  info.totalram.value = machine::kTotalKib * kKib;
  info.freeram.value = machine::kFreeKib * kKib;
  info.sharedram.value = machine::kSharedKib * kKib;
  info.bufferram.value = machine::kBuffersKib * kKib;
  info.procs.value =
      static_cast<std::uint16_t>(std::clamp<std::size_t>(world.processes.size(), 1, 0xffff));
  info.mem_unit.value = 1;
  co_return guest.write(call.info, info) ? 0 : -EFAULT;
}

// Which child consumed what is not kept: none consumed anything.
Handler answer_getrusage(World& world, sys::call::getrusage call, Tracee& guest) {
  sys::abi::rusage usage{};
  switch (call.who.value) {
    case RUSAGE_SELF:
    case RUSAGE_THREAD:
      usage = consumed(cpu_time_ns(world, guest.process()));
      break;
    case RUSAGE_CHILDREN:
      usage = consumed(0);
      break;
    default:
      co_return -EINVAL;
  }
  co_return guest.write(call.ru, usage) ? 0 : -EFAULT;
}

Handler answer_getcpu(World&, sys::call::getcpu call, Tracee& guest) {
  const sys::Volatile32 first{0};
  if (call.cpup.address != 0 && !guest.write(call.cpup, first)) co_return -EFAULT;
  if (call.nodep.address != 0 && !guest.write(call.nodep, first)) co_return -EFAULT;
  co_return 0;
}

// --- the scheduler's calls take a thread, which must exist -------------------------------------

// kill(2) finds a thread by its own number too. 0 or EPERM: there is one.
bool needs_asking(Tracee& guest, pid_t tid) {
  return tid != 0 && tid != guest.own_tid() && tid != guest.process().pid;
}
guest::Injection probe_task(pid_t tid) {
  return Tracee::inject(sys::call::kill{.pid = {tid}, .sig = {0}});
}
bool exists(std::int64_t kill_result) { return kill_result == 0 || kill_result == -EPERM; }

constexpr std::uint64_t kMaskBytes = 8;  // of a kernel for at most 64 processors

Handler answer_sched_getaffinity(World&, sys::call::sched_getaffinity call, Tracee& guest) {
  if (call.len.value < kMaskBytes || call.len.value % kMaskBytes != 0) co_return -EINVAL;
  if (call.pid.value < 0) co_return -ESRCH;
  if (needs_asking(guest, call.pid.value)) {
    const std::int64_t asked = co_await probe_task(call.pid.value);
    if (!exists(asked)) co_return -ESRCH;
  }
  const std::uint64_t mask = 1;
  if (!guest.write_memory(call.user_mask_ptr.address, std::as_bytes(std::span(&mask, 1))))
    co_return -EFAULT;
  co_return static_cast<std::int64_t>(kMaskBytes);
}

Handler answer_sched_setaffinity(World&, sys::call::sched_setaffinity call, Tracee& guest) {
  std::array<std::byte, kMaskBytes> mask{};
  const auto given = std::span(mask).first(std::min<std::size_t>(call.len.value, mask.size()));
  if (!guest.read_memory(call.user_mask_ptr.address, given)) co_return -EFAULT;
  if (call.pid.value < 0) co_return -ESRCH;
  if (needs_asking(guest, call.pid.value)) {
    const std::int64_t asked = co_await probe_task(call.pid.value);
    if (!exists(asked)) co_return -ESRCH;
  }
  co_return (mask[0] & std::byte{1}) != std::byte{0} ? 0 : -EINVAL;
}

// The kernel's answer is 20 less the value, so as not to be negative.
Handler answer_getpriority(World& world, sys::call::getpriority call, Tracee& guest) {
  constexpr int kOffset = 20;
  const std::int64_t result = co_await guest.inject(call);
  if (result <= 0) co_return result;
  co_return kOffset - machine::told_nice(world.launch_nice, kOffset - static_cast<int>(result));
}

Handler answer_setpriority(World& world, sys::call::setpriority call, Tracee&) {
  call.niceval.value = machine::real_nice(world.launch_nice, call.niceval.value);
  co_return guest::pass_as(call);
}

// --- the rest ----------------------------------------------------------------------------------

// A guest may not get its addresses randomised: when they are not, they stay so.
Handler answer_personality(World&, sys::call::personality call, Tracee& guest) {
  constexpr std::uint32_t kAsk = 0xffffffff;
  if (call.personality.value == kAsk || (call.personality.value & ADDR_NO_RANDOMIZE) != 0)
    co_return guest::pass();
  const std::int64_t present = co_await guest.inject(sys::call::personality{.personality = {kAsk}});
  if (present >= 0 && (present & ADDR_NO_RANDOMIZE) != 0)
    call.personality.value |= ADDR_NO_RANDOMIZE;
  co_return guest::pass_as(call);
}

// Supplementary groups that the sandbox does not know are the user's of the host, of which there
// may be any number; all have the one number of what is not mapped (kernel/user_namespace.c).
Handler answer_getgroups(World&, sys::call::getgroups call, Tracee& guest) {
  constexpr std::int32_t kMostGroups = 65536;  // NGROUPS_MAX
  constexpr std::uint32_t kUnmapped = 65534;
  if (call.gidsetsize.value < 0) co_return -EINVAL;
  const std::int64_t count =
      co_await guest.inject(sys::call::getgroups{.gidsetsize = {0}, .grouplist = {}});
  if (count <= 0 || count > kMostGroups) co_return count;
  std::vector<std::uint32_t> groups(static_cast<std::size_t>(count));
  const auto bytes = std::as_writable_bytes(std::span(groups));
  const auto room = guest.place(bytes);
  if (!room) co_return -EFAULT;
  const std::int64_t told = co_await guest.inject(
      sys::call::getgroups{.gidsetsize = {static_cast<std::int32_t>(count)}, .grouplist = {*room}});
  if (told != count || !guest.read_memory(*room, bytes)) co_return -EFAULT;
  std::erase(groups, kUnmapped);
  const auto known = static_cast<std::int64_t>(groups.size());
  if (call.gidsetsize.value == 0) co_return known;
  if (call.gidsetsize.value < known) co_return -EINVAL;
  const auto answer = std::as_bytes(std::span(groups));
  if (!guest.write_memory(call.grouplist.address, answer)) co_return -EFAULT;
  co_return known;
}

// All pages that there are: which of a file's the host has in memory is chance. The kernel knows
// which are mapped, and whether the vector can be written.
Handler answer_mincore(World&, sys::call::mincore call, Tracee& guest) {
  const std::int64_t result = co_await guest.inject(call);
  if (result != 0) co_return result;
  constexpr std::uint64_t kPage = 4096;
  std::array<std::byte, 4096> resident;
  resident.fill(std::byte{1});
  const std::uint64_t pages = call.len.value / kPage + (call.len.value % kPage != 0 ? 1 : 0);
  for (std::uint64_t done = 0; done < pages;) {
    const auto piece = std::span(resident).first(std::min(resident.size(), pages - done));
    if (!guest.write_memory(call.vec.value + done, piece)) co_return -EFAULT;
    done += piece.size();
  }
  co_return 0;
}

// One task runs at a time on one processor, and no command is supported, as on a kernel without
// SMP: then all but the query is EINVAL.
Handler answer_membarrier(World&, sys::call::membarrier call, Tracee&) {
  constexpr std::int32_t kQuery = 0;
  co_return call.cmd.value == kQuery&& call.flags.value == 0 ? 0 : -EINVAL;
}

// Calls that the told kernel does not have, or that tell of the host's build and memory alone.
template <sys::TypedCall T>
Handler answer_unknown(World&, T, Tracee&) {
  co_return -ENOSYS;
}

void add_unknown_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::sysfs>(handlers, world, answer_unknown);
  on<sys::call::modify_ldt>(handlers, world, answer_unknown);
  on<sys::call::get_mempolicy>(handlers, world, answer_unknown);
  on<sys::call::cachestat>(handlers, world, answer_unknown);
  on<sys::call::lsm_get_self_attr>(handlers, world, answer_unknown);
  on<sys::call::lsm_set_self_attr>(handlers, world, answer_unknown);
  on<sys::call::lsm_list_modules>(handlers, world, answer_unknown);
}

}  // namespace

void add_identity_calls(guest::Handlers& handlers, World& world) {
  on<sys::call::uname>(handlers, world, answer_uname);
  on<sys::call::sethostname>(handlers, world, answer_sethostname);
  on<sys::call::setdomainname>(handlers, world, answer_setdomainname);
  on<sys::call::sysinfo>(handlers, world, answer_sysinfo);
  on<sys::call::getrusage>(handlers, world, answer_getrusage);
  on<sys::call::getcpu>(handlers, world, answer_getcpu);
  on<sys::call::sched_getaffinity>(handlers, world, answer_sched_getaffinity);
  on<sys::call::sched_setaffinity>(handlers, world, answer_sched_setaffinity);
  on<sys::call::getpriority>(handlers, world, answer_getpriority);
  on<sys::call::setpriority>(handlers, world, answer_setpriority);
  on<sys::call::personality>(handlers, world, answer_personality);
  on<sys::call::getgroups>(handlers, world, answer_getgroups);
  on<sys::call::mincore>(handlers, world, answer_mincore);
  on<sys::call::membarrier>(handlers, world, answer_membarrier);
  add_unknown_calls(handlers, world);
}

}  // namespace tc::determinism
