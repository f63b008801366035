// /proc/PID/stat and /proc/PID/status (proc_pid_stat(5), proc_pid_status(5)): what the host says of
// memory in use, faults, switches, security and processors replaced by constants, times by those of
// the virtual clock.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <vector>

#include "determinism/cpu_time.h"
#include "determinism/machine.h"
#include "determinism/proc_parts.h"

namespace tc::determinism {
namespace {

// A task that another looks at is held in a stop of ours, which is none of its own state: it waits.
// What is over stays over.
char state_letter(char host, const ProcessView& view) {
  if (view.is_running) return 'R';
  return host == 'Z' || host == 'X' ? host : 'S';
}

std::string_view state_text(char letter) {
  switch (letter) {
    case 'R':
      return "R (running)";
    case 'Z':
      return "Z (zombie)";
    case 'X':
      return "X (dead)";
    default:
      return "S (sleeping)";
  }
}

// Fields of stat as proc_pid_stat(5) numbers them.
enum StatField : std::uint8_t {
  kState = 3,
  kTerminal = 7,
  kTerminalGroup = 8,
  kTaskFlags = 9,
  kMinorFaults = 10,
  kChildMajorFaults = 13,
  kUserTime = 14,
  kChildSystemTime = 17,
  kPriority = 18,
  kNice = 19,
  kStartTime = 22,
  kVirtualSize = 23,
  kResidentPages = 24,
  kStackPointer = 29,
  kInstructionPointer = 30,
  kWaitChannel = 35,
  kProcessor = 39,
  kBlockDelay = 42,
  kChildGuestTime = 44,
};

constexpr std::uint64_t kVirtualKib = 16384;

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(" \n");
    if (end != 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return words;
}

// The fields behind the name; those that there are not are left alone.
class StatFields {
 public:
  explicit StatFields(std::string_view text) : fields_(split_words(text)) {}

  char letter(int field) const { return has(field) ? at(field).front() : '?'; }
  int number(int field) const {
    int value = 0;
    if (has(field)) std::from_chars(at(field).data(), at(field).data() + at(field).size(), value);
    return value;
  }
  template <class T>
  void set(int field, T value) {
    if (has(field)) fields_[static_cast<std::size_t>(field - kState)] = fmt::format("{}", value);
  }
  std::string text() const {
    std::string text;
    for (const std::string& field : fields_) text += " " + field;
    return text;
  }

 private:
  bool has(int field) const { return static_cast<std::size_t>(field - kState) < fields_.size(); }
  const std::string& at(int field) const {
    return fields_[static_cast<std::size_t>(field - kState)];
  }

