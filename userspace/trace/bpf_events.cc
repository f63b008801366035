#include "trace/bpf_events.h"

#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "tc/capture.h"

namespace tc::trace {
namespace {

// What a call returns that is to be made again, or not, when a signal has been dealt with: the
// kernel's own errnos, which no program sees (include/linux/errno.h).
constexpr std::int64_t kRestartFirst = 512;  // ERESTARTSYS
constexpr std::int64_t kRestartLast = 516;   // ERESTART_RESTARTBLOCK

bool is_interrupted(std::int64_t result) {
  return result == -EINTR || (result <= -kRestartFirst && result >= -kRestartLast);
}

guest::Task task_of(const tc_header& header) { return {.pid = header.pid, .tid = header.tid}; }

// The argument of an execveat with a descriptor. The kernel makes it a path by itself:
// "/dev/fd/N/PATH", or "/dev/fd/N" for an empty one (fs/exec.c, alloc_bprm).
std::string_view path_behind_descriptor(std::string_view path) {
  constexpr std::string_view kPrefix = "/dev/fd/";
  if (!path.starts_with(kPrefix)) return path;
  const std::size_t slash = path.find('/', kPrefix.size());
  return slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
}

// False when they do not fill `bytes` as they should.
bool read_pieces(std::string_view bytes, std::uint32_t count, std::vector<sys::Piece>& pieces) {
  for (; count > 0; --count) {
    tc_piece head{};
    if (bytes.size() < sizeof(head)) return false;
    std::memcpy(&head, bytes.data(), sizeof(head));
    bytes.remove_prefix(sizeof(head));
    const std::size_t padded = (std::size_t{head.length} + 7) / 8 * 8;
    if (padded > bytes.size()) return false;
    pieces.push_back({.argument = head.argument,
                      .part = head.part,
                      .fault = (head.flags & TC_PIECE_FAULT) != 0,
                      .truncated = (head.flags & TC_PIECE_TRUNCATED) != 0,
                      .bytes = bytes.substr(0, head.length)});
    bytes.remove_prefix(padded);
  }
  return bytes.empty();
}

}  // namespace

std::string_view reason_name(std::uint32_t reason) {
#define TC_REASON_NAME(number, name) #name,
  static constexpr std::array kNames = {TC_LOSS_REASONS(TC_REASON_NAME)};
#undef TC_REASON_NAME
  return reason >= 1 && reason <= kNames.size() ? kNames[reason - 1] : "unknown";
}

std::optional<guest::Called> read_call(const event::WireRecord& record,
                                       std::vector<sys::Piece>& pieces) {
  const auto& wire = record.as<tc_call_return>();
  pieces.clear();
  if (!read_pieces(record.text(wire.pieces), wire.piece_count, pieces)) return std::nullopt;
  return guest::Called{.task = task_of(wire.header),
                       .time_ns = wire.header.time_ns,
                       .ip = wire.ip,
                       .call = {.abi = static_cast<sys::Abi>(wire.abi),
                                .number = wire.number,
                                .arguments = {wire.a0, wire.a1, wire.a2, wire.a3, wire.a4, wire.a5},
                                .result = wire.ret.value,
                                .pieces = pieces}};
}

void BpfEvents::on_call(const event::WireRecord& record) {
  const auto& wire = record.as<tc_call_return>();
  if (is_interrupted(wire.ret.value)) {
    // Perhaps the thread dies of what interrupted it and never sees this result.
    Bytes copy(record.bytes().size() / sizeof(std::uint64_t) + 1);
    std::memcpy(copy.data(), record.bytes().data(), record.bytes().size());
    held_[wire.header.tid] = std::move(copy);
    return;
  }
  const std::optional<guest::Called> event = read_call(record, pieces_);
  if (!event) return miss(wire.header.time_ns, 1, TC_LOSS_malformed);
  listener_.on(*event);
}

void BpfEvents::meet(guest::Task task) {
  live_.insert(task.pid);
  met_.insert(task.tid);
  met_processes_.emplace(task.pid, std::nullopt);
}

std::optional<int> BpfEvents::wait_status(std::uint32_t pid) const {
  const auto found = met_processes_.find(pid);
  return found == met_processes_.end() ? std::nullopt : found->second;
}

void BpfEvents::miss(std::uint64_t time_ns, std::uint64_t count, std::uint32_t reason) {
  has_missed_ = true;
  listener_.on(guest::Missed{.time_ns = time_ns, .count = count, .reason = reason_name(reason)});
}

void BpfEvents::take(std::span<const std::byte> bytes) {
  const Result<event::WireRecord> record = event::WireRecord::parse(bytes);
  if (!record) return miss(0, 1, TC_LOSS_malformed);
  if (record->type() == TC_EVENT_lost) {
    const auto& lost = record->as<tc_lost>();
    return miss(record->header().time_ns, lost.count, lost.reason.value);
  }
  if (!is_told(record->header())) return;
  if (!held_.empty() && record->type() != TC_EVENT_task_exit) release_held(record->header().tid);
  dispatch(*record);
}

// A process that was not met and whose birth was not told ended before it could be met, unless the
// telling was missed.
bool BpfEvents::is_told(const tc_header& header) {
  if (awaited_ && header.pid == *awaited_) {
    const bool begins = header.type == TC_EVENT_program_start;
    if (begins) awaited_.reset();
    if (!begins && header.type != TC_EVENT_memory_mapping && header.type != TC_EVENT_argv_chunk &&
        header.type != TC_EVENT_task_exit)
      return false;
  }
  if (header.pid == last_pid_) return true;
  if (!live_.contains(header.pid)) {
    if (!has_missed_) return false;
    live_.insert(header.pid);
  }
  last_pid_ = header.pid;
  return true;
}

void BpfEvents::dispatch(const event::WireRecord& record) {
  switch (record.type()) {
    case TC_EVENT_call_return:
      return on_call(record);
    case TC_EVENT_task_create:
      return on_create(record);
    case TC_EVENT_task_exit:
      return on_exit(record);
    case TC_EVENT_signal_deliver:
      return on_signal(record);
    case TC_EVENT_program_start:
      return on_start(record);
    case TC_EVENT_memory_mapping:
      return on_mapping(record);
    case TC_EVENT_argv_chunk: {
      const auto& chunk = record.as<tc_argv_chunk>();
      preludes_[record.header().tid].pieces[chunk.position] = record.text(chunk.bytes);
      return;
    }
    case TC_EVENT_symbol_call:
      return on_reached(record);
    default:
      return miss(record.header().time_ns, 1, TC_LOSS_malformed);
  }
}

std::optional<guest::Called> BpfEvents::take_held(std::uint32_t tid, Bytes& owner) {
  const auto found = held_.find(tid);
  if (found == held_.end()) return std::nullopt;
  owner = std::move(found->second);
  held_.erase(found);
  const auto* bytes = reinterpret_cast<const std::byte*>(owner.data());
  const auto* header = reinterpret_cast<const tc_header*>(bytes);
  const Result<event::WireRecord> record = event::WireRecord::parse({bytes, header->size});
  TC_ASSERT(record.ok());
  std::optional<guest::Called> event = read_call(*record, pieces_);
  if (!event) miss(header->time_ns, 1, TC_LOSS_malformed);
  return event;
}

void BpfEvents::release_held(std::uint32_t tid) {
  Bytes owner;
  if (const std::optional<guest::Called> event = take_held(tid, owner)) listener_.on(*event);
}

void BpfEvents::on_create(const event::WireRecord& record) {
  const auto& wire = record.as<tc_task_create>();
  if (wire.child_pid != wire.header.pid) live_.insert(wire.child_pid);
  if (met_.erase(wire.child_tid) > 0) return;
  listener_.on(guest::Created{.creator = task_of(wire.header),
                              .child = {.pid = wire.child_pid, .tid = wire.child_tid},
                              .time_ns = wire.header.time_ns,
                              .clone_flags = wire.clone_flags,
                              .ns_tid = wire.child_ns_tid,
                              .ns_pid = wire.child_ns_pid});
}

void BpfEvents::on_exit(const event::WireRecord& record) {
  const auto& wire = record.as<tc_task_exit>();
  const std::uint32_t tid = wire.header.tid;
  // In another call by now, the thread has seen how the held one ended.
  if (wire.in_call != 0) release_held(tid);
  guest::Ended event;
  event.task = task_of(wire.header);
  event.time_ns = wire.header.time_ns;
  event.last = wire.last != 0;
  event.wait_status = static_cast<int>(wire.status);
  Bytes owner;
  if (wire.in_call != 0) {
    event.call.emplace();
    event.call->abi = static_cast<sys::Abi>(wire.abi);
    event.call->number = wire.number;
    event.call->arguments = {wire.a0, wire.a1, wire.a2, wire.a3, wire.a4, wire.a5};
  } else if (const std::optional<guest::Called> cut = take_held(tid, owner)) {
    event.call = cut->call;
    event.call->result.reset();
  }
  preludes_.erase(tid);
  met_.erase(tid);
  if (event.last) {
    live_.erase(wire.header.pid);
    last_pid_ = 0;
    const auto met = met_processes_.find(wire.header.pid);
    if (met != met_processes_.end()) met->second = event.wait_status;
  }
  // The held command that could not be executed was never told of.
  if (awaited_ == wire.header.pid) return;
  listener_.on(event);
}

void BpfEvents::on_signal(const event::WireRecord& record) {
  const auto& wire = record.as<tc_signal_deliver>();
  listener_.on(guest::Signalled{.task = task_of(wire.header),
                                .time_ns = wire.header.time_ns,
                                .signal = wire.signal,
                                .code = wire.code,
                                .sender_pid = wire.sender_pid,
                                .sender_uid = wire.sender_uid,
                                .fault_address = wire.fault_address});
}

void BpfEvents::on_mapping(const event::WireRecord& record) {
  const auto& wire = record.as<tc_memory_mapping>();
  if (wire.after_exec == 0) return;
  preludes_[wire.header.tid].mappings.emplace_back(
      guest::Mapping{.start = wire.start.value,
                     .end = wire.end.value,
                     .file_offset = wire.file_offset.value,
                     .path = {}},
      record.text(wire.path));
}

void BpfEvents::on_start(const event::WireRecord& record) {
  const auto& wire = record.as<tc_program_start>();
  Prelude prelude;
  if (const auto found = preludes_.find(wire.header.tid); found != preludes_.end()) {
    prelude = std::move(found->second);
    preludes_.erase(found);
  }
  held_.erase(wire.former_tid);
  std::string_view strings = record.text(wire.arguments);
  std::uint64_t missing = wire.missing;
  std::string whole;
  if (!prelude.pieces.empty()) {
    whole = strings;
    for (const auto& [position, bytes] : prelude.pieces) {
      // What lies behind a hole has no place.
      if (position != whole.size()) break;
      whole += bytes;
      missing -= std::min<std::uint64_t>(missing, bytes.size());
    }
    strings = whole;
  }
  std::vector<guest::Mapping> mappings;
  for (const auto& [mapping, path] : prelude.mappings) {
    mappings.push_back(mapping);
    mappings.back().path = path;
  }
  const bool at = wire.number == SYS_execveat;
  const std::string_view path = record.text(wire.path);
  const std::size_t argv_bytes = std::min<std::size_t>(wire.argv_bytes, strings.size());
  listener_.on(guest::Started{.task = task_of(wire.header),
                              .time_ns = wire.header.time_ns,
                              .former_tid = wire.former_tid,
                              .at = at,
                              .path = at ? path_behind_descriptor(path) : path,
                              .resolved = record.text(wire.resolved),
                              .argv = strings.substr(0, argv_bytes),
                              .environment = strings.substr(argv_bytes),
                              .missing = missing,
                              .heap_start = wire.heap_start,
                              .stack_start = wire.stack_start,
                              .mappings = mappings});
}

void BpfEvents::on_reached(const event::WireRecord& record) {
  const auto& wire = record.as<tc_symbol_call>();
  listener_.on(guest::Reached{.task = task_of(wire.header),
                              .time_ns = wire.header.time_ns,
                              .place = static_cast<std::uint32_t>(wire.probe.value)});
}

}  // namespace tc::trace
