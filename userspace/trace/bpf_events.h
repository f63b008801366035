// BpfEvents: from the records of the eBPF programs to the events of guest/. Puts together again
// what the kernel side had to split, and gives the calls of a killed thread the form in which every
// engine tells them. Takes records in the order of the ring; knows no process but from them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "event/wire.h"
#include "guest/events.h"

namespace tc::trace {

// A call_return record, which has to outlive it, as an event. `pieces` is filled with what its
// pieces are and has to outlive it, too. Nothing: the record makes no sense.
std::optional<guest::Called> read_call(const event::WireRecord& record,
                                       std::vector<sys::Piece>& pieces);

// Why records were lost, as the log has it; `reason` is one of enum tc_loss_reason_values.
std::string_view reason_name(std::uint32_t reason);

class BpfEvents {
 public:
  explicit BpfEvents(guest::Listener& listener) : listener_(listener) {}

  // A task that was there before the first record. Its Created, if that comes yet, is not told.
  void meet(guest::Task task);
  // The process is held before its program; what it does until then is not told.
  void await_program(std::uint32_t pid) { awaited_ = pid; }

  // The next record of the ring. One that makes no sense is told as missed.
  void take(std::span<const std::byte> record);
  void miss(std::uint64_t time_ns, std::uint64_t count, std::uint32_t reason);

  // Processes that have not ended, as far as the records tell: not to be relied on when some were
  // missed.
  std::size_t live_processes() const { return live_.size(); }
  bool has_missed() const { return has_missed_; }
  // How a process of those met ended.
  std::optional<int> wait_status(std::uint32_t pid) const;

 private:
  // What precedes a program_start.
  struct Prelude {
    std::map<std::uint64_t, std::string> pieces;  // of argv and environment, by position
    std::vector<std::pair<guest::Mapping, std::string>> mappings;
  };
  using Bytes = std::vector<std::uint64_t>;

  bool is_told(const tc_header& header);
  void dispatch(const event::WireRecord& record);
  void on_call(const event::WireRecord& record);
  void on_create(const event::WireRecord& record);
  void on_exit(const event::WireRecord& record);
  void on_signal(const event::WireRecord& record);
  void on_start(const event::WireRecord& record);
  void on_mapping(const event::WireRecord& record);
  void on_reached(const event::WireRecord& record);
  // The interrupted call of the thread, if there is one; `owner` keeps its bytes.
  std::optional<guest::Called> take_held(std::uint32_t tid, Bytes& owner);
  void release_held(std::uint32_t tid);

  guest::Listener& listener_;
  std::optional<std::uint32_t> awaited_;
  std::unordered_set<std::uint32_t> live_;  // pids
  std::set<std::uint32_t> met_;             // tids
  std::map<std::uint32_t, std::optional<int>> met_processes_;
  std::uint32_t last_pid_ = 0;  // of live_, found last
  bool has_missed_ = false;
  std::unordered_map<std::uint32_t, Bytes> held_;  // interrupted calls by tid
  std::unordered_map<std::uint32_t, Prelude> preludes_;
  std::vector<sys::Piece> pieces_;
};

}  // namespace tc::trace
