// ProbeSetter: decides which files to set uprobes in, and where. It looks at each executable file
// once, whichever process maps it first, and probes what the options ask for: libc's network
// calls, a TLS library's reads and writes, the functions that --symbol names.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "enrich/enricher.h"
#include "observe/options.h"
#include "probe/observer.h"
#include "proc/maps.h"
#include "symbol/elf.h"
#include "symbol/images.h"

namespace tc::observe {

class ProbeSetter {
 public:
  // The references must outlive the setter. `report` is told what could not be probed.
  using ReportFn = std::function<void(const std::string&)>;
  ProbeSetter(const ObserveOptions& options, probe::Observer& observer,
              enrich::ProbedFunctions& probed, ReportFn report);

  bool wants_anything() const {
    return wants_network_ || wants_exec_ || wants_ssl_ || !options_.symbols.empty();
  }

  // Looks at the file behind a mapping of a process.
  void consider(std::uint32_t pid, const proc::Mapping& mapping);
  // Looks at all executable mappings a process has.
  void consider_process(std::uint32_t pid);
  // Looks at a file by name: a program about to be started.
  void consider_file(const std::string& path);
  // Looks at what --symbol may mean before anything maps it: files its paths match, and libraries
  // that lie with the program about to be started (empty: none) or in LD_LIBRARY_PATH.
  void consider_named_files(const std::string& program);
  // Looks at the libraries the dynamic loader would find, so that those are probed before the
  // first process maps them.
  void consider_system_libraries();

  std::size_t functions_probed() const { return functions_probed_; }
  // The --symbol patterns that no function matched so far.
  std::vector<SymbolPattern> unmatched() const;

 private:
  struct File {
    int fd;
    const std::string& path;
    const symbol::Image& image;
  };

  bool is_interesting(const std::string& path) const;
  void inspect(int fd, const std::string& path);
  void probe_network(const File& file);
  void probe_ssl(const File& file);
  void probe_symbols(const File& file);
  void attach(const File& file, probe::UprobeProgram program,
              std::span<const probe::UprobeSite> sites);
  std::vector<probe::UprobeSite> named_sites(
      const File& file, std::span<const std::pair<const char*, std::uint64_t>> functions) const;

  const ObserveOptions& options_;
  probe::Observer& observer_;
  enrich::ProbedFunctions& probed_;
  ReportFn report_;
  bool wants_network_;
  bool wants_exec_;
  bool wants_ssl_;
  proc::LiveProc proc_;
  symbol::LiveImages images_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> mapped_seen_;  // device, inode of mappings
  std::set<std::pair<std::uint64_t, std::uint64_t>> files_seen_;   // device, inode of files
  std::set<std::size_t> matched_;
  std::size_t functions_probed_ = 0;
};

}  // namespace tc::observe
