#include "probe/observer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <map>
#include <thread>

#include "base/file.h"
#include "probe/btf.h"
#include "probe/privilege.h"
#include "probe/program_table.h"
#include "probe/ring.h"
#include "probe/tracefs.h"
#include "probe/uprobe.h"
#include "tc/config.h"

// Generated; its globals are of types from tc/config.h.
#include "observer.skel.h"

namespace tc::probe {
namespace {

// The reader is woken when this part of the ring is full, but not before and not after these.
constexpr std::size_t kWakeFraction = 256;
constexpr std::size_t kWakeBytesMin = std::size_t{64} << 10U;
constexpr std::size_t kWakeBytesMax = std::size_t{256} << 10U;
constexpr std::size_t kClosers = 8;
static_assert(kSslDataMax == TC_SSL_DATA_MAX);
constexpr const char* kKernelBtf = "/sys/kernel/btf/vmlinux";

// What libbpf had to say, for the error of a failed load. libbpf's callback has no context.
thread_local std::string libbpf_messages;  // NOLINT

int keep_message(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  std::array<char, 4096> line{};
  const int length = std::vsnprintf(line.data(), line.size(), format, arguments);
  libbpf_messages += line.data();
  return length;
}

std::string last_lines(const std::string& text, std::size_t count) {
  std::size_t at = text.size();
  while (at > 0 && count > 0)
    if (text[--at] == '\n' && at + 1 < text.size()) --count;
  return text.substr(at);
}

struct ObserverDeleter {
  void operator()(observer* skeleton) const { observer__destroy(skeleton); }
};
struct LinkDeleter {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};

// How many arguments the kernel hands to a tracepoint's programs.
std::uint32_t tracepoint_arguments(const btf* types, const std::string& name) {
  const int id = btf__find_by_name_kind(types, ("btf_trace_" + name).c_str(), BTF_KIND_TYPEDEF);
  if (id <= 0) return 0;
  const btf_type* pointer =
      btf__type_by_id(types, btf__type_by_id(types, static_cast<__u32>(id))->type);
  if (pointer == nullptr || !btf_is_ptr(pointer)) return 0;
  const btf_type* function = btf__type_by_id(types, pointer->type);
  // The first is the caller's own.
  return function == nullptr || !btf_is_func_proto(function) ? 0U : btf_vlen(function) - 1U;
}

std::size_t ring_size(std::size_t wanted) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return std::bit_ceil(std::max(wanted, page));
}

}  // namespace

struct Observer::State {
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State();

  ObserverOptions options;
  std::unique_ptr<observer, ObserverDeleter> skeleton;
  std::optional<Ring> ring;
  std::vector<std::unique_ptr<bpf_link, LinkDeleter>> links;
  std::vector<UniqueFd> uprobe_links;
  UniqueFd statistics;  // keeps kernel.bpf_stats_enabled up while open
  SyscallHook hook = SyscallHook::kAuto;
  std::optional<Tracefs> tracefs;
  bool uprobe_multi = false;
  bool exec_mappings = false;
  bool exit_tells_last = false;
  std::size_t cpus = 1;

  bool wants(std::uint32_t event) const { return options.events.contains(event); }
  bool wants(const SyscallProgram& row) const {
    if (options.tracing) return false;
    for (const std::uint32_t event : row.events) {
      if (event == TC_EVENT_memory_mapping && options.mappings) return true;
      if (event != 0 && wants(event)) return true;
    }
    return false;
  }
  bool traces(const EventProgram& row) const {
    if (!options.tracing) return false;
    const bool is_told_elsewhere =
        row.event == TC_EVENT_program_start || row.event == TC_EVENT_signal_deliver;
    return !options.tracing->calls_only || !is_told_elsewhere;
  }
  bpf_program* program(const std::string& name) const {
    return bpf_object__find_program_by_name(skeleton->obj, name.c_str());
  }

  Result<void> read_kernel_features();
  void choose_hook();
  void choose_programs();
  void configure();
  Result<void> attach_tracepoint(const SyscallProgram& row);
  Result<void> attach_raw();
  Result<void> enter_plans();
  Result<void> attach_program(const std::string& name);
  std::vector<Loss> skipped_runs() const;
};

