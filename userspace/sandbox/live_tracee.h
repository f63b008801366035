// LiveTracee: a stopped thread as the handlers' Tracee: its memory by process_vm_readv(2), its
// files by pidfd_getfd(2), its names by the host's /proc, which is the keeper's working directory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "determinism/tracee.h"
#include "ptrace/memory.h"

namespace tc::sandbox {

struct Task;

class LiveTracee final : public determinism::Tracee {
 public:
  // The task owns this.
  explicit LiveTracee(Task& task);

  guest::Task task() const override;
  Result<void> read_memory(std::uint64_t address, std::span<std::byte> to) override;
  Result<void> write_memory(std::uint64_t address, std::span<const std::byte> from) override;
  determinism::TaskId id() const override;
  determinism::Process& process() override;
  pid_t own_tid() const override;
  bool is_made_again() const override;
  Result<UniqueFd> file(int fd) override;
  Result<std::string> link(const std::string& name) override;
  std::string proc_name(const std::string& name) const override;
  Result<std::string> absolute_path(int dirfd, std::uint64_t path_address) override;
  Result<std::uint64_t> place(std::span<const std::byte> bytes) override;

  // Puts back what place() has written over. When the handler has ended.
  void clear_places();

 private:
  struct Place {
    std::uint64_t address;
    std::vector<std::byte> former;
  };
  ptrace::Memory memory() const;

  Task& task_;
  std::vector<Place> places_;
};

}  // namespace tc::sandbox
