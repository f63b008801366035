#include "sandbox/verify.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <utility>

#include "base/file.h"
#include "sandbox/advice.h"
#include "sandbox/conditions.h"
#include "sandbox/difference.h"
#include "sandbox/mounts.h"
#include "sandbox/outcome_wire.h"
#include "sandbox/run.h"

namespace tc::sandbox {
namespace {

// What came of one run.
struct Yield {
  UniqueFd output;
  UniqueFd errors;
  UniqueFd files;
  UniqueFd log;
  Outcome outcome;
};

// A file without a name: the runs must not see each other's.
Result<UniqueFd> nameless_file(const char* what) {
  UniqueFd file(memfd_create(what, MFD_CLOEXEC));
  if (!file) return system_error(errno, std::string("make a file for ") + what);
  return file;
}

// A log can be larger than memory.
Result<UniqueFd> nameless_large_file(const char* what) {
  const char* place = std::getenv("TMPDIR");
  const std::string directory = place != nullptr && *place != '\0' ? place : "/tmp";
  UniqueFd file(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file) return file;
  return nameless_file(what);
}

Result<Yield> empty_yield() {
  Yield yield;
  TC_TRY(yield.output, nameless_file("stdout"));
  TC_TRY(yield.errors, nameless_file("stderr"));
  TC_TRY(yield.files, nameless_file("files"));
  TC_TRY(yield.log, nameless_large_file("log"));
  return yield;
}

Result<void> copy_rest(int from, int to, const char* what) {
  std::array<char, 65536> chunk;
  while (true) {
    const ssize_t got = read(from, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno, std::string("read ") + what);
    if (got == 0) return {};
    TC_CHECK(base::write_all(to, {chunk.data(), static_cast<std::size_t>(got)}, what));
  }
}

// Standard input as each run can have it from the beginning.
class Input {
 public:
  static Result<Input> take() {
    Input input;
    struct stat status {};
    if (isatty(STDIN_FILENO) != 0 || fstat(STDIN_FILENO, &status) != 0) return input;
    // What another descriptor can be had of, with a position of its own, need not be copied.
    if (S_ISREG(status.st_mode)) {
      input.position_ = lseek(STDIN_FILENO, 0, SEEK_CUR);
      input.file_ = UniqueFd(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
      if (input.open()) return input;
      lseek(STDIN_FILENO, input.position_, SEEK_SET);
    } else if (S_ISCHR(status.st_mode)) {
      return input;  // /dev/null, or what never ends
    }
    TC_TRY(input.file_, nameless_file("stdin"));
    input.position_ = 0;
    TC_CHECK(copy_rest(STDIN_FILENO, input.file_.get(), "standard input"));
    return input;
  }

  Result<UniqueFd> open() const {
    if (!file_) return base::open_file("/dev/null", O_RDONLY);
    TC_TRY(UniqueFd file, base::open_file(descriptor_path(file_.get()), O_RDONLY));
    if (lseek(file.get(), position_, SEEK_SET) < 0) return system_error(errno, "seek in stdin");
    return file;
  }

 private:
  UniqueFd file_;
  off_t position_ = 0;
};

[[noreturn]] void run_apart(Options options, unsigned run_number, const Yield& yield,
                            const UniqueFd& input, int tell, pid_t parent) {
  // Also when tc is killed; this one then ends its own run.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(EXIT_FAILURE);
  options.discard = true;
  options.overlay.clear();
  options.log = descriptor_path(yield.log.get());
  options.written_files = descriptor_path(yield.files.get());
  if (run_number > 0) change_inheritance(run_number, options);
  dup2(input.get(), STDIN_FILENO);
  dup2(yield.output.get(), STDOUT_FILENO);
  dup2(yield.errors.get(), STDERR_FILENO);
  const Result<Outcome> outcome = run(options);
  std::fflush(nullptr);
  _exit(base::write_all(tell, pack_outcome(outcome), "to tc") ? EXIT_SUCCESS : EXIT_FAILURE);
}

Result<std::string> read_to_end(int fd) {
  std::string text;
  std::array<char, 4096> chunk;
  while (true) {
    const ssize_t got = read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno, "read from a run");
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

// In a process of its own, so that what it inherits can be changed.
Result<Yield> run_once(const Options& options, unsigned run_number, const Input& input) {
  TC_TRY(Yield yield, empty_yield());
  TC_TRY(const UniqueFd own_input, input.open());
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_error(errno, "make a pipe");
  const UniqueFd hear(ends[0]);
  UniqueFd tell(ends[1]);
  std::fflush(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return system_error(errno, "fork");
  if (pid == 0) run_apart(options, run_number, yield, own_input, tell.get(), parent);
  tell.reset();
  const Result<std::string> told = read_to_end(hear.get());
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  if (!told) return told.error();
  TC_TRY(yield.outcome, unpack_outcome(*told));
  if (yield.outcome.kind == Outcome::Kind::kInterrupted) return Error("interrupted", EINTR);
  if (yield.outcome.kind == Outcome::Kind::kNoCommand) return Error(yield.outcome.report);
  return yield;
}

std::uint64_t size_of(const UniqueFd& file) {
  struct stat status {};
  return fstat(file.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

// Lines that do not begin with `but`, if it is not empty.
Result<std::uint64_t> count_lines(const UniqueFd& file, std::string_view but) {
  TC_TRY(const std::string text, base::read_file(descriptor_path(file.get())));
  std::uint64_t count = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (but.empty() || !line.starts_with(but)) ++count;
  return count;
}

std::string ending_of(const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::kDeadlock:
      return "deadlock";
    case Outcome::Kind::kTimeout:
      return "timeout";
    default:
      return "exit status " + std::to_string(outcome.status);
  }
}

// Compares a run with the first, and tells the differences.
class YieldComparison {
 public:
  YieldComparison(const Options& options, const Yield& first, const Yield& other, unsigned number)
      : options_(options), first_(first), other_(other), number_(number) {}

  // Nothing when they are equal.
  Result<std::vector<std::string>> lines();

 private:
  Result<void> compare(const char* part, const UniqueFd& first, const UniqueFd& other);
  void show(const std::string& what, const std::string& first, const std::string& other);

  const Options& options_;
  const Yield& first_;
  const Yield& other_;
  unsigned number_;
  std::vector<std::string> parts_;
  std::vector<std::string> shown_;
  std::optional<Difference> in_log_;
};

Result<std::vector<std::string>> YieldComparison::lines() {
  const std::string ending = ending_of(first_.outcome);
  if (ending != ending_of(other_.outcome)) {
    parts_.emplace_back("status");
    show("how it ended", ending, ending_of(other_.outcome));
  }
  TC_CHECK(compare("log", first_.log, other_.log));
  TC_CHECK(compare("stdout", first_.output, other_.output));
  TC_CHECK(compare("stderr", first_.errors, other_.errors));
  TC_CHECK(compare("files", first_.files, other_.files));
  if (parts_.empty()) return std::vector<std::string>();
  std::string list;
  for (const std::string& part : parts_) list += (list.empty() ? "" : ", ") + part;
  std::vector<std::string> lines = {
      fmt::format("not the same: run {} differs from run 1 in {}", number_, list)};
  lines.insert(lines.end(), shown_.begin(), shown_.end());
  std::string call;
  std::string event;
  if (in_log_) {
    event = in_log_->first.value_or("") + in_log_->second.value_or("");
    const std::string& line = in_log_->first ? *in_log_->first : *in_log_->second;
    const nlohmann::json record = nlohmann::json::parse(line, nullptr, false);
    if (record.is_object() && record.contains("call") && record["call"].is_string())
      call = record["call"].get<std::string>();
  }
  for (const std::string& advice : advise(options_, call, event, other_.outcome.weaker))
    lines.push_back(advice);
  return lines;
}

Result<void> YieldComparison::compare(const char* part, const UniqueFd& first,
                                      const UniqueFd& other) {
  TC_TRY(const std::optional<Difference> difference, first_difference(first.get(), other.get()));
  if (!difference) return {};
  parts_.emplace_back(part);
  const bool is_log = std::string_view(part) == "log";
  if (is_log) in_log_ = difference;
  const std::string what =
      is_log ? fmt::format("the first event that differs is line {} of the log", difference->line)
             : fmt::format("{}, line {}", part, difference->line);
  show(what, difference->first.value_or("(has ended)"), difference->second.value_or("(has ended)"));
  return {};
}

void YieldComparison::show(const std::string& what, const std::string& first,
                           const std::string& other) {
  shown_.push_back(what + ":");
  shown_.push_back("  run 1: " + first);
  shown_.push_back(fmt::format("  run {}: {}", number_, other));
}

Result<std::vector<std::string>> summary(const Yield& yield, unsigned runs) {
  TC_TRY(const std::uint64_t files, count_lines(yield.files, "directory "));
  TC_TRY(const std::uint64_t records, count_lines(yield.log, ""));
  constexpr std::uint64_t kFrame = 2;  // stream_start and stream_end
  const std::uint64_t events = records - std::min(records, kFrame);
  return std::vector<std::string>{fmt::format(
      "verified: {} runs equal ({}, {} bytes of stdout, {} of stderr, {} files, {} events)", runs,
      ending_of(yield.outcome), size_of(yield.output), size_of(yield.errors), files, events)};
}

Result<void> keep_log(const Yield& yield, const std::string& path) {
  TC_TRY(const UniqueFd file, base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC));
  TC_TRY(const UniqueFd log, base::open_file(descriptor_path(yield.log.get()), O_RDONLY));
  return copy_rest(log.get(), file.get(), "the log");
}

}  // namespace

Result<Verdict> verify(const Options& options, unsigned runs) {
  TC_ASSERT(runs >= 2);
  TC_TRY(const Input input, Input::take());
  const std::int64_t started = present_second();
  TC_TRY(const Yield first, run_once(options, 0, input));
  if (!options.log.empty()) TC_CHECK(keep_log(first, options.log));
  std::vector<std::string> not_promised = first.outcome.weaker;
  not_promised.insert(not_promised.end(), first.outcome.notes.begin(), first.outcome.notes.end());
  wait_for_another_second(started);
  const BusyLoops load;
  for (unsigned number = 1; number < runs; ++number) {
    constexpr unsigned kNumbersARun = 13;
    use_up_process_numbers(kNumbersARun * number);
    TC_TRY(const Yield other, run_once(options, number, input));
    TC_TRY(std::vector<std::string> differences,
           YieldComparison(options, first, other, number + 1).lines());
    if (!differences.empty())
      return Verdict{
          .equal = false, .lines = std::move(differences), .not_promised = std::move(not_promised)};
  }
  TC_TRY(std::vector<std::string> lines, summary(first, runs));
  return Verdict{.equal = true, .lines = std::move(lines), .not_promised = std::move(not_promised)};
}

}  // namespace tc::sandbox