// Letting go of a link waits for every CPU, some 50 ms each time. The kernel takes tracepoints one
// after the other, whoever asks; uprobes can wait together, and meanwhile.
Observer::State::~State() {
  std::vector<std::thread> closers;
  for (std::size_t first = 0; first < std::min(kClosers, uprobe_links.size()); ++first)
    closers.emplace_back([this, first] {
      for (std::size_t i = first; i < uprobe_links.size(); i += kClosers) uprobe_links[i].reset();
    });
  links.clear();
  for (std::thread& closer : closers) closer.join();
}

Result<void> Observer::State::read_kernel_features() {
  const std::string path = options.btf.empty() ? kKernelBtf : options.btf;
  if (access(path.c_str(), R_OK) != 0)
    return error(
        "open {}: {}: the kernel gives no type information (BTF), without which tc cannot read its "
        "structures; use a kernel built with CONFIG_DEBUG_INFO_BTF=y, or name a BTF file of this "
        "very kernel with --btf FILE",
        path, std::generic_category().message(errno));
  const OwnedBtf types(btf__parse(path.c_str(), nullptr));
  if (!types) return system_error(errno, "read BTF of " + path);
  uprobe_multi = btf__find_by_name_kind(types.get(), "bpf_uprobe_multi_link", BTF_KIND_STRUCT) > 0;
  exec_mappings = btf__find_by_name_kind(types.get(), "bpf_iter_task_vma_new", BTF_KIND_FUNC) > 0;
  exit_tells_last = tracepoint_arguments(types.get(), "sched_process_exit") > 1;
  return {};
}

void Observer::State::choose_hook() {
  hook = options.tracing ? SyscallHook::kRaw : options.hook;
  if (hook == SyscallHook::kRaw) return;
  if (Result<Tracefs> found = Tracefs::open()) {
    tracefs.emplace(std::move(found).value());
    hook = SyscallHook::kTracepoint;
  } else if (hook == SyscallHook::kAuto) {
    hook = SyscallHook::kRaw;
  }
}

void Observer::State::choose_programs() {
  bpf_program* each = nullptr;
  bpf_object__for_each_program(each, skeleton->obj) bpf_program__set_autoload(each, false);
  const auto load = [&](const std::string& name) {
    bpf_program__set_autoload(program(name), true);
  };
  for (const SyscallProgram& row : kSyscallPrograms)
    if (wants(row))
      load(std::string(row.call) + (hook == SyscallHook::kRaw ? "_raw" : "_tracepoint"));
  if (hook == SyscallHook::kRaw && !options.tracing) load("syscall_exit_raw");
  for (const EventProgram& row : kEventPrograms)
    if (row.event == 0 ? !options.tracing : wants(row.event)) load(row.name);
  for (const EventProgram& row : kTracePrograms)
    if (traces(row)) load(row.name);
  if (!uprobe_multi) return;
  for (const char* name :
       {"libc_network_call", "exec_entry", "ssl_entry", "ssl_return", "symbol_call"})
    bpf_program__set_expected_attach_type(program(name),
                                          static_cast<bpf_attach_type>(kTraceUprobeMulti));
}

void Observer::State::configure() {
  cpus = static_cast<std::size_t>(libbpf_num_possible_cpus());
  tc_config& config = const_cast<tc_config&>(skeleton->rodata->config);
  config.all = options.all ? 1 : 0;
  config.own_pid = static_cast<tc_u32>(getpid());
  config.by_cgroup = options.cgroup ? 1 : 0;
  if (options.cgroup) {
    config.cgroup_subsystem = options.cgroup->subsystem;
    config.cgroup_id = options.cgroup->id;
  }
  const std::size_t ring_bytes = ring_size(options.ring_bytes);
  config.wake_bytes = static_cast<tc_u32>(std::min(
      std::clamp(ring_bytes / kWakeFraction, kWakeBytesMin, kWakeBytesMax), ring_bytes / 4));
  config.mappings = options.mappings ? 1 : 0;
  config.ssl_data_max = std::min<tc_u32>(options.ssl_data, TC_SSL_DATA_MAX);
  config.stack_depth = std::min<tc_u32>(options.stack_depth, TC_STACK_DEPTH_MAX);
  config.cpus = static_cast<tc_u32>(cpus);
  config.exit_tells_last = exit_tells_last ? 1 : 0;
  if (options.tracing) {
    config.trace_foreign = options.tracing->foreign ? 1 : 0;
    config.trace_unknown = options.tracing->unknown ? 1 : 0;
  }
  bpf_map__set_max_entries(skeleton->maps.events, static_cast<tc_u32>(ring_bytes));
  bpf_map__set_max_entries(skeleton->maps.scratches,
                           static_cast<tc_u32>(cpus * TC_SCRATCH_PER_CPU));
}

