#include "trace/variance.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace tc::trace {
namespace {

constexpr std::array<std::string_view, 5> kContention = {"flock", "futex", "restart_syscall",
                                                         "sched_yield", "futex_wait"};

std::string_view text_of(const event::Record& record, std::string_view key) {
  const event::Value* value = record.find(key);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string_view>(value);
  return text == nullptr ? std::string_view() : *text;
}

}  // namespace

bool is_variance(const event::Record& record) {
  if (record.event() == "signal") return text_of(record, "signal") == "SIGCHLD";
  if (record.event() != "syscall") return false;
  const std::string_view call = text_of(record, "call");
  if (std::find(kContention.begin(), kContention.end(), call) != kContention.end()) return true;
  const std::string_view failure = text_of(record, "error");
  return failure == "EINTR" || failure.starts_with("ERESTART");
}

}  // namespace tc::trace
