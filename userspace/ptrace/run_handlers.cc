#include "ptrace/run_handlers.h"

#include "ptrace/tracer.h"

namespace tc::ptrace {
namespace {

// Handlers see what they want to see.
class Silence final : public guest::Listener {
 public:
  void on(const guest::Called& /*event*/) override {}
  void on(const guest::Created& /*event*/) override {}
  void on(const guest::Started& /*event*/) override {}
  void on(const guest::Signalled& /*event*/) override {}
  void on(const guest::Ended& /*event*/) override {}
  void on(const guest::Reached& /*event*/) override {}
  void on(const guest::Missed& /*event*/) override {}
};

}  // namespace

Result<int> run_with_handlers(const std::vector<std::string>& command,
                              const guest::Handlers& handlers) {
  if (command.empty()) return error("no command to run");
  TracerOptions options;
  options.command = command;
  options.pin = true;
  options.handlers = &handlers;
  Tracer tracer(options);
  TC_CHECK(tracer.prepare());
  Silence silence;
  TC_TRY(const std::optional<int> status, tracer.run(silence));
  TC_ASSERT(status.has_value());
  return *status;
}

}  // namespace tc::ptrace