Observer::Observer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Observer::Observer(Observer&&) noexcept = default;
Observer& Observer::operator=(Observer&&) noexcept = default;
Observer::~Observer() = default;

Result<Observer> Observer::load(const ObserverOptions& options) {
  auto state = std::make_unique<State>();
  state->options = options;
  if (!options.tracing)
    for (const std::uint32_t event :
         {TC_EVENT_process_fork, TC_EVENT_process_exec, TC_EVENT_process_exit})
      state->options.events.insert(event);
  if (const std::string advice = privilege_advice(); !advice.empty()) return Error(advice, EPERM);
  TC_CHECK(state->read_kernel_features());

  libbpf_set_print(keep_message);
  libbpf_messages.clear();
  bpf_object_open_opts open{};
  open.sz = sizeof(open);
  open.btf_custom_path = options.btf.empty() ? nullptr : options.btf.c_str();
  state->skeleton.reset(observer__open_opts(&open));
  if (!state->skeleton)
    return system_error(errno, "open the eBPF programs\n" + last_lines(libbpf_messages, 5));
  state->choose_hook();
  state->choose_programs();
  state->configure();
  if (observer__load(state->skeleton.get()) != 0) {
    const int code = errno;
    return system_error(code, "load the eBPF programs\n" + last_lines(libbpf_messages, 12));
  }
  TC_TRY(Ring ring,
         Ring::open(bpf_map__fd(state->skeleton->maps.events), ring_size(options.ring_bytes)));
  state->ring.emplace(std::move(ring));
  if (options.tracing) TC_CHECK(state->enter_plans());
  if (options.measure) state->statistics = UniqueFd(bpf_enable_stats(BPF_STATS_RUN_TIME));
  return Observer(std::move(state));
}

