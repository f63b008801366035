#include "determinism/signal_records.h"

#include <signal.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "determinism/signal_files.h"

namespace tc::determinism {
namespace {

// Copies between one record and the guest's memory, where it may lie in several segments.
template <class Bytes, class Copy>
bool copy_record(const Segments& segments, std::uint64_t offset, std::span<Bytes> bytes,
                 const Copy& copy) {
  while (!bytes.empty()) {
    const Segment segment = segment_at(segments, offset);
    const std::size_t count = std::min<std::size_t>(segment.length, bytes.size());
    if (count == 0 || !copy(segment.address, bytes.first(count))) return false;
    bytes = bytes.subspan(count);
    offset += count;
  }
  return true;
}

// The processor time of a child, and how often a timer expired, which the kernel does not know.
void amend_record(World& world, const Process& process, signalfd_siginfo& record) {
  if (record.ssi_signo == SIGCHLD && record.ssi_code > 0) record.ssi_utime = record.ssi_stime = 0;
  if (record.ssi_code != SI_TIMER) return;
  const auto number = static_cast<std::int32_t>(record.ssi_tid);
  if (number >= 0) {
    record.ssi_overrun = static_cast<std::uint32_t>(
        world.timers.delivered({.process = process.order, .number = number}));
  } else {  // alarm and setitimer: the kernel itself sends those
    record.ssi_code = SI_KERNEL;
    record.ssi_tid = 0;
  }
}

void amend_records(World& world, Tracee& guest, const Segments& segments, std::uint64_t size) {
  signalfd_siginfo record{};
  for (std::uint64_t offset = 0; offset + sizeof(record) <= size; offset += sizeof(record)) {
    const auto read = [&guest](std::uint64_t address, std::span<std::byte> to) {
      return guest.read_memory(address, to).ok();
    };
    const auto write = [&guest](std::uint64_t address, std::span<const std::byte> from) {
      return guest.write_memory(address, from).ok();
    };
    if (!copy_record(segments, offset, std::as_writable_bytes(std::span(&record, 1)), read)) return;
    amend_record(world, guest.process(), record);
    if (!copy_record(segments, offset, std::as_bytes(std::span(&record, 1)), write)) return;
  }
}

}  // namespace

guest::Handler read_signal_file(World& world, SignalRead request, Tracee& guest) {
  while (request.waits && pending_signals(guest, request.mask) == 0) {
    guest::Wait wait;
    wait.accepted_signals = request.mask;
    wait.what = "a signal, by a signal descriptor";
    const guest::Woken woken = co_await Tracee::wait(std::move(wait));
    if (woken == guest::Woken::kSignal) co_return guest::interrupted(guest::kRestartSys);
  }
  const std::int64_t size = co_await guest::Injection(request.call.number, request.call.arguments);
  if (size > 0) amend_records(world, guest, request.segments, static_cast<std::uint64_t>(size));
  co_return size;
}

}  // namespace tc::determinism
