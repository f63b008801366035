// From a system call of a log to the facts it means: a table of the calls that have effects, and
// what has to be known of a process to understand them. Calls that are not in the table have none.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "behaviour/fact.h"

namespace tc::behaviour {

// What the calls of a process refer back to.
struct Process {
  std::string name;                              // "p1.2"
  std::map<std::string, std::string> peers;      // of connected datagram sockets, by descriptor
  std::map<std::string, std::string> addresses;  // of bound sockets
};

// One syscall record with what is around it.
class CallContext {
 public:
  using TellFn = std::function<void(Kind kind, std::string object, bool background)>;

  CallContext(const nlohmann::json& record, Process& process, const TellFn& tell)
      : record_(record), process_(process), tell_(tell) {}

  // As text; empty when there is no such argument.
  std::string argument(std::string_view name) const;
  const nlohmann::json* value(std::string_view name) const;
  // See contains_flag().
  bool has_flag(std::string_view argument_name, std::string_view flag) const;
  // The absolute path that the first or second path argument names.
  std::string file() const { return path("file"); }
  std::string file2() const { return path("file2"); }
  // What the descriptor in `name` is, told by kind or path.
  std::string descriptor(std::string_view name) const;
  // "ENOENT"; empty when the call did well.
  std::string failure() const;
  Process& process() const { return process_; }

  void tell(Kind kind, std::string object, bool background = false) const {
    tell_(kind, std::move(object), background);
  }

 private:
  std::string path(const char* key) const;

  const nlohmann::json& record_;
  Process& process_;
  const TellFn& tell_;
};

struct CallRule {
  std::string_view call;
  Kind kind = Kind::kSyscall;
  // The object: text with {ARGUMENT}, {file}, {file2} and {fd:ARGUMENT} filled in…
  std::string_view form = {};
  // …or what tells the facts instead.
  void (*tell)(const CallContext& context) = nullptr;
  // Only lines that contain this have any.
  std::string_view needle = {};
  bool also_failed = false;
};

// The rule for the call, or null.
const CallRule* find_call_rule(std::string_view call);
std::span<const CallRule> call_rules();

// Whether a set of flags, "A|B", has this one.
bool contains_flag(std::string_view flags, std::string_view flag);

// Tells the facts of one record by its rule.
void apply_rule(const CallRule& rule, const CallContext& context);

// "denied openat /etc/shadow": for any call that failed with EACCES or EPERM.
void tell_denied(std::string_view call, const CallContext& context);

}  // namespace tc::behaviour
