// The engine that needs no privilege: ptrace/ behind the interface of engine.h. Each selected call
// stops its thread twice.
#pragma once

#include <memory>

#include "ptrace/tracer.h"
#include "trace/engine.h"

namespace tc::trace {

class PtraceEngine final : public Engine {
 public:
  explicit PtraceEngine(const EngineOptions& options);

  std::string_view name() const override { return "ptrace"; }
  Result<std::vector<guest::Task>> prepare() override { return tracer_.prepare(); }
  Result<EngineOutcome> run(guest::Listener& listener) override;
  bool launch_failed() const override { return tracer_.launch_failed(); }
  void stop() override { tracer_.stop(); }
  void send(int signal) override { tracer_.send(signal); }

 private:
  ptrace::Tracer tracer_;
};

}  // namespace tc::trace