Result<void> Observer::State::attach_tracepoint(const SyscallProgram& row) {
  if (!tracefs)
    return error("--syscall-hook tracepoint: tracefs cannot be reached; use --syscall-hook raw");
  TC_TRY(const std::uint64_t id, tracefs->event_id(std::string("syscalls/sys_exit_") + row.call));
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.config = id;
  attr.sample_period = 1;
  attr.wakeup_events = 1;
  UniqueFd event(
      static_cast<int>(syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!event) return system_error(errno, std::string("open tracepoint of ") + row.call);
  bpf_link* link =
      bpf_program__attach_perf_event(program(std::string(row.call) + "_tracepoint"), event.get());
  if (link == nullptr)
    return system_error(errno, std::string("attach to tracepoint of ") + row.call);
  (void)event.release();  // the link owns it now
  links.emplace_back(link);
  return {};
}

Result<void> Observer::State::attach_raw() {
  for (const SyscallProgram& row : kSyscallPrograms) {
    if (!wants(row)) continue;
    const int fd = bpf_program__fd(program(std::string(row.call) + "_raw"));
    const auto number = static_cast<tc_u32>(row.number);
    if (bpf_map__update_elem(skeleton->maps.raw_exit_table, &number, sizeof(number), &fd,
                             sizeof(fd), BPF_ANY) != 0)
      return system_error(errno, std::string("enter the program for ") + row.call);
  }
  return attach_program("syscall_exit_raw");
}

Result<void> Observer::State::enter_plans() {
  const std::vector<tc_capture_plan>& plans = options.tracing->plans;
  TC_ASSERT(plans.size() == TC_CALLS_MAX);
  for (std::uint32_t number = 0; number < plans.size(); ++number)
    if (bpf_map__update_elem(skeleton->maps.plans, &number, sizeof(number), &plans[number],
                             sizeof(tc_capture_plan), BPF_ANY) != 0)
      return system_error(errno, "enter the plans of the system calls");
  return {};
}

Result<void> Observer::State::attach_program(const std::string& name) {
  bpf_link* link = bpf_program__attach(program(name));
  if (link == nullptr) return system_error(errno, "attach program " + name);
  links.emplace_back(link);
  return {};
}

Result<void> Observer::attach() {
  State& state = *state_;
  // Fork first: from here on no child of a followed process can slip through.
  if (state.options.tracing) {
    for (const EventProgram& row : kTracePrograms)
      if (state.traces(row)) TC_CHECK(state.attach_program(row.name));
    return {};
  }
  for (const char* name : {"process_fork", "process_exit", "process_exec"})
    TC_CHECK(state.attach_program(name));
  if (state.wants(TC_EVENT_tcp_state)) {
    TC_CHECK(state.attach_program("tcp_state"));
    TC_CHECK(state.attach_program("forget_socket"));
  }
  if (state.hook == SyscallHook::kRaw) return state.attach_raw();
  for (const SyscallProgram& row : kSyscallPrograms)
    if (state.wants(row)) TC_CHECK(state.attach_tracepoint(row));
  return {};
}

Result<void> Observer::attach_uprobes(UprobeProgram program, int fd,
                                      std::span<const UprobeSite> sites) {
  static const std::map<UprobeProgram, const char*> kNames = {
      {UprobeProgram::kSymbolCall, "symbol_call"},
      {UprobeProgram::kLibcNetworkCall, "libc_network_call"},
      {UprobeProgram::kExecEntry, "exec_entry"},
      {UprobeProgram::kSslEntry, "ssl_entry"},
      {UprobeProgram::kSslReturn, "ssl_return"}};
  if (sites.empty()) return {};
  TC_TRY(std::vector<UniqueFd> links,
         attach_uprobe_links(bpf_program__fd(state_->program(kNames.at(program))), fd, sites,
                             program == UprobeProgram::kSslReturn, state_->uprobe_multi));
  for (UniqueFd& link : links) state_->uprobe_links.push_back(std::move(link));
  return {};
}

Result<void> Observer::follow(std::uint32_t pid) {
  const std::uint8_t yes = 1;
  if (bpf_map__update_elem(state_->skeleton->maps.followed, &pid, sizeof(pid), &yes, sizeof(yes),
                           BPF_ANY) != 0)
    return system_error(errno, fmt::format("follow process {}", pid));
  return {};
}

std::size_t Observer::followed_count() const {
  std::size_t count = 0;
  std::uint32_t key = 0;
  const bpf_map* map = state_->skeleton->maps.followed;
  int more = bpf_map__get_next_key(map, nullptr, &key, sizeof(key));
  while (more == 0) {
    ++count;
    more = bpf_map__get_next_key(map, &key, &key, sizeof(key));
  }
  return count;
}

Result<void> Observer::learn_sockets() {
  if (!state_->wants(TC_EVENT_tcp_state)) return {};
  bpf_link* link = bpf_program__attach_iter(state_->program("snapshot_sockets"), nullptr);
  if (link == nullptr) return system_error(errno, "attach the iterator over open files");
  const std::unique_ptr<bpf_link, LinkDeleter> owned(link);
  const UniqueFd iterator(bpf_iter_create(bpf_link__fd(link)));
  if (!iterator) return system_error(errno, "iterate over open files");
  std::array<char, 256> nothing;
  ssize_t got = 0;
  do got = ::read(iterator.get(), nothing.data(), nothing.size());
  while (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN)));
  if (got < 0) return system_error(errno, "iterate over open files");
  return {};
}

