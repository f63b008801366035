// CallTeller: one system call to one record. In two steps, because an argument is told by what it
// was before the call and a result by what it is behind it: dup2(a, b) tells what b was, close(a)
// what is no more.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "event/record.h"
#include "sys/call_return.h"
#include "sys/decode.h"
#include "trace/books.h"
#include "trace/plans.h"
#include "trace/values.h"

namespace tc::trace {

class CallTeller {
 public:
  CallTeller(const Profile& profile, const Lineage& lineage, Names& names, Values& values)
      : profile_(profile), lineage_(lineage), names_(names), values_(values) {}

  // `call` must live until the record is complete. `wall_ns`: the time of day.
  void begin(Thread& thread, const CallPlan& plan, const sys::CallReturn& call,
             std::int64_t wall_ns, event::Record& record);
  // The keys of a record that come before `thread`, in their order: abi … file2; then ret …
  // state.
  void add_call(event::Record& record);
  void add_result(event::Record& record, bool killed);

 private:
  struct Late {
    std::size_t field;
    std::size_t position;
  };

  event::Value argument(std::size_t position, const sys::Value& value, event::Record& record);
  void find_files();
  Behind status_of() const;
  bool is_awaited_thread(std::size_t position) const;

  Profile profile_;
  const Lineage& lineage_;
  Names& names_;
  Values& values_;
  sys::Decoder decoder_;
  // Of the call at hand.
  Thread* thread_ = nullptr;
  const CallPlan* plan_ = nullptr;
  const sys::CallReturn* call_ = nullptr;
  const sys::DecodedCall* decoded_ = nullptr;
  bool alignment_trim_ = false;
  bool closes_ = false;
  Surroundings around_;
  std::array<std::string, 2> files_;  // absolute, as they are
  std::vector<event::Field> arguments_;
  std::vector<Late> late_;
};

}  // namespace tc::trace
