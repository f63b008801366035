#include "enrich/enricher.h"

#include <utility>

namespace tc::enrich {
namespace {

constexpr std::size_t kFramesKept = 65536;

event::Frame borrowed(const symbol::Frame& frame) {
  return {.address = frame.address,
          .in_module = frame.in_module,
          .offset = frame.offset,
          .module = frame.module,
          .build_id = frame.build_id,
          .symbol = frame.symbol};
}

}  // namespace

proc::Mapping mapping_of(const event::WireRecord& record) {
  const auto& wire = record.as<tc_memory_mapping>();
  proc::Mapping mapping;
  mapping.start = wire.start.value;
  mapping.end = wire.end.value;
  mapping.readable = true;
  mapping.executable = true;
  mapping.offset = wire.file_offset.value;
  // dev_t as the kernel holds it: 20 bits of minor (include/linux/kdev_t.h).
  mapping.device_major = wire.device.value >> 20U;
  mapping.device_minor = wire.device.value & 0xfffffU;
  mapping.inode = wire.inode;
  mapping.path = record.text(wire.path);
  return mapping;
}

std::uint64_t ProbedFunctions::add(ProbedFunction function) {
  const std::scoped_lock lock(mutex_);
  functions_.push_back(std::move(function));
  return functions_.size();
}

const ProbedFunction* ProbedFunctions::find(std::uint64_t id) const {
  const std::scoped_lock lock(mutex_);
  return id == 0 || id > functions_.size() ? nullptr : &functions_[id - 1];
}

Enricher::Enricher(const proc::Source& source, symbol::ImageSource& images,
                   const ProbedFunctions& probed, ReportFn report)
    : processes_(source), images_(images), probed_(probed), report_(std::move(report)) {}

void Enricher::meet(std::uint32_t pid, bool with_mappings) {
  Process& process = processes_.get(pid);
  if (!with_mappings) return;
  // A reading for the case that the process is gone when the first address comes. Until then it
  // may map more than records tell, so the mappings are not complete yet.
  if (processes_.complete_space(pid, process)) process.space_known = false;
}

void Enricher::learn(const event::WireRecord& record) {
  const std::uint32_t pid = record.header().pid;
  switch (record.type()) {
    case TC_EVENT_process_fork:
      processes_.fork(pid, record.as<tc_process_fork>().child_pid.value);
      break;
    case TC_EVENT_process_exec: {
      const auto& exec = record.as<tc_process_exec>();
      // A program without a path (a memfd, an unlinked file) is known by what it was called.
      const bool has_path = exec.resolved.offset != 0;
      if (exec.ret.value == 0)
        processes_.exec(pid, std::string(record.text(has_path ? exec.resolved : exec.path)));
      break;
    }
    case TC_EVENT_memory_mapping: {
      processes_.map(pid, mapping_of(record), record.as<tc_memory_mapping>().after_exec != 0);
      break;
    }
    case TC_EVENT_process_exit:
      processes_.exit(pid);
      break;
    default:
      break;
  }
}

void Enricher::enrich(const event::WireRecord& record, event::Record& out) {
  const std::uint32_t pid = record.header().pid;
  // Before the first view of this record is taken: a process that calls from ever new places must
  // not fill the memory.
  if (pid != 0) {
    for (auto& [kind, frames] : processes_.get(pid).frames)
      if (frames.size() > kFramesKept) frames.clear();
  }
  event::decode(record, *this, out);
  if (pid != 0) add_process_facts(pid, out);
}

void Enricher::add_process_facts(std::uint32_t pid, event::Record& out) {
  const Process& process = processes_.get(pid);
  const proc::ContainerIdentity& container = *process.container;
  const auto add = [&out](std::string_view key, const std::string& value) {
    if (!value.empty()) out.add(key, event::Bytes{value});
  };
  add("exe", process.exe);
  add("cgroup", container.cgroup);
  add("container_id", container.container_id);
  add("container_runtime", container.runtime);
  add("pod_uid", container.pod_uid);
  add("unit", container.unit);
}

const symbol::Frame& Enricher::resolve(std::uint32_t pid, std::uint64_t address,
                                       symbol::AddressKind kind) {
  Process& process = processes_.get(pid);
  if (const auto complete = processes_.complete_space(pid, process);
      !complete && complete.error().code() == 0)
    report_(complete.error());
  Process::Frames& frames = process.frames[kind];
  const auto found = frames.find(address);
  if (found != frames.end()) return found->second;
  symbol::Frame frame = symbol::resolve(process.space, pid, address, images_, kind);
  return frames.emplace(address, std::move(frame)).first->second;
}

event::Frame Enricher::name_return(std::uint32_t pid, std::uint64_t address) {
  return borrowed(resolve(pid, address, symbol::AddressKind::kReturn));
}

event::Frame Enricher::name_called(std::uint32_t pid, std::uint64_t address, std::uint64_t probe) {
  const ProbedFunction* known = probed_.find(probe);
  if (known == nullptr) return borrowed(resolve(pid, address, symbol::AddressKind::kExact));
  return {.address = address,
          .in_module = true,
          .offset = known->vaddr,
          .module = known->module,
          .build_id = known->build_id,
          .symbol = known->symbol};
}

}  // namespace tc::enrich
