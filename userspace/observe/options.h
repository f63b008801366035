// What a user asked `tc observe` for, as values; parsed by cli/, used by the session.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "probe/observer.h"

namespace tc::observe {

// --symbol MODULE:GLOB
struct SymbolPattern {
  std::string module;    // glob over the file's name, or over its path when it has a '/'
  std::string function;  // glob over the names of its functions
};

struct ObserveOptions {
  // Whom: the union of these.
  std::vector<std::uint32_t> pids;
  std::string cgroup;     // a directory
  std::string container;  // an id, or the beginning of one
  bool all = false;
  std::vector<std::string> command;

  // What.
  std::set<std::uint32_t> events;
  std::vector<SymbolPattern> symbols;
  std::optional<std::uint32_t> ssl_data;  // bytes of plaintext to keep of each call
  std::uint32_t stack_depth = 0;

  // How.
  std::optional<std::chrono::milliseconds> duration;
  std::size_t ring_bytes = std::size_t{16} << 20U;
  std::size_t backlog_bytes = std::size_t{512} << 20U;
  probe::SyscallHook hook = probe::SyscallHook::kAuto;
  std::string btf;

  // What is told beside the evidence, on standard error.
  bool stats = false;
  bool status_line = true;  // "tc: observing …", and the live counter on a terminal
};

}  // namespace tc::observe
