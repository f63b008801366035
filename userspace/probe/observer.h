// Observer: the eBPF programs of bpf/, loaded and attached, and the ring they write to. The only
// module that links libbpf. It decides nothing about what to observe and decodes no record.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "tc/capture.h"
#include "tc/event.h"

namespace tc::probe {

// How system calls are seen: each by its own tracepoint (slows other processes least, needs
// tracefs), or all through the raw one (needs CAP_BPF and CAP_PERFMON only).
enum class SyscallHook { kAuto, kTracepoint, kRaw };

// The most plaintext of one TLS call that a record can hold, bytes.
inline constexpr std::uint32_t kSslDataMax = 32768;

// A cgroup as the kernel side compares it.
struct CgroupSelection {
  std::uint32_t subsystem = 0;  // index into css_set::subsys, or TC_CGROUP_V2
  std::uint64_t id = 0;         // inode number of the directory
};

// Every system call instead of evidence: what `tc trace` asks for.
struct CallTracing {
  std::vector<tc_capture_plan> plans;  // by x86-64 number, TC_CALLS_MAX of them
  bool foreign = false;                // tell calls of i386 and x32, too
  bool unknown = false;                // and x86-64 numbers that have no plan
  // Calls and the births and ends of tasks, no programs and no signals: those are told elsewhere.
  bool calls_only = false;
};

struct ObserverOptions {
  std::set<std::uint32_t> events;  // numbers of events.def; lifecycle events are always added
  bool all = false;                // every process but this one
  std::optional<CgroupSelection> cgroup;
  bool mappings = false;  // tell executable mappings as they appear
  SyscallHook hook = SyscallHook::kAuto;
  std::size_t ring_bytes = std::size_t{16} << 20U;  // rounded up to a power of two of pages
  std::uint32_t ssl_data = 0;                       // plaintext bytes kept of each TLS call
  std::uint32_t stack_depth = 0;
  bool measure = false;  // let the kernel count what the programs cost
  std::string btf;       // BTF of the running kernel, where the kernel itself gives none
  // When set, `events` may name symbol_call and nothing else; records 66 to 70 of events.def, and
  // memory_mapping after each exec, take the place of the lifecycle events.
  std::shared_ptr<const CallTracing> tracing;
};

// Records that did not get through and that no record in the stream tells of yet.
struct Loss {
  std::uint32_t event_type = 0;
  std::uint32_t reason = 0;  // enum tc_loss_reason_values
  std::uint64_t count = 0;
  std::uint64_t first_ns = 0;
  std::uint64_t last_ns = 0;
};

struct ProgramCost {
  std::string name;
  std::uint64_t runs = 0;
  std::uint64_t nanoseconds = 0;
};

// The programs a uprobe can run.
enum class UprobeProgram { kSymbolCall, kLibcNetworkCall, kExecEntry, kSslEntry, kSslReturn };

// One place in a file to probe.
struct UprobeSite {
  std::uint64_t offset = 0;  // in the file, bytes
  std::uint64_t cookie = 0;  // handed to the program
};

class Observer {
 public:
  // Loads the programs the options ask for. Errors say what is missing (a capability, BTF) and
  // the command that mends it.
  static Result<Observer> load(const ObserverOptions& options);
  Observer(Observer&&) noexcept;
  Observer& operator=(Observer&&) noexcept;
  ~Observer();

  // Attaches all but uprobes. The gate is closed: processes are followed, nothing is emitted.
  Result<void> attach();
  // Attaches `program` at the sites of the file open at `fd`, for every process. What was attached
  // stays until this object dies; the kernel removes it also when the process is killed.
  Result<void> attach_uprobes(UprobeProgram program, int fd, std::span<const UprobeSite> sites);

  // Enters a process into the followed set; its descendants from now on enter by themselves.
  Result<void> follow(std::uint32_t pid);
  std::size_t followed_count() const;
  // Learns who owns the sockets that selected processes have already.
  Result<void> learn_sockets();

  void open_gate();
  void close_gate();

  // Waits up to `timeout` for records, then hands over all there are; below the wake-up threshold
  // they are found when the wait ends. False from the callback ends the pass early. Returns the
  // time (ns since boot) when the pass began: whatever was stamped well before it has been handed
  // over, unless the pass ended early.
  using RecordFn = std::function<bool(std::span<const std::byte>)>;
  std::uint64_t drain(std::chrono::milliseconds timeout, const RecordFn& take);
  // Hands over what is there, without waiting and without a system call: also in a process that has
  // forked from the one that loaded this, with less privilege, but never in two of them. At a
  // record that is still being written it ends early.
  void take_ready(const RecordFn& take);
  // Bytes of records that wait to be taken.
  std::size_t unread() const;
  // From any thread: the drain that waits, or else the next one, does not wait.
  void interrupt() const;

  // Losses still on the books; for the end, when no further record will tell them.
  std::vector<Loss> pending_losses() const;
  std::vector<ProgramCost> costs() const;
  SyscallHook hook() const;
  bool has_uprobe_multi() const;
  // Does the kernel tell a new program's mappings (Linux 6.7)?
  bool tells_exec_mappings() const;

 private:
  struct State;
  explicit Observer(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace tc::probe
