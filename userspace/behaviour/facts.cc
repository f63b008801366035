#include "behaviour/facts.h"

#include <algorithm>
#include <array>

#include "behaviour/object_name.h"
#include "behaviour/thread_name.h"
#include "json/document.h"

namespace tc::behaviour {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kEvidenceLimit = 1000;  // bytes of a record that are kept

bool sends_signal(std::string_view call) {
  static constexpr std::array<std::string_view, 6> kCalls = {
      "kill", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tgkill", "tkill"};
  return std::find(kCalls.begin(), kCalls.end(), call) != kCalls.end();
}

std::string text_of(const Json& record, const char* key) {
  const auto found = record.find(key);
  return found == record.end() ? std::string() : bytes_of(*found);
}

// Cut between characters.
std::string evidence(std::string_view text) {
  if (text.size() <= kEvidenceLimit) return std::string(text);
  std::size_t end = kEvidenceLimit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace

void FactCollector::take(const LogLine& line) {
  thread_ = &thread_of(line.thread);
  thread_name_ = line.thread;
  if (line.event == "syscall") return syscall(line);
  if (line.event != "process_fork" && line.event != "process_exec" &&
      line.event != "process_exit" && line.event != "signal")
    return;
  // The validator has seen the line: it is JSON.
  const Json record = Json::parse(line.text, nullptr, false);
  if (record.is_discarded()) return;
  if (line.event == "process_fork") return fork(record, line);
  if (line.event == "process_exec") return exec(record, line);
  if (line.event == "process_exit") return exit(record, line);
  signal(record, line);
}

// A thread whose creation was not seen runs what its creator runs.
FactCollector::Thread& FactCollector::thread_of(std::string_view name) {
  if (const auto found = threads_.find(name); found != threads_.end()) return found->second;
  Thread thread;
  const std::string_view creator = creator_of(name);
  thread.program = creator.empty() ? "tc" : thread_of(creator).program;
  return threads_.emplace(name, std::move(thread)).first->second;
}

Process& FactCollector::process_of_thread(std::string_view thread) {
  const std::string_view name = process_of(thread);
  const auto found = processes_.find(name);
  if (found != processes_.end()) return found->second;
  return processes_.emplace(name, Process{.name = std::string(name), .peers = {}, .addresses = {}})
      .first->second;
}

void FactCollector::add(Fact fact, const LogLine& line) {
  fact.risk = risk_of(fact.kind, fact.object);
  fact.line = line.number;
  if (const auto known = effects_.facts.find(fact); known != effects_.facts.end()) {
    if (!known->background || fact.background) return;
    effects_.facts.erase(known);
  }
  fact.record = evidence(line.text);
  effects_.facts.insert(std::move(fact));
}

void FactCollector::syscall(const LogLine& line) {
  const std::string_view call = quick_string(line.text, "call");
  CallNames& calls = effects_.calls[thread_->program];
  if (!calls.contains(call)) calls.emplace(call);
  const CallRule* rule = find_call_rule(call);
  const bool is_signal = sends_signal(call);
  const std::string_view failure = quick_string(line.text, "error");
  const bool denied = failure == "EACCES" || failure == "EPERM";
  const bool wanted =
      rule != nullptr && (failure.empty() || rule->also_failed) &&
      (rule->needle.empty() || line.text.find(rule->needle) != std::string_view::npos);
  if (!wanted && !denied && !is_signal) return;
  const Json record = Json::parse(line.text, nullptr, false);
  if (record.is_discarded() || record.contains("state")) return;
  const CallContext::TellFn tell = [&](Kind kind, std::string object, bool background) {
    add({.kind = kind,
         .object = std::move(object),
         .subject = thread_->program,
         .background = background},
        line);
  };
  const CallContext context(record, process_of_thread(line.thread), tell);
  if (denied && !(rule != nullptr && rule->kind == Kind::kExecFailed)) tell_denied(call, context);
  if (wanted) apply_rule(*rule, context);
  if (is_signal && failure.empty()) signal_sent(record, line);
}

void FactCollector::signal_sent(const Json& record, const LogLine& line) {
  const auto arguments = record.find("args");
  if (arguments == record.end()) return;
  SentSignal sent;
  const std::string signal = text_of(*arguments, "sig");
  if (signal == "0" || signal.empty()) return;  // only asks whether it is there
  const bool by_descriptor = arguments->contains("pidfd");
  sent.target = text_of(*arguments, by_descriptor ? "pidfd" : "pid");
  if (by_descriptor && sent.target.starts_with("pidfd("))
    sent.target = sent.target.substr(6, sent.target.find(')') - 6);
  sent.fact = {.kind = Kind::kSignalSent,
               .object = signal,
               .subject = thread_->program,
               .line = line.number,
               .record = evidence(line.text)};
  if (process_of(sent.target) == process_of(thread_name_)) sent.target = "itself";
  const bool known = std::any_of(sent_.begin(), sent_.end(), [&](const SentSignal& other) {
    return other.fact == sent.fact && other.target == sent.target;
  });
  if (!known) sent_.push_back(std::move(sent));
}

void FactCollector::fork(const Json& record, const LogLine& line) {
  const std::string child = text_of(record, "child");
  if (child.empty()) return;
  threads_[child] = {.program = thread_->program, .executed = false};
  thread_ = &thread_of(line.thread);
  if (process_of(child) == process_of(line.thread)) return;
  // Descriptors, and what they are connected to, are inherited.
  Process copy = process_of_thread(line.thread);
  copy.name = std::string(process_of(child));
  processes_[copy.name] = std::move(copy);
}

void FactCollector::exec(const Json& record, const LogLine& line) {
  const std::string& process = process_of_thread(line.thread).name;
  const std::string path = object_name(text_of(record, "path"), process);
  const std::string file = object_name(text_of(record, "file"), process);
  // The name that was asked for, not what links lead to; but neither a descriptor's nor one
  // relative to a directory that is not told.
  const bool by_descriptor =
      path.empty() || path.starts_with("/proc/") || path.starts_with("/dev/");
  const bool absolute = path.starts_with('/') || path.starts_with("$CWD");
  const bool use_file =
      !file.empty() && (by_descriptor || (!absolute && program_name(file) == program_name(path)));
  const std::string& shown = use_file ? file : path;
  add({.kind = Kind::kExec, .object = shown, .subject = thread_->program}, line);
  thread_->program = program_name(shown);
  thread_->executed = true;
  effects_.calls[thread_->program].insert("execve");
}

void FactCollector::signal(const Json& record, const LogLine& line) {
  const std::string signal = text_of(record, "signal");
  // Whether a handler for the end of a child runs depends on who is first.
  if (signal.empty() || signal == "SIGCHLD") return;
  add({.kind = Kind::kSignalReceived, .object = signal, .subject = thread_->program}, line);
}

void FactCollector::exit(const Json& record, const LogLine& line) {
  const std::string signal = text_of(record, "signal");
  const std::string code = text_of(record, "exit_code");
  if (signal.empty() && code.empty()) return;
  const Kind kind = signal.empty() ? Kind::kExit : Kind::kKilled;
  const std::string& object = signal.empty() ? code : signal;
  // The status of a child that only continues its parent's program is that program's own affair.
  const bool background = kind == Kind::kExit && !thread_->executed && line.thread != "p1";
  add({.kind = kind, .object = object, .subject = thread_->program, .background = background},
      line);
  if (line.thread == "p1")
    effects_.status = std::string(row_of(kind).name).append(" ").append(object);
}

std::string FactCollector::target_name(const SentSignal& sent) const {
  std::string_view target = sent.target;
  if (target == "0") return "its own group";
  if (target == "-1") return "everybody";
  const bool group = target.starts_with('-');
  if (group) target.remove_prefix(1);
  const auto found = threads_.find(target);
  std::string name = found != threads_.end() ? found->second.program : object_name(target, {});
  return group ? "the group of " + name : name;
}

Effects FactCollector::finish() {
  for (SentSignal& sent : sent_) {
    sent.fact.object += " to " + target_name(sent);
    sent.fact.risk = risk_of(sent.fact.kind, sent.fact.object);
    effects_.facts.insert(std::move(sent.fact));
  }
  sent_.clear();
  return std::move(effects_);
}

}  // namespace tc::behaviour
