// Where facts about processes come from: the kernel's /proc, or a directory of recorded files.
// Hands out text and names of files; what they mean is parsed elsewhere (maps.h, cgroup.h).
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace tc::proc {

// An error's code() is ENOENT when the source does not know the process (or the fixture file is
// missing) and ESRCH, EACCES, … as the kernel gave it. It is 0 when the source itself is broken: a
// fixture that is there but cannot be read.
class Source {
 public:
  virtual ~Source() = default;

  // The text of /proc/PID/maps; empty for a zombie and for a kernel thread.
  virtual Result<std::string> maps(std::uint32_t pid) const = 0;
  // The name of what maps() reads, for messages about its content.
  virtual std::string maps_file(std::uint32_t pid) const = 0;
  // The text of /proc/PID/cgroup.
  virtual Result<std::string> cgroup(std::uint32_t pid) const = 0;
  // The target of /proc/PID/exe, raw, perhaps with " (deleted)".
  virtual Result<std::string> exe(std::uint32_t pid) const = 0;

  // The name under which tc can open what the process knows as `path` (absolute). It ceases to
  // work when the process is gone: the caller then falls back to `path` itself.
  virtual std::string file_in_root(std::uint32_t pid, const std::string& path) const = 0;
};

// The processes of this host. `root` is a procfs, for example another one mounted elsewhere.
class LiveProc final : public Source {
 public:
  explicit LiveProc(std::string root = "/proc") : root_(std::move(root)) {}

  Result<std::string> maps(std::uint32_t pid) const override;
  std::string maps_file(std::uint32_t pid) const override;
  Result<std::string> cgroup(std::uint32_t pid) const override;
  Result<std::string> exe(std::uint32_t pid) const override;
  std::string file_in_root(std::uint32_t pid, const std::string& path) const override;

  // The link that opens the very object mapped at [start, end), deleted or not. The range must be
  // one line of maps; needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE.
  std::string mapped_file(std::uint32_t pid, std::uint64_t start, std::uint64_t end) const;
  // The file whose bytes are the process's memory, at the offset of the address.
  std::string memory(std::uint32_t pid) const;

 private:
  std::string entry(std::uint32_t pid, const char* file) const;

  std::string root_;
};

// Recorded processes: DIRECTORY/{pid}-maps.txt, {pid}-cgroup.txt and, optional, {pid}-exe.txt,
// the layout of fixtures/ebpf/proc. Files are opened under their plain path.
class FixtureProc final : public Source {
 public:
  explicit FixtureProc(std::string directory) : directory_(std::move(directory)) {}

  Result<std::string> maps(std::uint32_t pid) const override;
  Result<std::string> cgroup(std::uint32_t pid) const override;
  Result<std::string> exe(std::uint32_t pid) const override;
  std::string file_in_root(std::uint32_t pid, const std::string& path) const override;

  std::string maps_file(std::uint32_t pid) const override;

 private:
  std::string entry(std::uint32_t pid, const char* what) const;

  std::string directory_;
};

}  // namespace tc::proc
