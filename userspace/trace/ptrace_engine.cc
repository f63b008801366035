#include "trace/ptrace_engine.h"

#include <algorithm>

#include "tc/capture.h"

namespace tc::trace {
namespace {

ptrace::TracerOptions tracer_options(const EngineOptions& options) {
  ptrace::TracerOptions tracer;
  tracer.command = options.command;
  tracer.pids = options.pids;
  tracer.calls = options.calls;
  tracer.data_max = std::min<std::uint32_t>(options.data_max, TC_CAPTURE_DATA_MAX);
  for (const Place& place : options.places)
    tracer.places.push_back({.file = place.file, .file_offset = place.file_offset});
  tracer.pin = options.pin;
  tracer.keep_alive = options.keep_alive;
  return tracer;
}

}  // namespace

PtraceEngine::PtraceEngine(const EngineOptions& options) : tracer_(tracer_options(options)) {}

Result<EngineOutcome> PtraceEngine::run(guest::Listener& listener) {
  TC_TRY(const std::optional<int> status, tracer_.run(listener));
  return EngineOutcome{.wait_status = status};
}

Result<std::unique_ptr<Engine>> make_ptrace_engine(const EngineOptions& options) {
  return std::unique_ptr<Engine>(std::make_unique<PtraceEngine>(options));
}

}  // namespace tc::trace
