// What a user asked `tc trace` for, as values; parsed by cli/, used by the session.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "trace/engine.h"
#include "trace/profile.h"

namespace tc::trace {

enum class EngineChoice { kAuto, kBpf, kPtrace };
enum class Order {
  kTree,  // thread by thread, in the order of the process tree: the same on every run
  kTime,  // as it happened
};

struct TraceOptions {
  EngineOptions engine;  // its `calls` are those to be told
  EngineChoice choice = EngineChoice::kAuto;
  std::string calls_text = "all";  // `engine.calls` as the user wrote them
  Profile profile;
  Order order = Order::kTree;
  bool fold = false;           // repetitions are told once
  bool drop_variance = false;  // see variance.h
  std::set<std::string, std::less<>> environment;
  std::vector<std::string> from;   // places where the log begins; see place.h
  std::vector<std::string> until;  // and ends
  bool status_line = true;
};

}  // namespace tc::trace