void Observer::open_gate() {
  const std::uint32_t zero = 0;
  const tc_control open{.open = 1};
  bpf_map__update_elem(state_->skeleton->maps.control, &zero, sizeof(zero), &open, sizeof(open), 0);
}

void Observer::close_gate() {
  const std::uint32_t zero = 0;
  const tc_control closed{.open = 0};
  bpf_map__update_elem(state_->skeleton->maps.control, &zero, sizeof(zero), &closed, sizeof(closed),
                       0);
}

std::uint64_t Observer::drain(std::chrono::milliseconds timeout, const RecordFn& take) {
  // What is above the threshold already will not wake anybody.
  if (state_->ring->unread() < state_->skeleton->rodata->config.wake_bytes)
    state_->ring->wait(timeout);
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  bool refused = false;
  const RecordFn taker = [&](std::span<const std::byte> record) {
    refused = !take(record);
    return !refused;
  };
  // A record still being written is there in a moment: its writer cannot be preempted.
  while (!state_->ring->take_all(taker) && !refused) {
  }
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

void Observer::take_ready(const RecordFn& take) {
  if (state_->ring->unread() > 0) state_->ring->take_all(take);
}

std::size_t Observer::unread() const { return state_->ring->unread(); }

void Observer::interrupt() const { state_->ring->interrupt(); }

std::vector<Loss> Observer::pending_losses() const {
  std::map<std::pair<std::uint32_t, std::uint32_t>, Loss> losses;
  std::vector<tc_cpu_state> states(state_->cpus);
  const std::uint32_t zero = 0;
  if (bpf_map__lookup_elem(state_->skeleton->maps.cpu_states, &zero, sizeof(zero), states.data(),
                           states.size() * sizeof(tc_cpu_state), 0) == 0) {
    for (const tc_cpu_state& cpu : states) {
      for (std::uint32_t slot = 0; slot < TC_LOSS_SLOTS; ++slot) {
        const tc_loss& from = cpu.losses[slot];
        if (from.count == 0) continue;
        const std::uint32_t type = slot / TC_REASONS;
        const std::uint32_t reason = slot % TC_REASONS;
        Loss& loss = losses[{type, reason}];
        loss.event_type = type;
        loss.reason = reason;
        loss.count += from.count;
        if (loss.first_ns == 0 || from.first_ns < loss.first_ns) loss.first_ns = from.first_ns;
        loss.last_ns = std::max<std::uint64_t>(loss.last_ns, from.last_ns);
      }
    }
  }
  std::vector<Loss> result = state_->skipped_runs();
  for (const auto& [key, loss] : losses) result.push_back(loss);
  return result;
}

// The kernel does not enter a program that already runs on this CPU, and counts that.
std::vector<Loss> Observer::State::skipped_runs() const {
  std::vector<Loss> losses;
  const auto add = [&](const std::string& name, std::uint32_t event) {
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    const int fd = bpf_program__fd(program(name));
    if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) != 0 || info.recursion_misses == 0)
      return;
    losses.push_back(
        {.event_type = event, .reason = TC_LOSS_recursion, .count = info.recursion_misses});
  };
  for (const EventProgram& row : kEventPrograms)
    if (row.event != 0) add(row.name, row.event);
  for (const EventProgram& row : kTracePrograms) add(row.name, row.event);
  for (const SyscallProgram& row : kSyscallPrograms)
    add(std::string(row.call) + (hook == SyscallHook::kRaw ? "_raw" : "_tracepoint"),
        row.events[0]);
  return losses;
}

std::vector<ProgramCost> Observer::costs() const {
  std::vector<ProgramCost> costs;
  bpf_program* each = nullptr;
  bpf_object__for_each_program(each, state_->skeleton->obj) {
    const int fd = bpf_program__fd(each);
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) != 0 || info.run_cnt == 0) continue;
    costs.push_back({bpf_program__name(each), info.run_cnt, info.run_time_ns});
  }
  return costs;
}

SyscallHook Observer::hook() const { return state_->hook; }
bool Observer::has_uprobe_multi() const { return state_->uprobe_multi; }
bool Observer::tells_exec_mappings() const { return state_->exec_mappings; }

}  // namespace tc::probe