  std::vector<std::string> fields_;
};

// Lines of status that are told as they are: what the process did itself, and the ids.
constexpr std::string_view kKeptLines[] = {
    "Name",   "Umask",  "Tgid",   "Pid",    "PPid",    "Uid",     "Gid",    "FDSize",
    "NStgid", "NSpid",  "NSpgid", "NSsid",  "Kthread", "Threads", "SigPnd", "ShdPnd",
    "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm",  "CapEff",  "CapBnd", "CapAmb",
};
struct StatusLine {
  std::string_view key;
  std::string_view value;
};
constexpr StatusLine kFixedLines[] = {
    {"Ngid", "0"},
    {"TracerPid", "0"},
    {"VmPeak", "   16384 kB"},
    {"VmSize", "   16384 kB"},
    {"VmLck", "       0 kB"},
    {"VmPin", "       0 kB"},
    {"VmHWM", "   16384 kB"},
    {"VmRSS", "   16384 kB"},
    {"RssAnon", "    8192 kB"},
    {"RssFile", "    8192 kB"},
    {"RssShmem", "       0 kB"},
    {"VmData", "    8192 kB"},
    {"VmStk", "     132 kB"},
    {"VmExe", "    1024 kB"},
    {"VmLib", "    2048 kB"},
    {"VmPTE", "      64 kB"},
    {"VmSwap", "       0 kB"},
    {"HugetlbPages", "       0 kB"},
    {"CoreDumping", "0"},
    {"THP_enabled", "0"},
    {"SigQ", "0/32768"},
    {"NoNewPrivs", "0"},
    {"Seccomp", "0"},
    {"Seccomp_filters", "0"},
    {"Speculation_Store_Bypass", "not vulnerable"},
    {"SpeculationIndirectBranch", "not affected"},
    {"Cpus_allowed", "1"},
    {"Cpus_allowed_list", "0"},
    {"Mems_allowed", "1"},
    {"Mems_allowed_list", "0"},
    {"voluntary_ctxt_switches", "0"},
    {"nonvoluntary_ctxt_switches", "0"},
};

// Groups that are not mapped into the sandbox are the host user's.
std::string known_groups(std::string_view value) {
  std::string known;
  for (const std::string& group : split_words(value))
    if (group != "65534") known += group + " ";
  return known;
}

// The line as it is told; empty: it is not, being newer than the machine.
std::string status_line(std::string_view key, std::string_view value, const ProcessView& view) {
  if (key == "Name" && view.is_init) return "Name:\tinit\n";
  if (key == "State") {
    const char host = value.empty() ? 'S' : value.front();
    return fmt::format("State:\t{}\n", state_text(state_letter(host, view)));
  }
  if (key == "Groups") return fmt::format("Groups:\t{}\n", known_groups(value));
  if (std::find(std::begin(kKeptLines), std::end(kKeptLines), key) != std::end(kKeptLines))
    return fmt::format("{}:\t{}\n", key, value);
  const auto* const fixed = std::find_if(std::begin(kFixedLines), std::end(kFixedLines),
                                         [key](const StatusLine& line) { return line.key == key; });
  if (fixed == std::end(kFixedLines)) return {};
  return fmt::format("{}:\t{}\n", key, fixed->value);
}

}  // namespace

std::string rewrite_stat(std::string_view host, const ProcessView& view) {
  // The name may hold anything, parentheses and spaces included.
  const std::size_t open = host.find('(');
  const std::size_t close = host.rfind(')');
  if (open == host.npos || close == host.npos || close < open) return std::string(host);
  std::string text(host.substr(0, open));
  text += view.is_init ? "(init)" : std::string(host.substr(open, close + 1 - open));

  StatFields fields(host.substr(close + 1));
  const int nice = machine::told_nice(view.launch_nice, fields.number(kNice));
  fields.set(kState, state_letter(fields.letter(kState), view));
  fields.set(kTerminal, 0);
  fields.set(kTerminalGroup, -1);
  fields.set(kTaskFlags, 0x400000);
  for (int field = kMinorFaults; field <= kChildMajorFaults; ++field) fields.set(field, 0);
  fields.set(kUserTime, view.cpu_ns / kProcTickNs);
  for (int field = kUserTime + 1; field <= kChildSystemTime; ++field) fields.set(field, 0);
  fields.set(kPriority, 20 + nice);
  fields.set(kNice, nice);
  fields.set(kStartTime, view.started_ns / kProcTickNs);
  fields.set(kVirtualSize, kVirtualKib * 1024);
  fields.set(kResidentPages, kResidentKib / 4);
  fields.set(kStackPointer, 0);
  fields.set(kInstructionPointer, 0);
  fields.set(kWaitChannel, 0);
  fields.set(kProcessor, 0);
  for (int field = kBlockDelay; field <= kChildGuestTime; ++field) fields.set(field, 0);
  return text + fields.text() + "\n";
}

std::string rewrite_status(std::string_view host, const ProcessView& view) {
  std::string text;
  while (!host.empty()) {
    const std::size_t end = std::min(host.find('\n'), host.size());
    const std::string_view line = host.substr(0, end);
    host.remove_prefix(std::min(end + 1, host.size()));
    const std::size_t colon = line.find(":\t");
    if (colon == line.npos) continue;
    text += status_line(line.substr(0, colon), line.substr(colon + 2), view);
  }
  return text;
}

}  // namespace tc::determinism
