// What is known of each process while its records pass: executable, container, mappings. Kept up
// by the lifecycle records themselves, so it is right for the moment of each record and outlives
// the process; /proc is asked only for what no record told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "proc/cgroup.h"
#include "proc/source.h"
#include "symbol/address_space.h"
#include "symbol/resolver.h"

namespace tc::enrich {

struct Process {
  std::string exe;  // as the process sees it, raw bytes; empty when unknown
  // Shared by the processes of one container; never null.
  std::shared_ptr<const proc::ContainerIdentity> container;
  symbol::AddressSpace space;
  bool space_known = false;  // `space` is complete; else /proc/PID/maps has yet to be read
  // Addresses already named, by kind of address; void once a mapping changes.
  using Frames = std::unordered_map<std::uint64_t, symbol::Frame>;
  std::map<symbol::AddressKind, Frames> frames;
  bool gone = false;  // has ended; its number may be given to another
};

class ProcessTable {
 public:
  // `source` must outlive the table.
  explicit ProcessTable(const proc::Source& source) : source_(source) {}

  // The process, asked of the source when it is new. Valid until the next call.
  Process& get(std::uint32_t pid);

  // The child starts as a copy of its parent.
  void fork(std::uint32_t parent, std::uint32_t child);
  // A new program: mappings start anew, the container is looked up again.
  void exec(std::uint32_t pid, std::string exe);
  void map(std::uint32_t pid, proc::Mapping mapping, bool after_exec);
  // The process stays known for a while: records of its sockets still come.
  void exit(std::uint32_t pid);

  // The mappings of `process`, read from the source if no record brought them. The error is the
  // source's, or that of parse_maps() with the file's name.
  Result<void> complete_space(std::uint32_t pid, Process& process);

 private:
  std::shared_ptr<const proc::ContainerIdentity> container_of(std::uint32_t pid);

  const proc::Source& source_;
  std::unordered_map<std::uint32_t, Process> processes_;
  std::deque<std::uint32_t> gone_;
  // Identities by the text they were told from: containers are few, processes many.
  std::unordered_map<std::string, std::shared_ptr<const proc::ContainerIdentity>> identities_;
};

}  // namespace tc::enrich
