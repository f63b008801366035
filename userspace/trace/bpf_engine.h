// BpfEngine: the tasks watched by eBPF programs, which read a call's memory as it returns and stop
// nobody. Where make_bpf_engine() of engine.h gets its engine.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "probe/backlog.h"
#include "probe/observer.h"
#include "probe/ring_reader.h"
#include "trace/bpf_events.h"
#include "trace/engine.h"
#include "trace/warden.h"

namespace tc::trace {

// What the kernel side is to copy for each call.
probe::CallTracing call_tracing(const sys::CallSelection& calls, std::uint32_t data_max);

class BpfEngine final : public Engine {
 public:
  explicit BpfEngine(const EngineOptions& options);
  ~BpfEngine() override;

  std::string_view name() const override { return "bpf"; }
  Result<std::vector<guest::Task>> prepare() override;
  Result<EngineOutcome> run(guest::Listener& listener) override;
  bool launch_failed() const override { return launch_failed_; }
  void stop() override;
  void send(int signal) override;

 private:
  Result<void> load();
  Result<void> watch_places();
  Result<void> follow_attached();
  Result<std::vector<guest::Task>> find_tasks() const;
  Result<void> watch(BpfEvents& events, guest::Listener& listener);
  void work_off(BpfEvents& events, guest::Listener& listener);
  bool is_over(const BpfEvents& events);
  void finish_reading(BpfEvents& events, guest::Listener& listener);

  const EngineOptions options_;
  UniqueFd stop_event_;
  std::atomic<bool> stopping_ = false;
  bool launch_failed_ = false;
  std::optional<Warden> warden_;
  std::vector<std::uint32_t> attached_;  // processes to attach to, with their descendants
  std::vector<guest::Task> tasks_;
  std::optional<probe::Observer> observer_;
  probe::Backlog backlog_;
  std::optional<probe::RingReader> reader_;
};

}  // namespace tc::trace
