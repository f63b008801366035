#include "sandbox/run.h"

#include <cstdio>
#include <optional>
#include <utility>

#include "sandbox/call_log.h"
#include "sandbox/engine.h"
#include "sandbox/keeper.h"

namespace tc::sandbox {
namespace {

// Nothing: every call has to stop.
Result<std::optional<PassingCalls>> passing_calls(const Options& options) {
  std::optional<PassingCalls> none;
  if (options.log.empty() || options.log_engine == LogEngine::kPtrace) return none;
  Result<PassingCalls> loaded = PassingCalls::load();
  if (loaded) return std::optional(std::move(loaded).value());
  if (options.log_engine == LogEngine::kBpf) return loaded.error().while_doing("--log-engine bpf");
  if (options.verbose)
    std::fprintf(stderr, "tc: --log stops at every call: %s\n", loaded.error().text().c_str());
  return none;
}

}  // namespace

Result<Outcome> run(const Options& options) {
  // Named as we see it outside, so it is opened here and written in the keeper.
  std::unique_ptr<output::EvidenceStream> stream;
  if (!options.log.empty()) {
    TC_TRY(stream, CallLog::open(options.log, options.command));
  }
  TC_TRY(std::optional<PassingCalls> passing, passing_calls(options));
  const auto work = [&](const Inside& inside) -> Result<Outcome> {
    std::unique_ptr<CallLog> log;
    if (stream) log = std::make_unique<CallLog>(std::move(stream), passing ? &*passing : nullptr);
    Engine engine(options, inside, std::move(log));
    return engine.run();
  };
  const auto meet_init = [&](pid_t init) {
    return passing ? passing->watch(init) : Result<void>();
  };
  TC_TRY(Outcome outcome, run_kept(options, work, meet_init));
  if (passing && passing->lost() > 0) outcome.notes.emplace_back(kLogIsNotWhole);
  return outcome;
}

}  // namespace tc::sandbox
