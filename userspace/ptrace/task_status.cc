#include "ptrace/task_status.h"

#include <signal.h>

#include <string>

#include "base/file.h"
#include "base/number.h"

namespace tc::ptrace {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// The value of the line "KEY:\tVALUE"; the first line is "Name:", so each other has a newline
// before it. A newline in a name is written as \n.
std::string_view value_of(std::string_view text, std::string_view key) {
  const std::string start = "\n" + std::string(key) + ":";
  const std::size_t found = text.find(start);
  if (found == std::string_view::npos) return {};
  text.remove_prefix(found + start.size());
  return trimmed(text.substr(0, text.find('\n')));
}

std::uint32_t number(std::string_view text) {
  return base::parse_unsigned<std::uint32_t>(text).value_or(0);
}

// NStgid and NSpid list a number for each nested namespace, the innermost last.
std::uint32_t innermost(std::string_view text) {
  const std::size_t before = text.find_last_of(" \t");
  return number(before == std::string_view::npos ? text : text.substr(before + 1));
}

bool contains(std::uint64_t set, int signal) {
  return ((set >> static_cast<unsigned>(signal - 1)) & 1U) != 0;
}

}  // namespace

bool TaskStatus::acts_on(int signal) const {
  if (signal <= 0 || signal > 64 || signal == SIGKILL) return false;
  if (contains(ignored, signal)) return false;
  if (contains(caught, signal)) return true;
  return signal != SIGCHLD && signal != SIGURG && signal != SIGWINCH && signal != SIGCONT;
}

bool TaskStatus::is_ended_by(int signal) const {
  if (!acts_on(signal) || contains(caught, signal)) return false;
  switch (signal) {
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
    case SIGQUIT:
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGSEGV:
    case SIGXCPU:
    case SIGXFSZ:
    case SIGSYS:
      return false;
    default:
      return true;
  }
}

TaskStatus parse_task_status(std::string_view text) {
  constexpr int kHex = 16;
  TaskStatus status;
  status.pid = number(value_of(text, "Tgid"));
  status.parent = number(value_of(text, "PPid"));
  status.ns_tid = innermost(value_of(text, "NSpid"));
  status.ns_pid = innermost(value_of(text, "NStgid"));
  status.ignored = base::parse_unsigned(value_of(text, "SigIgn"), kHex).value_or(0);
  status.caught = base::parse_unsigned(value_of(text, "SigCgt"), kHex).value_or(0);
  status.blocked = base::parse_unsigned(value_of(text, "SigBlk"), kHex).value_or(0);
  status.pending = base::parse_unsigned(value_of(text, "SigPnd"), kHex).value_or(0) |
                   base::parse_unsigned(value_of(text, "ShdPnd"), kHex).value_or(0);
  if (const std::string_view state = value_of(text, "State"); !state.empty())
    status.state = state.front();
  return status;
}

Result<TaskStatus> read_task_status(std::uint32_t tid) {
  TC_TRY(const std::string text, base::read_file(fmt::format("/proc/{}/status", tid)));
  return parse_task_status(text);
}

}  // namespace tc::ptrace
