// FactCollector: from the records of a log to the facts they mean. Follows which program runs in
// which thread; what a single call means is call_facts.h's business.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "behaviour/call_facts.h"
#include "behaviour/fact.h"
#include "behaviour/log.h"

namespace tc::behaviour {

using CallNames = std::set<std::string, std::less<>>;

struct Effects {
  FactSet facts;
  // Names of the calls that each program made, failed ones too.
  std::map<std::string, CallNames, std::less<>> calls;
  // How the first process ended: "exit 0", "killed SIGSEGV"; empty when it was not seen.
  std::string status;
};

class FactCollector {
 public:
  void take(const LogLine& line);
  // The program that runs in the thread of the line taken last.
  const std::string& program() const { return thread_->program; }
  Effects finish();

 private:
  struct Thread {
    std::string program;
    bool executed = false;  // itself, not only by inheritance
  };
  struct SentSignal {
    Fact fact;
    std::string target;
  };

  Thread& thread_of(std::string_view name);
  Process& process_of_thread(std::string_view thread);
  void add(Fact fact, const LogLine& line);
  void syscall(const LogLine& line);
  void signal_sent(const nlohmann::json& record, const LogLine& line);
  void fork(const nlohmann::json& record, const LogLine& line);
  void exec(const nlohmann::json& record, const LogLine& line);
  void signal(const nlohmann::json& record, const LogLine& line);
  void exit(const nlohmann::json& record, const LogLine& line);
  std::string target_name(const SentSignal& sent) const;

  Effects effects_;
  std::map<std::string, Thread, std::less<>> threads_;
  std::map<std::string, Process, std::less<>> processes_;
  std::vector<SentSignal> sent_;  // the target's program may be known later only
  Thread* thread_ = nullptr;      // of the line at hand
  std::string_view thread_name_;
};

}  // namespace tc::behaviour
