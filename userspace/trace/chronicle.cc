#include "trace/chronicle.h"

#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "event/names.h"
#include "proc/maps.h"
#include "sys/table.h"
#include "trace/call_teller.h"
#include "trace/signal_codes.h"

namespace tc::trace {

struct Chronicle::State {
  State(const ChronicleOptions& chosen, ProcessView& view, Emit take)
      : options(chosen),
        processes(view),
        emit(std::move(take)),
        plans(call_plans()),
        names(options.profile.names, lineage),
        books(lineage, names),
        values(options.profile, options.ephemeral_ports, options.environment, lineage, names,
               [this](std::uint16_t port) { return books.is_bound(port); }),
        teller(options.profile, lineage, names, values),
        boot_time_ns(view.boot_time_ns()) {}

  Thread& thread_of(guest::Task task);
  Thread& meet(guest::Task task);
  void take_descriptors(Thread& thread);
  void take_mappings(Thread& thread);
  void call(Thread& thread, const sys::CallReturn& call, std::uint64_t time_ns, bool ended);
  void start(std::string_view event);
  // The keys that every record has; `add` are called where the order of keys wants them.
  void add_identity(const Thread& thread);
  void add_times(const Thread& thread, std::uint64_t time_ns);

  ChronicleOptions options;
  ProcessView& processes;
  Emit emit;
  CallPlans plans;
  Lineage lineage;
  Names names;
  Books books;
  Values values;
  CallTeller teller;
  event::Record record;
  std::int64_t boot_time_ns;
  bool open = true;
  bool met = false;
};

namespace {

constexpr std::int64_t kStandardDescriptors = 3;

// What a descriptor's link tells of something without a path: "pipe:[4711]" is a pipe,
// "anon_inode:[eventpoll]" an eventpoll.
std::string_view kind_of_link(std::string_view target) {
  constexpr std::string_view kAnonymous = "anon_inode:";
  if (!target.starts_with(kAnonymous)) return target.substr(0, target.find(':'));
  target.remove_prefix(kAnonymous.size());
  if (target.starts_with('[')) target = target.substr(1, target.size() - 2);
  return target == "eventpoll" ? "epoll" : target;
}

}  // namespace

Thread& Chronicle::State::thread_of(guest::Task task) {
  Thread* known = lineage.find(task.tid);
  return known != nullptr && known->task.pid == task.pid ? *known : meet(task);
}

Thread& Chronicle::State::meet(guest::Task task) {
  Thread& thread = lineage.meet(task);
  Process& process = *thread.process;
  if (!process.fresh || thread.number != process.leader) return thread;
  thread.directory->path = processes.working_directory(task.pid);
  if (!met) names.set_origin(thread.directory->path);
  met = true;
  for (const std::uint32_t pid : processes.ancestors(task.pid)) lineage.add_ancestor(pid);
  take_descriptors(thread);
  if (options.profile.addresses == AddressTable::kModule) take_mappings(thread);
  return thread;
}

void Chronicle::State::take_descriptors(Thread& thread) {
  constexpr std::array<std::string_view, kStandardDescriptors> kStandard = {"stdin", "stdout",
                                                                            "stderr"};
  constexpr std::string_view kDeleted = " (deleted)";
  DescriptorTable& table = *thread.descriptors;
  for (auto& [number, descriptor] : processes.descriptors(thread.task.pid)) {
    std::string_view target = descriptor.target;
    if (target.ends_with(kDeleted)) target.remove_suffix(kDeleted.size());
    const bool is_path = target.starts_with('/');
    SharedDescription behind;
    if (number < kStandardDescriptors)
      behind = std::make_shared<const Description>(
          Description{.token = std::string(kStandard[static_cast<std::size_t>(number)]),
                      .path = std::string(is_path ? target : std::string_view()),
                      .traits = {},
                      .behind = is_path ? behind_path(target) : Behind::kOther});
    else if (is_path)
      behind = table.file(target, std::string(names.path(target, thread)), thread.line.label());
    else
      behind = table.other(kind_of_link(target), {}, thread.line.label());
    table.set(number, std::move(behind), descriptor.close_on_exec);
  }
  // Also when nothing could be read of the process they have their names.
  for (std::int64_t number = 0; number < kStandardDescriptors; ++number)
    if (table.find(number) == nullptr)
      table.set(number,
                std::make_shared<const Description>(
                    Description{.token = std::string(kStandard[static_cast<std::size_t>(number)]),
                                .path = {},
                                .traits = {}}),
                false);
}

void Chronicle::State::take_mappings(Thread& thread) {
  const std::string text = processes.mappings(thread.task.pid);
  const auto mappings = proc::parse_maps(text, "maps");
  if (!mappings) return;
  AddressSpace& memory = *thread.memory;
  std::uint64_t stack_end = 0;
  std::uint64_t heap_start = 0;
  std::uint64_t heap_end = 0;
  std::string_view program;
  for (const proc::Mapping& mapping : *mappings) {
    if (mapping.path == "[heap]") {
      heap_start = mapping.start;
      heap_end = mapping.end;
    } else if (mapping.path == "[stack]") {
      stack_end = mapping.end;
    } else if (mapping.path.starts_with('/')) {
      if (program.empty()) program = mapping.path;
      memory.add_file(mapping.start, mapping.end, mapping.path,
                      std::string(names.path(mapping.path, thread)));
    } else if (mapping.path.empty()) {
      memory.add_anonymous(mapping.start, mapping.end);
    }
  }
  memory.set_program(program, heap_start, stack_end);
  memory.set_heap(heap_start, heap_end);
}

void Chronicle::State::start(std::string_view event) {
  record.start(event);
  values.begin();
}

// Keys come in ascending order where that costs nothing: the JSON writer then need not sort.
void Chronicle::State::add_identity(const Thread& thread) {
  if (!options.profile.pids) record.add("pid", std::uint64_t{thread.task.pid});
}

void Chronicle::State::add_times(const Thread& thread, std::uint64_t time_ns) {
  record.add("thread", lineage.name(thread.number));
  if (!options.profile.pids) record.add("tid", std::uint64_t{thread.task.tid});
  if (!options.profile.times) record.add("time_ns", time_ns);
}

void Chronicle::State::call(Thread& thread, const sys::CallReturn& call, std::uint64_t time_ns,
                            bool ended) {
  std::uint64_t number = call.number;
  if (call.abi != sys::Abi::kX86_64) {
    const sys::Row* row = sys::row_of(call.abi, call.number);
    number = row != nullptr ? row->number : UINT64_MAX;
  }
  static constexpr CallPlan kUnknown;
  const CallPlan& plan = number < plans.size() ? plans[number] : kUnknown;
  const bool told = open && options.calls.contains(number);
  ++thread.calls_since_random;
  if (plan.keeps_books) books.before(thread, static_cast<std::uint32_t>(number), call);
  if (told) {
    start("syscall");
    if (options.profile.addresses == AddressTable::kPerCall)
      thread.line.forget(Appearance::kAddress);
    teller.begin(thread, plan, call, boot_time_ns + static_cast<std::int64_t>(time_ns), record);
  }
  if (plan.keeps_books) books.after(thread, static_cast<std::uint32_t>(number), call);
  if (!told) return;
  teller.add_call(record);
  add_identity(thread);
  const bool leaves = number == SYS_exit || number == SYS_exit_group;
  teller.add_result(record, ended && !leaves);
  add_times(thread, time_ns);
  emit(thread.number, record);
}

Chronicle::Chronicle(const ChronicleOptions& options, ProcessView& processes, Emit emit)
    : state_(std::make_unique<State>(options, processes, std::move(emit))) {}
Chronicle::~Chronicle() = default;

void Chronicle::meet(guest::Task task, std::uint32_t own_number) {
  Thread& thread = state_->meet(task);
  if (own_number != 0) state_->lineage.place(thread, own_number);
}
void Chronicle::open_gate() { state_->open = true; }
void Chronicle::close_gate() { state_->open = false; }

void Chronicle::on(const guest::Called& event) {
  Thread& thread = state_->thread_of(event.task);
  // A program that could not be executed changes nothing of what the process has inherited.
  if (event.call.number != SYS_execve && event.call.number != SYS_execveat)
    thread.process->fresh = false;
  state_->call(thread, event.call, event.time_ns, false);
}

void Chronicle::on(const guest::Created& event) {
  State& state = *state_;
  Thread& creator = state.thread_of(event.creator);
  const Thread& child = state.lineage.create(creator, event);
  const bool same_process = event.child.pid == event.creator.pid;
  if (same_process || !state.open || !state.options.processes) return;
  state.start("process_fork");
  state.record.add("child", state.lineage.name(child.number));
  state.add_identity(creator);
  state.add_times(creator, event.time_ns);
  state.emit(creator.number, state.record);
}

void Chronicle::on(const guest::Started& event) {
  State& state = *state_;
  Thread* caller = event.former_tid != 0 ? state.lineage.find(event.former_tid) : nullptr;
  if (caller == nullptr || caller->task.pid != event.task.pid)
    caller = &state.thread_of(event.task);
  const std::string directory = caller->directory->path;
  Thread& thread = state.lineage.exec(*caller);
  thread.descriptors->exec();
  if (thread.process->fresh) thread.descriptors->mark_inherited();
  thread.process->fresh = false;
  thread.line.forget(Appearance::kAddress);
  std::vector<guest::Mapping> mappings(event.mappings.begin(), event.mappings.end());
  std::sort(mappings.begin(), mappings.end(),
            [](const auto& left, const auto& right) { return left.start < right.start; });
  for (const guest::Mapping& mapping : mappings)
    thread.memory->add_file(mapping.start, mapping.end, mapping.path,
                            std::string(state.names.path(mapping.path, thread)));
  thread.memory->set_program(mappings.empty() ? std::string_view() : mappings.front().path,
                             event.heap_start, event.stack_start);
  if (!state.open || !state.options.processes) return;

  state.start("process_exec");
  event::Record& record = state.record;
  const Surroundings around = {.thread = &thread, .directory = directory};
  record.add("argv", state.values.strings(event.argv, thread, record));
  record.add("call", event.at ? std::string_view("execveat") : std::string_view("execve"));
  if (!state.options.environment.empty())
    record.add("environment", state.values.variables(event.environment, thread, record));
  const std::string file = event.resolved.empty() && !event.at
                               ? absolute_path(directory, event.path)
                               : std::string(event.resolved);
  if (!file.empty()) record.add("file", event::Bytes{record.keep(state.names.path(file, thread))});
  if (event.missing != 0) record.add("missing", event.missing);
  record.add("path", state.values.path(event.path, around, record));
  state.add_identity(thread);
  state.add_times(thread, event.time_ns);
  state.emit(thread.number, record);
}

void Chronicle::on(const guest::Signalled& event) {
  State& state = *state_;
  Thread& thread = state.thread_of(event.task);
  if (!state.open || !state.options.signals) return;
  state.start("signal");
  event::Record& record = state.record;
  const std::string_view code = signal_code_name(event.signal, event.code);
  if (code.empty())
    record.add("code", std::int64_t{event.code});
  else
    record.add("code", code);
  if (has_fault_address(event.signal, event.code))
    record.add("fault", state.values.address(event.fault_address, thread, record));
  state.add_identity(thread);
  if (event.sender_pid != 0)
    record.add("sender", state.values.pid(event.sender_pid, thread, record));
  record.add("signal", record.keep(event::signal_text(event.signal)));
  state.add_times(thread, event.time_ns);
  state.emit(thread.number, record);
}

void Chronicle::on(const guest::Ended& event) {
  State& state = *state_;
  // One of a process whose program was replaced is gone already.
  if (!event.last && state.lineage.find(event.task.tid) == nullptr) return;
  Thread& thread = state.thread_of(event.task);
  if (event.call) state.call(thread, *event.call, event.time_ns, true);
  if (event.last && state.open && state.options.processes) {
    state.start("process_exit");
    event::Record& record = state.record;
    if (WIFEXITED(event.wait_status))
      record.add("exit_code", std::int64_t{WEXITSTATUS(event.wait_status)});
    const Thread* first = state.lineage.find(event.task.pid);
    const Thread& leader = first != nullptr ? *first : thread;
    state.add_identity(leader);
    if (WIFSIGNALED(event.wait_status))
      record.add(
          "signal",
          record.keep(event::signal_text(static_cast<std::uint32_t>(WTERMSIG(event.wait_status)))));
    state.add_times(leader, event.time_ns);
    state.emit(leader.number, record);
  }
  state.lineage.end(thread, event.last);
}

// Where the log begins and ends is for who holds the gate.
void Chronicle::on(const guest::Reached& event) { state_->thread_of(event.task); }

void Chronicle::on(const guest::Missed& event) {
  State& state = *state_;
  state.start("lost");
  state.record.add("count", event.count);
  state.record.add("reason", event.reason);
  if (!state.options.profile.times) state.record.add("time_ns", event.time_ns);
  state.emit(0, state.record);
}

std::string_view Chronicle::thread_name(std::uint32_t thread) const {
  return state_->lineage.name(thread);
}

std::uint32_t Chronicle::thread_count() const { return state_->lineage.thread_count(); }

}  // namespace tc::trace
