// Chronicle: from what an engine tells to the records of the log. Keeps the identities: who is who,
// what is open behind a descriptor, what lies at an address, which names are temporary; decodes
// each call and writes its values by the profile.
//
// The records (keys beside `event`; `thread` is the creation path, or pid and tid are told):
//
// syscall       args{NAME:VALUE…} call ret|error thread; abi when not x86-64; file, file2: the
//               absolute path an argument names, behind cwd and dirfd; state "killed" when the
//               thread was killed within the call
// signal        signal code sender? fault? thread
// process_fork  child thread
// process_exec  argv call path file thread, environment? (the variables asked for), missing?
//               (bytes of argv and environment not told)
// process_exit  exit_code|signal thread
// lost          count reason
//
// VALUEs: numbers as integers; flags, modes, errnos, signals, descriptors, addresses and pids as
// text (see profile.h for what is normalised); strings and buffers as bytes, cut ones as
// {"head":…,"length":N}, ones that are not told as {"length":N}; "NULL"; memory that could not be
// read as {"unreadable":ADDRESS}; structs as objects, arrays as arrays. A structure that is nothing
// but a time is told as one: "time", "timeout". With times raw time_ns is told, too; with pids raw
// pid and tid.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "event/record.h"
#include "guest/events.h"
#include "sys/selection.h"
#include "trace/process_view.h"
#include "trace/profile.h"

namespace tc::trace {

struct ChronicleOptions {
  Profile profile;
  sys::CallSelection calls =
      sys::CallSelection::all();                   // which to tell; others only keep the books
  std::set<std::string, std::less<>> environment;  // variables to tell with process_exec
  bool signals = true;
  bool processes = true;
  PortRange ephemeral_ports;
};

class Chronicle final : public guest::Listener {
 public:
  // Takes a finished record of the thread numbered `thread` (from 0, in order of creation; its
  // creation path is thread_name(thread)). The views end with the call.
  using Emit = std::function<void(std::uint32_t thread, const event::Record& record)>;

  Chronicle(const ChronicleOptions& options, ProcessView& processes, Emit emit);
  ~Chronicle() override;

  // A task that is there before the first event: the command to come, or one attached to. The
  // first is "p1". Descriptors and cwd are taken from the ProcessView.
  // `own_number`: what it is in a pid namespace of its own and of its children; 0: it has none.
  void meet(guest::Task task, std::uint32_t own_number = 0);

  // Records are emitted only between these two; the books are kept always. Begins open.
  void open_gate();
  void close_gate();

  void on(const guest::Called& event) override;
  void on(const guest::Created& event) override;
  void on(const guest::Started& event) override;
  void on(const guest::Signalled& event) override;
  void on(const guest::Ended& event) override;
  void on(const guest::Reached& event) override;
  void on(const guest::Missed& event) override;

  // "p1.2/1". In tree order when compared by component: see tree_order().
  std::string_view thread_name(std::uint32_t thread) const;
  std::uint32_t thread_count() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Calls that must be traced for the books to be right, whatever is told: open, close, dup, chdir…
sys::CallSelection bookkeeping_calls(const Profile& profile);

// Creation paths in the order of the tree: a thread, its threads, its children; by number, not by
// text ("p1.2" before "p1.10").
bool tree_order(std::string_view left, std::string_view right);

}  // namespace tc::trace
