#include "kernel/sandbox_run.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>

#include "kernel/trace_run.h"

namespace tc::test {
namespace {

namespace fs = std::filesystem;

// Two processes that never rest, while this lives.
class BusyLoops {
 public:
  BusyLoops() : first_(loop()), second_(loop()) {}

 private:
  static std::vector<std::string> loop() { return {"sh", "-c", "while :; do :; done"}; }
  Process first_;
  Process second_;
};

std::string describe(const fs::directory_entry& entry) {
  struct stat status {};
  if (lstat(entry.path().c_str(), &status) != 0) return "gone";
  std::string text = fmt::format("mode {:o} links {}", status.st_mode,
                                 S_ISDIR(status.st_mode) ? 0 : status.st_nlink);
  if (S_ISLNK(status.st_mode)) return text + " -> " + fs::read_symlink(entry.path()).string();
  if (S_ISREG(status.st_mode))
    return text + fmt::format(" {} bytes\n", status.st_size) + read_bytes(entry.path().string());
  return text;
}

int number_from(const char* name, int usual) {
  const char* text = std::getenv(name);
  return text == nullptr ? usual : std::max(std::atoi(text), 1);
}

std::string shortened(const std::string& text) {
  constexpr std::size_t kEnough = 600;
  return text.size() <= kEnough ? text : text.substr(0, kEnough) + "…";
}

// What differs first between two runs; empty when they are the same.
std::string difference(const SandboxRun& first, const SandboxRun& other) {
  if (first.status != other.status)
    return fmt::format("exit status {}, then {}\nstandard error, then: {}", first.status,
                       other.status, shortened(other.error));
  if (first.output != other.output)
    return "standard output, " + shortened(first_difference(first.output, other.output));
  if (first.error != other.error)
    return "standard error, " + shortened(first_difference(first.error, other.error));
  for (const auto& [path, content] : first.tree) {
    const auto found = other.tree.find(path);
    if (found == other.tree.end()) return "file " + path + " is missing";
    if (found->second != content)
      return "file " + path + ", " + shortened(first_difference(content, found->second));
  }
  for (const auto& [path, content] : other.tree)
    if (!first.tree.contains(path)) return "file " + path + " is new";
  if (first.log != other.log) return "log, " + shortened(first_difference(first.log, other.log));
  return {};
}

testing::AssertionResult as_expected(const SandboxCase& what, const SandboxRun& run) {
  if (run.status != what.status)
    return testing::AssertionFailure()
           << what.name << ": exit status " << run.status << ", not " << what.status
           << "\nstandard output: " << shortened(run.output)
           << "\nstandard error: " << shortened(run.error);
  if (what.output && run.output != *what.output)
    return testing::AssertionFailure()
           << what.name << ": standard output, " << first_difference(*what.output, run.output);
  if (run.log.empty()) return testing::AssertionFailure() << what.name << ": the log is empty";
  return testing::AssertionSuccess();
}

}  // namespace

Workplace::Workplace() : path_("/var/tmp/tc-sandbox-test-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr || chmod(path_.c_str(), 0777) != 0)
    throw std::runtime_error("make " + path_);
  renew();
}

Workplace::~Workplace() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void Workplace::renew() const {
  fs::remove_all(directory());
  fs::create_directory(directory());
  chmod(directory().c_str(), 0777);
}

FileTree read_tree(const std::string& directory) {
  FileTree tree;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory))
    tree[fs::relative(entry.path(), directory).string()] = describe(entry);
  return tree;
}

std::vector<std::string> sandbox_command(const std::vector<std::string>& options,
                                         const std::vector<std::string>& command) {
  std::vector<std::string> argv = {TC_PROGRAM, "sandbox"};
  argv.insert(argv.end(), options.begin(), options.end());
  argv.emplace_back("--");
  argv.insert(argv.end(), command.begin(), command.end());
  return argv;
}

SandboxRun run_case(const SandboxCase& what, const Workplace& place, int serial) {
  place.renew();
  if (!what.preparation.empty()) {
    const Ended prepared =
        run(Command{.argv = {"sh", "-ec", what.preparation}, .directory = place.directory()});
    if (prepared.status != 0) throw std::runtime_error("prepare " + what.name + prepared.error);
  }
  const std::string log = place / "log";
  fs::remove(log);
  std::vector<std::string> options = {"--log", log};
  options.insert(options.end(), what.options.begin(), what.options.end());
  // Another environment each time, of another size, and other process numbers.
  for (int i = 0; i < serial % 5; ++i) run({"true"});
  const std::string noise(static_cast<std::size_t>(serial % 7) * 100, 'x');
  const Ended ended = run(Command{.argv = sandbox_command(options, what.command),
                                  .environment = {"NOISE=" + noise, "TZ=Asia/Tokyo"},
                                  .directory = place.directory()},
                          kSandboxPatience);
  return {ended.status, ended.output, ended.error, read_bytes(log), read_tree(place.directory())};
}

Repetitions sandbox_repetitions() {
  if (std::getenv("TC_STRESS") != nullptr) return {.idle = 20, .beside_load = 20};
  return {.idle = number_from("TC_SANDBOX_RUNS", 3), .beside_load = 0};
}

testing::AssertionResult runs_are_same(const SandboxCase& what) {
  const Workplace place;
  const Repetitions times = sandbox_repetitions();
  const SandboxRun first = run_case(what, place, 0);
  if (auto result = as_expected(what, first); !result) return result;
  std::unique_ptr<BusyLoops> load;
  for (int serial = 1; serial < times.idle + times.beside_load; ++serial) {
    if (serial == times.idle) load = std::make_unique<BusyLoops>();
    const std::string differs = difference(first, run_case(what, place, serial));
    if (!differs.empty())
      return testing::AssertionFailure()
             << what.name << ": run " << serial + 1 << (load ? " (beside two busy loops)" : "")
             << " is not like the first: " << differs;
  }
  return testing::AssertionSuccess();
}

std::vector<pid_t> processes_with(const std::string& text) {
  std::vector<pid_t> pids;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0 || pid == getpid()) continue;
    if (read_bytes(entry.path().string() + "/cmdline").find(text) != std::string::npos)
      pids.push_back(pid);
  }
  return pids;
}

testing::AssertionResult no_process_with(const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::vector<pid_t> left;
  // A process that was killed is gone soon, but there is no event for those that are not ours.
  while (!(left = processes_with(text)).empty()) {
    if (std::chrono::steady_clock::now() > deadline)
      return testing::AssertionFailure() << "process " << left.front() << " still runs " << text;
    std::this_thread::yield();
  }
  return testing::AssertionSuccess();
}

}  // namespace tc::test
