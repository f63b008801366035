#include "trace/values.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "json/text.h"
#include "trace/clock_text.h"

namespace tc::trace {
namespace {

using sys::Leaf;

constexpr std::string_view kTime = "time";
constexpr std::string_view kTimeout = "timeout";
constexpr std::string_view kInode = "inode";
constexpr std::string_view kRandom = "random";
constexpr std::string_view kVolatile = "volatile";

// Below: no address that a program can have (vm.mmap_min_addr); above: not of user space.
constexpr std::uint64_t kLeastAddress = 0x10000;
constexpr std::uint64_t kAddressEnd = std::uint64_t{1} << 47U;
// A word from here on is hardly a number that was counted.
constexpr std::uint64_t kLikelyAddress = std::uint64_t{1} << 32U;

bool all_of_leaf(const sys::Value& object, Leaf leaf) {
  return !object.members.empty() &&
         std::all_of(object.members.begin(), object.members.end(),
                     [&](const sys::Member& member) { return member.value.leaf == leaf; });
}
bool all_zero(const sys::Value& object) {
  return std::all_of(object.members.begin(), object.members.end(),
                     [](const sys::Member& member) { return member.value.number == 0; });
}

// Could a person have written it? Of a cut buffer the last character may be cut, too.
bool is_text(std::string_view bytes, bool is_cut) {
  for (const char c : bytes) {
    const bool is_control = static_cast<unsigned char>(c) < ' ' || c == 0x7f;
    if (is_control && c != '\t' && c != '\n' && c != '\r' && c != '\x1b') return false;
  }
  const std::size_t longest_cut = is_cut ? 3 : 0;  // bytes of a character that is not whole
  for (std::size_t cut = 0; cut <= std::min(longest_cut, bytes.size()); ++cut)
    if (json::is_nfc_utf8(bytes.substr(0, bytes.size() - cut))) return true;
  return false;
}

// Is the buffer told, and not its length only?
bool is_told(const sys::Value& value, const Description* through) {
  const bool text = is_text(value.text, value.truncated);
  if (through == nullptr) return text;
  if (!text) through->is_binary = true;
  return !through->is_binary;
}

event::Value length_only(const sys::Value& value, event::Record& record) {
  const event::Field length = {"length", std::max<std::uint64_t>(value.length, value.text.size())};
  return record.keep_object({&length, 1});
}

// What a stat structure of /proc tells differs with what the host does at the moment.
bool is_state_of_file(std::string_view member) {
  for (const std::string_view name :
       {"st_size", "st_nlink", "st_blocks", "stx_size", "stx_nlink", "stx_blocks"})
    if (member == name) return true;
  return false;
}

}  // namespace

Values::Values(const Profile& profile, PortRange ephemeral,
               const std::set<std::string, std::less<>>& environment, Lineage& lineage,
               Names& names, std::function<bool(std::uint16_t)> is_bound)
    : profile_(profile),
      ephemeral_(ephemeral),
      environment_(environment),
      lineage_(lineage),
      names_(names),
      is_bound_(std::move(is_bound)) {}

void Values::begin() {
  fields_.clear();
  items_.clear();
}

event::Value Values::address(std::uint64_t address, Thread& thread, event::Record& record) {
  if (address == 0) return std::string_view("NULL");
  if (profile_.addresses == AddressTable::kRaw) return event::Word{address};
  if (address < kLeastAddress || address >= kAddressEnd) return event::Word{address};
  if (profile_.addresses == AddressTable::kModule) {
    scratch_.clear();
    if (thread.memory->describe(address, scratch_)) return formatted(record);
  }
  return record.keep(thread.line.name(Appearance::kAddress, address));
}

event::Value Values::word(const sys::Value& value, Thread& thread, event::Record& record) {
  const std::uint64_t number = value.number;
  // A field without a type may well hold an address: what epoll_ctl(2) keeps for its caller.
  if (value.size == 8 && number >= kLeastAddress && number < kAddressEnd) {
    scratch_.clear();
    if (profile_.addresses == AddressTable::kModule) {
      if (thread.memory->describe(number, scratch_)) return formatted(record);
    } else if (profile_.addresses != AddressTable::kRaw && number >= kLikelyAddress) {
      return address(number, thread, record);
    }
  }
  return event::Word{number};
}

event::Value Values::pid(std::int64_t pid, Thread& thread, event::Record& record) {
  if (!profile_.pids || pid == 0 || pid == -1) return pid;
  const std::string_view name =
      lineage_.pid_name(thread, static_cast<std::uint32_t>(pid < 0 ? -pid : pid));
  if (pid > 0) return record.keep(name);
  scratch_.assign(1, '-');
  scratch_ += name;
  return formatted(record);
}

event::Value Values::descriptor(std::int64_t number, Thread& thread, event::Record& record) {
  if (number == AT_FDCWD) return std::string_view("AT_FDCWD");
  if (!profile_.descriptors || number < 0) return number;
  if (const Description* behind = thread.descriptors->find(number))
    return record.keep(behind->token);
  scratch_ = fmt::format("fd:{}", number);
  return formatted(record);
}

event::Value Values::device(const sys::Value& value, Thread& thread, event::Record& record) {
  if (value.number == 0) return std::uint64_t{0};
  if (profile_.inodes) return record.keep(thread.line.name(Appearance::kDevice, value.number));
  scratch_ = fmt::format("{}:{}", gnu_dev_major(value.number), gnu_dev_minor(value.number));
  return formatted(record);
}

event::Value Values::path(std::string_view path, const Surroundings& around,
                          event::Record& record) {
  const std::string_view told = names_.path(path, *around.thread, around.directory);
  return event::Bytes{told.data() == path.data() ? told : record.keep(told)};
}

event::Value Values::text(std::string_view text, Thread& thread, event::Record& record) {
  const std::string_view told = names_.text(text, thread);
  return event::Bytes{told.data() == text.data() ? told : record.keep(told)};
}

event::Value Values::strings(std::string_view joined, Thread& thread, event::Record& record) {
  std::string told;
  while (!joined.empty()) {
    const std::size_t end = std::min(joined.find('\0'), joined.size());
    told.append(names_.text(joined.substr(0, end), thread)).append(1, '\0');
    joined.remove_prefix(std::min(joined.size(), end + 1));
  }
  return event::ByteList{record.keep(told)};
}

event::Value Values::variables(std::string_view joined, Thread& thread, event::Record& record) {
  std::vector<std::string_view> chosen;
  while (!joined.empty()) {
    const std::size_t end = std::min(joined.find('\0'), joined.size());
    const std::string_view variable = joined.substr(0, end);
    if (environment_.contains(variable.substr(0, variable.find('=')))) chosen.push_back(variable);
    joined.remove_prefix(std::min(joined.size(), end + 1));
  }
  std::sort(chosen.begin(), chosen.end());
  std::string told;
  for (const std::string_view variable : chosen) told.append(variable).append(1, '\0');
  return strings(told, thread, record);
}

// Bytes that were cut are told with how many there were.
event::Value Values::bytes(const sys::Value& value, std::string_view told,
                           event::Record& record) const {
  if (told.data() != value.text.data()) told = record.keep(told);
  if (!value.truncated) return event::Bytes{told};
  const event::Field cut[] = {{"head", event::Bytes{told}}, {"length", value.length}};
  return record.keep_object(cut);
}

event::Value Values::scalar(const sys::Value& value, const Surroundings& around,
                            event::Record& record) {
  const std::uint64_t number = value.number;
  Thread& thread = *around.thread;
  switch (value.leaf) {
    case Leaf::kMode:
      scratch_ = fmt::format("0{:o}", number);
      return formatted(record);
    case Leaf::kFd:
      return descriptor(value.signed_number(), thread, record);
    case Leaf::kPid:
      return pid(value.signed_number(), thread, record);
    case Leaf::kUser:
      // -1: leave as it is.
      if (static_cast<std::uint32_t>(number) == UINT32_MAX) return std::int64_t{-1};
      return number;
    case Leaf::kAddress:
      return address(number, thread, record);
    case Leaf::kWord:
      return word(value, thread, record);
    case Leaf::kClock:
      if (profile_.times) return kTime;
      return value.signed_number();
    case Leaf::kTimeout:
      if (profile_.times && number != 0 && value.signed_number() != -1) return kTimeout;
      return value.signed_number();
    case Leaf::kInode:
      // Not numbered by appearance: a deleted file's number soon is another file's.
      if (!profile_.inodes || number == 0) return number;
      return kInode;
    case Leaf::kDevice:
      return device(value, thread, record);
    case Leaf::kPort: {
      const auto port = static_cast<std::uint16_t>(number);
      if (profile_.ports && number == port && port >= ephemeral_.first && port <= ephemeral_.last &&
          !is_bound_(port))
        return std::string_view("ephemeral");
      return number;
    }
    case Leaf::kVolatile:
      if (profile_.state) return kVolatile;
      return number;
    case Leaf::kUnsigned:
      return number;
    default:
      return value.signed_number();
  }
}

std::string_view Values::data(const sys::Value& value, const Surroundings& around) {
  std::string_view told = value.text;
  if (profile_.times) told = replace_now(told, around.wall_ns, without_time_);
  return names_.data(told, *around.thread);
}

event::Value Values::tell(const sys::Value& value, const Surroundings& around,
                          event::Record& record) {
  if (value.unreadable) {
    const event::Field field = {"unreadable", address(value.number, *around.thread, record)};
    return record.keep_object({&field, 1});
  }
  switch (value.leaf) {
    case Leaf::kSymbolic:
    case Leaf::kSignal:
      return value.text;
    case Leaf::kPath:
      return bytes(value, names_.path(value.text, *around.thread, around.directory), record);
    case Leaf::kText:
      return bytes(value, names_.text(value.text, *around.thread), record);
    case Leaf::kData:
      if (profile_.state && around.read_from == Behind::kState) return kVolatile;
      if (profile_.random && around.read_from == Behind::kRandom) return kRandom;
      if (profile_.data && !is_told(value, around.through)) return length_only(value, record);
      return bytes(value, data(value, around), record);
    case Leaf::kRandom:
      if (profile_.random) return kRandom;
      if (value.text.data() == nullptr) return value.number;
      return bytes(value, value.text, record);
    case Leaf::kObject:
      return object(value, around, record);
    case Leaf::kList:
      return list(value, around, record);
    default:
      return scalar(value, around, record);
  }
}

event::Value Values::object(const sys::Value& value, const Surroundings& around,
                            event::Record& record) {
  if (profile_.times) {
    // Seconds and nanoseconds together are one time.
    if (all_of_leaf(value, Leaf::kClock)) return kTime;
    if (all_of_leaf(value, Leaf::kTimeout) && !all_zero(value)) return kTimeout;
  }
  const std::size_t first = fields_.size();
  for (const sys::Member& member : value.members) {
    event::Value told;
    if (around.status_of == Behind::kState && profile_.state && is_state_of_file(member.name))
      told = kVolatile;
    else
      told = tell(member.value, around, record);
    fields_.push_back({member.name, told});
  }
  const event::Object made =
      record.keep_object(std::span(fields_).subspan(first, fields_.size() - first));
  fields_.resize(first);
  return made;
}

event::Value Values::list(const sys::Value& value, const Surroundings& around,
                          event::Record& record) {
  const std::size_t first = items_.size();
  for (const sys::Value& item : value.items) items_.push_back({tell(item, around, record)});
  const event::List made =
      record.keep_list(std::span(items_).subspan(first, items_.size() - first));
  items_.resize(first);
  if (!value.truncated) return made;
  const event::Field cut[] = {{"head", made}, {"length", value.length}};
  return record.keep_object(cut);
}

event::Value Values::entries(const sys::Value& list, const Surroundings& around,
                             event::Record& record) {
  if (list.leaf != Leaf::kList || list.unreadable) return tell(list, around, record);
  if (profile_.state && around.read_from == Behind::kState) return kVolatile;
  if (!profile_.entries) return this->list(list, around, record);
  // By the name as it is told: a temporary one has a random place among the others.
  std::vector<std::pair<std::string_view, const sys::Value*>> sorted;
  sorted.reserve(list.items.size());
  for (const sys::Value& item : list.items) {
    std::string_view name;
    for (const sys::Member& member : item.members)
      if (member.value.leaf == Leaf::kPath)
        name = record.keep(names_.path(member.value.text, *around.thread, around.directory));
    sorted.emplace_back(name, &item);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& left, const auto& right) { return left.first < right.first; });
  std::vector<sys::Value> items;
  items.reserve(sorted.size());
  for (const auto& [name, item] : sorted) items.push_back(*item);
  sys::Value ordered = list;
  ordered.items = items;
  return this->list(ordered, around, record);
}

event::Value Values::environment(const sys::Value& list, const Surroundings& around,
                                 event::Record& record) {
  if (list.leaf != Leaf::kList || list.unreadable) return tell(list, around, record);
  std::vector<sys::Value> chosen;
  for (const sys::Value& item : list.items)
    if (environment_.contains(item.text.substr(0, item.text.find('=')))) chosen.push_back(item);
  std::stable_sort(
      chosen.begin(), chosen.end(),
      [](const sys::Value& left, const sys::Value& right) { return left.text < right.text; });
  sys::Value rest = list;
  rest.truncated = false;
  rest.items = chosen;
  return this->list(rest, around, record);
}

}  // namespace tc::trace
