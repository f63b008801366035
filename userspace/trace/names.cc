#include "trace/names.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/number.h"

namespace tc::trace {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_alphanumeric(char c) { return is_digit(c) || is_lower(c) || is_upper(c); }
bool is_word(char c) { return is_alphanumeric(c) || c == '_'; }

template <class Predicate>
std::string_view tail(std::string_view text, Predicate&& belongs) {
  std::size_t begin = text.size();
  while (begin > 0 && belongs(text[begin - 1])) --begin;
  return text.substr(begin);
}

std::size_t class_changes(std::string_view run) {
  const auto class_of = [](char c) { return is_digit(c) ? 0 : is_lower(c) ? 1 : 2; };
  std::size_t changes = 0;
  for (std::size_t i = 1; i < run.size(); ++i)
    changes += class_of(run[i]) != class_of(run[i - 1]) ? 1U : 0U;
  return changes;
}

bool is_temporary_directory(std::string_view path) {
  for (const std::string_view prefix : {"/tmp/", "/var/tmp/", "/dev/shm/", "/run/"})
    if (path.starts_with(prefix)) return true;
  return false;
}

// A name that a library made up leaves at least this much to chance.
constexpr std::size_t kLeast = 6;
// Python's tempfile: eight of a-z, 0-9 and "_" behind a prefix, "tmp" unless the program says else.
constexpr std::size_t kPython = 8;
constexpr std::size_t kPythonPrefix = 3;
constexpr std::string_view kSqlite = "etilqs_";

// How much of the name is random must follow from what is not: its length and what precedes it,
// never from the letters that chance has put there.
std::string_view random_tail(std::string_view stem, const Creation& creation) {
  const std::string_view run = tail(stem, is_alphanumeric);
  const std::string_view words = tail(stem, is_word);
  const bool no_follow = (creation.flags & O_NOFOLLOW) != 0;
  const bool temporary = is_temporary_directory(creation.path);
  if (creation.mode == (creation.directory ? 0700U : 0600U)) {
    const bool maybe_python =
        no_follow || (creation.directory && (temporary || creation.random_before));
    if (maybe_python && words.size() >= kPython) {
      if (stem.starts_with(kSqlite)) return stem.substr(kSqlite.size());
      const bool set_off = words.size() < stem.size();
      return set_off || words.size() < kPythonPrefix + kPython
                 ? words
                 : words.substr(words.size() - kPython);
    }
    // mktemp(1), compilers.
    if (temporary && run.size() >= kPython) return run;
  }
  if (creation.random_before && run.size() >= kLeast) return run;
  if (run.size() >= kLeast && class_changes(run) >= 3) return run;
  return {};
}

}  // namespace

std::string absolute_path(std::string_view directory, std::string_view path) {
  if (path.empty()) return {};
  std::string out;
  if (path.front() != '/') {
    if (!directory.starts_with('/')) return {};
    if (directory.size() > 1) out = directory;
  }
  std::size_t at = 0;
  while (at < path.size()) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, slash - at);
    if (part == "..")
      out.resize(out.empty() ? 0 : out.rfind('/'));
    else if (!part.empty() && part != ".")
      out.append(1, '/').append(part);
    at = slash + 1;
  }
  return out.empty() ? "/" : out;
}

std::string_view random_part(const Creation& creation) {
  std::string_view stem = creation.path.substr(creation.path.rfind('/') + 1);
  // Behind the random part there may be suffixes: "ccX1tG7z.s", "ccX1tG7z.cdtor.o".
  for (int suffixes = 0; suffixes <= 2; ++suffixes) {
    const std::string_view found = random_tail(stem, creation);
    if (!found.empty()) return found;
    const std::size_t dot = stem.rfind('.');
    if (dot == std::string_view::npos || dot == 0 || stem.size() - dot > kLeast) return {};
    stem = stem.substr(0, dot);
  }
  return {};
}

void Names::set_origin(std::string_view directory) {
  // Every absolute path begins with "/": nothing would be told by it.
  if (directory.size() > 1) origin_ = directory;
}

void Names::learn(std::string_view random, Thread& thread) {
  if (!enabled_ || random.size() < kLeast || random.size() >= lengths_.size()) return;
  const auto [row, added] = temporary_.try_emplace(std::string(random));
  if (!added) return;
  row->second = thread.line.next(Appearance::kTemporary);
  lengths_.set(random.size());
  beginnings_.set(static_cast<std::uint8_t>(random[0]) |
                  static_cast<std::size_t>(static_cast<std::uint8_t>(random[1])) << 8U);
}

std::string_view Names::temporary_at(std::string_view text, std::size_t at,
                                     std::size_t& length) const {
  if (at + kLeast > text.size()) return {};
  const std::size_t begin = static_cast<std::uint8_t>(text[at]) |
                            static_cast<std::size_t>(static_cast<std::uint8_t>(text[at + 1])) << 8U;
  if (!beginnings_.test(begin)) return {};
  for (length = lengths_.size() - 1; length >= kLeast; --length) {
    if (!lengths_.test(length) || at + length > text.size()) continue;
    const auto found = temporary_.find(std::string(text.substr(at, length)));
    if (found != temporary_.end()) return found->second;
  }
  return {};
}

