// What the user asked of `tc sandbox`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "determinism/settings.h"

namespace tc::sandbox {

enum class BaseEnvironment : std::uint8_t { kEmpty, kMinimal, kHost };
enum class Network : std::uint8_t { kNone, kLoopback, kHost };
enum class TemporaryFiles : std::uint8_t {
  kAuto,   // fresh, unless the program, its directory or an argument lies in /tmp
  kFresh,  // /tmp begins empty and goes with the run
  kHost,
};

// How a log learns of calls that the kernel makes as they are.
enum class LogEngine : std::uint8_t {
  kAuto,    // by eBPF if that can be had, else by stops
  kBpf,     // by eBPF, or not at all
  kPtrace,  // each is stopped
};

struct Options {
  determinism::Settings settings;
  std::vector<std::string> command;

  std::map<std::string, std::string> environment;          // --env, over the base
  std::vector<std::pair<std::string, std::string>> binds;  // --bind SRC:DST
  std::string root;                                        // a root file system; empty: the host's
  std::string directory;                                   // to start in; empty: the present one
  std::string overlay;                     // all writes go here; empty: to the files themselves
  std::string user_map;                    // "0", "1000:1000": what the user is inside
  std::string log;                         // --log: the file that tells every call; empty: none
  std::string written_files;               // a list of all that was written goes here; see tree.h
  std::optional<std::int64_t> timeout_ns;  // of the real clock
  // Unused numbers of the host (inodes of fresh file systems) that pass before the run: runs that
  // are compared begin with different ones. For --verify.
  std::uint32_t shift = 0;

  BaseEnvironment base_environment = BaseEnvironment::kMinimal;
  Network network = Network::kLoopback;
  TemporaryFiles temporary_files = TemporaryFiles::kAuto;
  LogEngine log_engine = LogEngine::kAuto;
  bool discard = false;  // all writes are dropped
  bool aslr = false;
  bool user_namespace = true;
  bool pid_namespace = true;
  bool mount_namespace = true;
  bool verbose = false;  // each intercepted call and its answer on stderr
  bool strict = false;   // what cannot be promised is an error
  bool statistics = false;
};

}  // namespace tc::sandbox
