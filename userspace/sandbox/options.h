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
enum class TemporaryFiles : std::uint8_t { kFresh, kHost };

struct Options {
  determinism::Settings settings;
  std::vector<std::string> command;

  BaseEnvironment base_environment = BaseEnvironment::kMinimal;
  std::map<std::string, std::string> environment;          // --env, over the base
  std::vector<std::pair<std::string, std::string>> binds;  // --bind SRC:DST
  std::string root;                                        // a root file system; empty: the host's
  std::string directory;                                   // to start in; empty: the present one
  std::string overlay;   // all writes go here; empty: to the files themselves
  bool discard = false;  // all writes are dropped
  Network network = Network::kLoopback;
  TemporaryFiles temporary_files = TemporaryFiles::kFresh;
  std::string user_map;  // "0", "1000:1000": what the user is inside
  bool aslr = false;
  bool user_namespace = true;
  bool pid_namespace = true;
  bool mount_namespace = true;

  std::optional<std::int64_t> timeout_ns;  // of the real clock
  bool verbose = false;                    // each intercepted call and its answer on stderr
  bool strict = false;                     // what cannot be promised is an error
  bool statistics = false;
};

}  // namespace tc::sandbox