bool Names::pid_at(std::string_view text, std::size_t at, std::size_t length, Thread& thread) {
  // Shorter numbers are versions and counters far more often; longer ones are no pids; and what
  // stands within a long hexadecimal number is a digest.
  if (length < 3 || length > 7 || text[at] == '0') return false;
  const auto is_hexadecimal = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); };
  std::size_t around = length + tail(text.substr(0, at), is_hexadecimal).size();
  for (std::size_t i = at + length; i < text.size() && is_hexadecimal(text[i]); ++i) ++around;
  if (around >= 16) return false;
  const auto number = base::parse_unsigned<std::uint32_t>(text.substr(at, length));
  if (!number) return false;
  const auto owner = lineage_.thread_of(thread, *number);
  if (owner && lineage_.descends(thread, *owner)) {
    pid_ = fmt::format("$PID({})", lineage_.name(*owner));
    pids_.insert_or_assign(*number, pid_);
    return true;
  }
  const auto known = pids_.find(*number);
  if (known == pids_.end()) return false;
  pid_ = known->second;
  return true;
}

void Names::replace_until(std::string_view text, Progress& progress, std::size_t end,
                          std::string_view by) {
  out_.append(text.substr(progress.copied, progress.at - progress.copied)).append(by);
  progress.copied = progress.at = end;
}

// /proc/PID and /proc/PID/task/TID: here a number is a pid, whoever's.
bool Names::process_directory(std::string_view path, std::size_t at, Thread& thread,
                              Progress& progress) {
  const std::size_t end = std::min(path.find('/', at), path.size());
  const auto number = base::parse_unsigned<std::uint32_t>(path.substr(at, end - at));
  if (!number) return false;
  progress.at = at;
  replace_until(path, progress, end, lineage_.pid_name(thread, *number));
  return true;
}

std::string_view Names::replace(std::string_view text, Thread* thread, Progress progress) {
  const bool any_temporary = !temporary_.empty();
  while (progress.at < text.size()) {
    const std::size_t at = progress.at;
    std::size_t length = 0;
    if (any_temporary) {
      if (const std::string_view by = temporary_at(text, at, length); !by.empty()) {
        replace_until(text, progress, at + length, by);
        continue;
      }
    }
    // A number is looked at as a whole, from its first digit.
    if (thread != nullptr && is_digit(text[at]) && (at == 0 || !is_digit(text[at - 1]))) {
      for (length = 1; at + length < text.size() && is_digit(text[at + length]);) ++length;
      if (pid_at(text, at, length, *thread)) {
        replace_until(text, progress, at + length, pid_);
        continue;
      }
    }
    ++progress.at;
  }
  if (progress.copied == 0) return text;
  return out_.append(text.substr(progress.copied));
}

std::string_view Names::path(std::string_view path, Thread& thread, std::string_view directory) {
  if (!enabled_) return path;
  out_.clear();
  Progress progress;
  constexpr std::string_view kProcesses = "/proc/";
  constexpr std::string_view kThreads = "/task/";
  const bool in_processes = path.starts_with(kProcesses);
  if (in_processes || (directory == "/proc" && !path.starts_with('/'))) {
    const std::size_t at = in_processes ? kProcesses.size() : 0;
    if (process_directory(path, at, thread, progress) &&
        path.substr(progress.at).starts_with(kThreads))
      process_directory(path, progress.at + kThreads.size(), thread, progress);
  } else if (!origin_.empty() && path.starts_with(origin_) &&
             (path.size() == origin_.size() || path[origin_.size()] == '/')) {
    replace_until(path, progress, origin_.size(), "$CWD");
  } else if (path.ends_with(']')) {
    // What readlink(2) tells of a descriptor without a path, or of a namespace: "pipe:[4711]".
    const std::size_t begin = path.find(":[");
    const auto inode = begin == std::string_view::npos
                           ? std::nullopt
                           : base::parse_unsigned(path.substr(begin + 2, path.size() - begin - 3));
    if (inode && path.find('/') == std::string_view::npos)
      return out_ = fmt::format("{}:[{}]", path.substr(0, begin),
                                thread.line.name(Appearance::kInode, *inode));
  }
  return replace(path, &thread, progress);
}

std::string_view Names::text(std::string_view text, Thread& thread) {
  if (!enabled_) return text;
  out_.clear();
  return replace(text, text.find('/') == std::string_view::npos ? nullptr : &thread, {});
}

std::string_view Names::data(std::string_view data, Thread& thread) {
  if (!enabled_) return data;
  out_.clear();
  return replace(data, &thread, {});
}

}  // namespace tc::trace
