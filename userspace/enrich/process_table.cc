#include "enrich/process_table.h"

#include <utility>

#include "proc/maps.h"

namespace tc::enrich {
namespace {

constexpr std::size_t kGoneKept = 1024;
constexpr std::size_t kIdentitiesKept = 4096;

}  // namespace

std::shared_ptr<const proc::ContainerIdentity> ProcessTable::container_of(std::uint32_t pid) {
  Result<std::string> text = source_.cgroup(pid);
  if (!text) return nullptr;
  if (identities_.size() > kIdentitiesKept) identities_.clear();
  auto& known = identities_[*text];
  if (!known)
    known = std::make_shared<const proc::ContainerIdentity>(proc::identify_container(*text));
  return known;
}

Process& ProcessTable::get(std::uint32_t pid) {
  const auto [found, is_new] = processes_.try_emplace(pid);
  Process& process = found->second;
  if (!is_new) return process;
  process.container = container_of(pid);
  if (!process.container) process.container = std::make_shared<const proc::ContainerIdentity>();
  if (Result<std::string> exe = source_.exe(pid)) process.exe = std::move(exe).value();
  // The kernel marks a file that has lost its name (proc_pid_exe(5)); the name is still its name.
  constexpr std::string_view kDeleted = " (deleted)";
  if (process.exe.ends_with(kDeleted)) process.exe.resize(process.exe.size() - kDeleted.size());
  return process;
}

void ProcessTable::fork(std::uint32_t parent, std::uint32_t child) {
  Process copy = get(parent);
  copy.gone = false;
  // A parent whose mappings were never needed has none to hand on; the child reads its own.
  processes_.insert_or_assign(child, std::move(copy));
}

void ProcessTable::exec(std::uint32_t pid, std::string exe) {
  Process& process = get(pid);
  process.exe = std::move(exe);
  process.gone = false;
  process.space.clear();
  process.space_known = false;
  process.frames.clear();
  // A container runtime moves itself into the cgroup between fork and exec.
  if (auto container = container_of(pid)) process.container = std::move(container);
}

void ProcessTable::map(std::uint32_t pid, proc::Mapping mapping, bool after_exec) {
  Process& process = get(pid);
  process.space.insert(std::move(mapping));
  process.frames.clear();
  if (after_exec) process.space_known = true;
}

void ProcessTable::exit(std::uint32_t pid) {
  get(pid).gone = true;
  gone_.push_back(pid);
  if (gone_.size() <= kGoneKept) return;
  // Unless the number belongs to another process by now.
  const auto oldest = processes_.find(gone_.front());
  if (oldest != processes_.end() && oldest->second.gone) processes_.erase(oldest);
  gone_.pop_front();
}

Result<void> ProcessTable::complete_space(std::uint32_t pid, Process& process) {
  if (process.space_known) return {};
  process.space_known = true;  // one attempt: a process that is gone stays gone
  TC_TRY(const std::string text, source_.maps(pid));
  TC_TRY(std::vector<proc::Mapping> mappings, proc::parse_maps(text, source_.maps_file(pid)));
  // Records seen so far are older than this reading, which therefore wins.
  for (proc::Mapping& mapping : mappings) process.space.insert(std::move(mapping));
  process.frames.clear();
  return {};
}

}  // namespace tc::enrich
