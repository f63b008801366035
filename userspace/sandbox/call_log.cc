#include "sandbox/call_log.h"

#include <linux/limits.h>
#include <sys/syscall.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/file.h"
#include "event/record.h"
#include "output/destination.h"
#include "output/formats.h"
#include "ptrace/memory.h"
#include "ptrace/program_image.h"
#include "ptrace/signal_event.h"
#include "sys/capture.h"
#include "sys/table.h"
#include "trace/process_view.h"

namespace tc::sandbox {
namespace {

constexpr std::uint32_t kDataMax = 32;  // bytes told of each buffer
constexpr std::uint64_t kNoOrder = 1;   // of process 1, which is not told

// The host's /proc is the working directory of who writes the log.
constexpr const char* kProcRoot = ".";

// What the command finds when it starts.
class StartView final : public trace::ProcessView {
 public:
  std::string working_directory(std::uint32_t pid) override {
    auto path = base::read_link(fmt::format("{}/{}/cwd", kProcRoot, pid));
    return path ? std::move(path).value() : std::string();
  }
  std::map<int, Descriptor> descriptors(std::uint32_t /*pid*/) override {
    // Wherever they lead, the standard three are what they are called.
    return {{0, {.target = "stdin"}}, {1, {.target = "stdout"}}, {2, {.target = "stderr"}}};
  }
  std::string mappings(std::uint32_t /*pid*/) override { return {}; }
  std::vector<std::uint32_t> ancestors(std::uint32_t /*pid*/) override { return {}; }
  std::int64_t boot_time_ns() override { return 0; }
};

guest::Task number_of(const Task& task) {
  return {.pid = static_cast<std::uint32_t>(task.process->told.host_pid),
          .tid = static_cast<std::uint32_t>(task.tid)};
}

std::uint64_t time_of(const determinism::VirtualClock& clock) {
  return static_cast<std::uint64_t>(clock.monotonic_ns());
}

// One of the results by which the kernel makes a call again (include/linux/errno.h).
bool is_made_again(std::int64_t result) { return result <= -512 && result >= -516; }

bool is_exit(std::uint64_t number) { return number == SYS_exit || number == SYS_exit_group; }

}  // namespace

Result<std::unique_ptr<output::EvidenceStream>> CallLog::open(
    const std::string& file, const std::vector<std::string>& command) {
  TC_TRY(output::Destination destination, output::Destination::open(file));
  auto stream = std::make_unique<output::EvidenceStream>(std::move(destination),
                                                         output::find_format("ndjson")->make({}));
  event::Record facts;
  facts.start("stream_start");
  std::string words;
  for (const std::string& argument : command) words.append(argument).push_back('\0');
  const std::string profile = trace::Profile{}.text();
  facts.add("calls", event::Bytes{std::string_view("all")});
  facts.add("command", event::ByteList{words});
  facts.add("order", std::string_view("time"));
  facts.add("profile", std::string_view(profile));
  facts.add("source", std::string_view("trace"));
  TC_CHECK(stream->start(facts));
  return stream;
}

tc_capture_plan CallLog::plan_of(const sys::Row& row) { return sys::capture_plan(row, kDataMax); }

CallLog::CallLog(std::unique_ptr<output::EvidenceStream> stream, PassingCalls* passing)
    : stream_(std::move(stream)),
      passing_(passing),
      view_(std::make_unique<StartView>()),
      chronicle_({}, *view_,
                 [this](std::uint32_t /*thread*/, const event::Record& record) {
                   if (failure_) return;
                   if (const auto written = stream_->write(record); !written)
                     failure_ = written.error();
                 }),
      plans_(TC_CALLS_MAX) {
  for (const sys::Row& row : sys::rows()) plans_[row.number] = plan_of(row);
}

bool CallLog::is_told(const Task& task) const {
  const determinism::Process& process = task.process->told;
  return process.order != kNoOrder && (process.order != kNoOrder + 1 || process.execs > 0);
}

void CallLog::enter(Task& task) {
  task.logged = task.call;
  if (task.call.number != SYS_execve && task.call.number != SYS_execveat) return;
  // What was asked for is gone when the program runs.
  std::string path(PATH_MAX, '\0');
  const bool is_at = task.call.number == SYS_execveat;
  path.resize(
      ptrace::Memory(task.tid).read_string(task.call.arguments[is_at ? 1 : 0], path).value_or(0));
  task.exec_path = std::move(path);
}

void CallLog::leave(Task& task, std::int64_t result, const determinism::VirtualClock& clock) {
  if (!is_told(task) || !task.logged) return;
  const MadeCall call = *std::exchange(task.logged, std::nullopt);
  sys::CallReturn told;
  told.abi = sys::Abi::kX86_64;
  told.number = call.number;
  told.arguments = call.arguments;
  told.result = result;
  // A return from a signal handler has put back the registers of what was interrupted.
  if (call.number == SYS_rt_sigreturn) {
    told.arguments = {};
    told.result = 0;
  } else if (call.number < plans_.size()) {
    told.pieces =
        capture_.take(ptrace::Memory(task.tid), plans_[call.number], call.arguments, result);
  }
  tell_call(task, told, clock);
}

void CallLog::tell_call(const Task& task, sys::CallReturn call,
                        const determinism::VirtualClock& clock) {
  chronicle_.on(guest::Called{
      .task = number_of(task), .time_ns = time_of(clock), .ip = task.registers.rip, .call = call});
}

void CallLog::take_passing(const std::function<Task*(pid_t)>& find,
                           const determinism::VirtualClock& clock) {
  if (passing_ == nullptr) return;
  passing_->take(
      [&](const guest::Called& seen) {
        // Who has ended has ended before the call could be told.
        if (Task* const task = find(static_cast<pid_t>(seen.task.tid)))
          take_passed(*task, seen, clock);
      },
      [&](const guest::Missed& missed) {
        has_lost_ = true;
        guest::Missed told = missed;
        told.time_ns = time_of(clock);
        chronicle_.on(told);
      });
}

void CallLog::take_passed(Task& task, const guest::Called& seen,
                          const determinism::VirtualClock& clock) {
  // One that the kernel makes for a handler is no call of the guest's.
  if (task.place != CallPlace::kNone) return;
  const sys::Row* const row = sys::find_row(seen.call.number);
  if (row == nullptr) return;
  if (row->policy == sys::Policy::Determinise) {
    if (!task.logged || task.logged->number != seen.call.number) return;
    task.logged.reset();
  } else if (is_made_again(seen.call.result.value_or(0))) {
    return;  // an interruption of ours: the guest sees nothing of it
  }
  if (!is_told(task)) return;
  sys::CallReturn call = seen.call;
  // What was not in memory is fetched now: nobody has touched it since it went.
  const bool is_whole = std::ranges::none_of(call.pieces, &sys::Piece::fault);
  if (!is_whole)
    call.pieces = capture_.take(ptrace::Memory(task.tid), plans_[call.number], call.arguments,
                                call.result.value_or(0));
  tell_call(task, call, clock);
}

void CallLog::created(const Task& creator, const Task& child, std::uint64_t clone_flags,
                      const determinism::VirtualClock& clock) {
  if (child.process->told.order == kNoOrder + 1 && child.is_leader)
    return chronicle_.meet(number_of(child), static_cast<std::uint32_t>(child.own_tid));
  if (!is_told(creator)) return;
  chronicle_.on(guest::Created{.creator = number_of(creator),
                               .child = number_of(child),
                               .time_ns = time_of(clock),
                               .clone_flags = clone_flags,
                               .ns_tid = static_cast<std::uint32_t>(child.own_tid),
                               .ns_pid = static_cast<std::uint32_t>(child.process->told.pid)});
}

void CallLog::started(Task& task, const determinism::VirtualClock& clock) {
  task.logged.reset();
  const ptrace::ProgramImage image =
      ptrace::read_program_image(static_cast<std::uint32_t>(task.tid), kProcRoot);
  std::vector<guest::Mapping> mappings;
  mappings.reserve(image.mappings.size());
  for (const proc::Mapping& mapping : image.mappings)
    mappings.push_back({.start = mapping.start,
                        .end = mapping.end,
                        .file_offset = mapping.offset,
                        .path = mapping.path});
  chronicle_.on(guest::Started{.task = number_of(task),
                               .time_ns = time_of(clock),
                               .former_tid = static_cast<std::uint32_t>(task.tid),
                               .path = task.exec_path,
                               .resolved = image.resolved,
                               .argv = image.argv,
                               .environment = image.environment,
                               .missing = image.missing,
                               .heap_start = image.heap_start,
                               .stack_start = image.stack_start,
                               .mappings = mappings});
}

void CallLog::signalled(const Task& task, int signal, const siginfo_t& info,
                        const ptrace::TaskStatus& status, const determinism::VirtualClock& clock) {
  // What ends a process is told with its end.
  if (!is_told(task) || !status.acts_on(signal) || status.is_ended_by(signal)) return;
  chronicle_.on(ptrace::signal_event(number_of(task), signal, info, time_of(clock)));
}

void CallLog::ended(const Task& task, bool is_last, int wait_status,
                    const determinism::VirtualClock& clock) {
  if (!is_told(task)) return;
  guest::Ended event = {.task = number_of(task), .time_ns = time_of(clock), .call = {}};
  event.last = is_last;
  event.wait_status = wait_status;
  if (task.logged && is_exit(task.logged->number)) {
    sys::CallReturn call;
    call.abi = sys::Abi::kX86_64;
    call.number = task.logged->number;
    call.arguments = task.logged->arguments;
    event.call = call;
  }
  chronicle_.on(event);
}

Result<void> CallLog::finish() {
  TC_CHECK(stream_->finish());
  return failure_ ? Result<void>(*failure_) : Result<void>();
}

}  // namespace tc::sandbox
