#include "sandbox/run.h"

#include <utility>

#include "sandbox/call_log.h"
#include "sandbox/engine.h"
#include "sandbox/keeper.h"

namespace tc::sandbox {

Result<Outcome> run(const Options& options) {
  // Named as we see it outside, so it is opened here and written in the keeper.
  std::unique_ptr<output::EvidenceStream> stream;
  if (!options.log.empty()) {
    TC_TRY(stream, CallLog::open(options.log, options.command));
  }
  return run_kept(options, [&](const Inside& inside) -> Result<Outcome> {
    std::unique_ptr<CallLog> log;
    if (stream) log = std::make_unique<CallLog>(std::move(stream));
    Engine engine(options, inside, std::move(log));
    return engine.run();
  });
}

}  // namespace tc::sandbox
