#include "trace/call_teller.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>

namespace tc::trace {
namespace {

constexpr std::size_t kNone = 6;  // no position

// The position of a decoded argument; those that a call does not look at are left out.
std::size_t position_of(const sys::Row* row, std::string_view name, std::size_t from) {
  if (row == nullptr) return kNone;
  for (std::size_t i = from; i < row->arguments.size(); ++i)
    if (row->arguments[i].name == name) return i;
  return kNone;
}

}  // namespace

Behind CallTeller::status_of() const {
  if (!plan_->is_status) return Behind::kOther;
  if (plan_->path_count > 0) return behind_path(files_[0]);
  return around_.read_from;
}

void CallTeller::find_files() {
  for (std::size_t i = 0; i < static_cast<std::size_t>(plan_->path_count); ++i) {
    files_[i].clear();
    const CallPlan::Path& path = plan_->paths[i];
    const auto argument = static_cast<std::size_t>(path.argument);
    const std::int64_t directory =
        path.directory < 0
            ? AT_FDCWD
            : static_cast<std::int32_t>(call_->arguments[static_cast<std::size_t>(path.directory)]);
    if (call_->arguments[argument] == 0) {
      // utimensat(fd, NULL): the descriptor itself.
      files_[i] = Books::absolute(*thread_, directory, {});
    } else if (const auto name = Books::string_argument(*call_, argument)) {
      files_[i] = Books::absolute(*thread_, directory, *name);
    }
  }
}

// pthread_join(3) waits on the number of the thread until it is cleared (CLONE_CHILD_CLEARTID).
// Below 3 are the states of a lock.
bool CallTeller::is_awaited_thread(std::size_t position) const {
  if (position != 2 || decoded_->row == nullptr || decoded_->row->number != SYS_futex) return false;
  constexpr std::uint64_t kCommand = 0x7f;  // without FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME
  const std::uint64_t operation = call_->arguments[1] & kCommand;
  const auto value = static_cast<std::uint32_t>(call_->arguments[2]);
  return (operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET) && value > 2 &&
         lineage_.thread_of(*thread_, value).has_value();
}

event::Value CallTeller::argument(std::size_t position, const sys::Value& value,
                                  event::Record& record) {
  if (position == kNone) return values_.tell(value, around_, record);
  if (closes_ && profile_.descriptors)
    if (const auto closing = thread_->descriptors->closing(value.signed_number(), thread_->number))
      return record.keep(closing->token);
  if (alignment_trim_ && position == 1) return std::string_view("alignment");
  if (is_awaited_thread(position))
    return values_.pid(static_cast<std::uint32_t>(value.number), *thread_, record);
  const auto at = static_cast<std::int16_t>(position);
  if (at == plan_->entries) return values_.entries(value, around_, record);
  if (at == plan_->environment) return values_.environment(value, around_, record);
  for (std::size_t i = 0; i < static_cast<std::size_t>(plan_->path_count); ++i) {
    const CallPlan::Path& path = plan_->paths[i];
    if (path.argument != at) continue;
    Surroundings around = around_;
    around.directory = thread_->directory->path;
    if (path.directory >= 0) {
      const auto number =
          static_cast<std::int32_t>(call_->arguments[static_cast<std::size_t>(path.directory)]);
      if (const Description* behind = thread_->descriptors->find(number))
        around.directory = behind->path;
    }
    return values_.tell(value, around, record);
  }
  return values_.tell(value, around_, record);
}

void CallTeller::begin(Thread& thread, const CallPlan& plan, const sys::CallReturn& call,
                       std::int64_t wall_ns, event::Record& record) {
  thread_ = &thread;
  plan_ = &plan;
  call_ = &call;
  decoded_ = &decoder_.decode(call);
  values_.begin();
  find_files();
  around_ = {.thread = &thread, .wall_ns = wall_ns};
  if (plan.descriptor >= 0) {
    const auto number =
        static_cast<std::int32_t>(call.arguments[static_cast<std::size_t>(plan.descriptor)]);
    const Description* behind = thread.descriptors->find(number);
    around_.through = behind;
    if (behind != nullptr) around_.read_from = behind->behind;
  }
  around_.status_of = status_of();
  if (!plan.reads) around_.read_from = Behind::kOther;
  alignment_trim_ = decoded_->row != nullptr && decoded_->row->number == SYS_munmap &&
                    profile_.addresses == AddressTable::kModule && !call.failed() &&
                    thread.memory->is_alignment_trim(call.arguments[0], call.arguments[1]);
  closes_ = decoded_->row != nullptr && decoded_->row->number == SYS_close;
  arguments_.clear();
  late_.clear();
  std::size_t next = 0;
  for (const sys::Member& member : decoded_->arguments) {
    const std::size_t position = position_of(decoded_->row, member.name, next);
    if (position != kNone) next = position + 1;
    if (position != kNone && (plan.late >> position & 1U) != 0) {
      late_.push_back({.field = arguments_.size(), .position = position});
      arguments_.push_back({member.name, {}});
    } else {
      arguments_.push_back({member.name, argument(position, member.value, record)});
    }
  }
}

void CallTeller::add_call(event::Record& record) {
  for (const Late& late : late_)
    arguments_[late.field].value =
        argument(late.position, decoded_->arguments[late.field].value, record);
  if (decoded_->abi != sys::Abi::kX86_64)
    record.add("abi", decoded_->abi == sys::Abi::kI386 ? std::string_view("i386")
                                                       : std::string_view("x32"));
  record.add("args", record.keep_object(arguments_));
  record.add("call", decoded_->name);
  if (!decoded_->error.empty()) record.add("error", decoded_->error);
  constexpr std::array<std::string_view, 2> kKeys = {"file", "file2"};
  for (std::size_t i = 0; i < static_cast<std::size_t>(plan_->path_count); ++i)
    if (!files_[i].empty())
      record.add(kKeys[i], event::Bytes{record.keep(names_.path(files_[i], *thread_))});
}

void CallTeller::add_result(event::Record& record, bool killed) {
  if (call_->result && !call_->failed()) {
    const bool is_state = around_.read_from == Behind::kState && profile_.state;
    if (is_state && *call_->result > 0)
      record.add("ret", std::string_view("some"));
    else
      record.add("ret", values_.tell(decoded_->result, around_, record));
  }
  if (killed) record.add("state", std::string_view("killed"));
}

}  // namespace tc::trace
