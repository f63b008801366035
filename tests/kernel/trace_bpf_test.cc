// The eBPF engine against the live kernel: what it tells of programs whose every step is known.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <utility>

#include "base/file.h"
#include "kernel/kernel_test.h"
#include "proc/maps.h"
#include "trace/engine.h"

namespace tc::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Keeps what is told, with its memory.
class Told final : public guest::Listener {
 public:
  struct Call {
    guest::Task task;
    std::uint64_t number;
    std::array<std::uint64_t, 6> arguments;
    std::optional<std::int64_t> result;
    sys::Abi abi;
    std::vector<std::pair<sys::Piece, std::string>> pieces;
  };
  struct End {
    guest::Task task;
    std::optional<std::uint64_t> call;
    bool last;
    int wait_status;
  };
  struct Program {
    std::string path;
    std::string resolved;
    std::size_t argv;
    std::size_t environment;
    std::uint64_t missing;
    std::uint32_t tid;
    std::uint32_t former_tid;
    std::set<std::string> files;
  };

  std::vector<Call> calls;
  std::vector<End> ends;
  std::vector<Program> programs;
  std::vector<guest::Created> births;
  std::vector<guest::Signalled> signals;
  std::vector<std::uint32_t> places;
  std::uint64_t missed = 0;
  // Tasks told of before they were created, or after they had ended.
  int strays = 0;

  void on(const guest::Called& event) override {
    check(event.task);
    Call call{event.task,        event.call.number, event.call.arguments,
              event.call.result, event.call.abi,    {}};
    for (const sys::Piece& piece : event.call.pieces)
      call.pieces.emplace_back(piece, std::string(piece.bytes));
    calls.push_back(std::move(call));
  }
  void on(const guest::Created& event) override {
    check(event.creator);
    alive_.insert(event.child.tid);
    births.push_back(event);
  }
  void on(const guest::Started& event) override {
    // Whichever thread called, it is the leader now.
    check({.pid = event.task.pid, .tid = event.former_tid});
    alive_.erase(event.former_tid);
    alive_.insert(event.task.tid);
    Program program{std::string(event.path), std::string(event.resolved),
                    event.argv.size(),       event.environment.size(),
                    event.missing,           event.task.tid,
                    event.former_tid,        {}};
    for (const guest::Mapping& mapping : event.mappings) program.files.emplace(mapping.path);
    programs.push_back(std::move(program));
  }
  void on(const guest::Signalled& event) override {
    check(event.task);
    signals.push_back(event);
  }
  void on(const guest::Ended& event) override {
    check(event.task);
    alive_.erase(event.task.tid);
    ends.push_back({event.task, event.call ? std::optional(event.call->number) : std::nullopt,
                    event.last, event.wait_status});
  }
  void on(const guest::Reached& event) override { places.push_back(event.place); }
  void on(const guest::Missed& event) override { missed += event.count; }

  void meet(guest::Task task) { alive_.insert(task.tid); }

  std::vector<const Call*> of(std::uint64_t number) const {
    std::vector<const Call*> found;
    for (const Call& call : calls)
      if (call.number == number && call.abi == sys::Abi::kX86_64) found.push_back(&call);
    return found;
  }
  const End& end_of(std::uint32_t tid) const {
    return *std::ranges::find(ends, tid, [](const End& end) { return end.task.tid; });
  }

 private:
  void check(guest::Task task) { strays += alive_.contains(task.tid) ? 0 : 1; }

  std::set<std::uint32_t> alive_;
};

// Both ends are inherited by commands.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_.data()), 0); }
  ~Pipe() {
    close(ends_[0]);
    close_writing();
  }
  int reading() const { return ends_[0]; }
  int writing() const { return ends_[1]; }
  void close_writing() {
    if (ends_[1] >= 0) close(std::exchange(ends_[1], -1));
  }
  void await_byte() const {
    char byte = 0;
    ASSERT_EQ(::read(ends_[0], &byte, 1), 1);
  }

 private:
  std::array<int, 2> ends_{};
};

// Until /proc says that the process is blocked in a call: "NUMBER ARGUMENT…".
void await_call(std::uint32_t pid, const std::string& call) {
  while (true) {
    const Result<std::string> text = base::read_file(fmt::format("/proc/{}/syscall", pid));
    if (!text || text->starts_with(call)) return;
    std::this_thread::yield();
  }
}

// A function of this test as a program: the engine's command is this very executable, told by the
// environment which guest to be.
constexpr const char* kGuestVariable = "TC_TEST_GUEST";

class TraceBpf : public KernelTest {
 protected:
  static trace::EngineOptions options(const std::string& script) {
    trace::EngineOptions options;
    options.command = {"/bin/sh", "-c", script};
    return options;
  }
  static trace::EngineOptions guest_options(const std::string& guest) {
    trace::EngineOptions options;
    options.command = {"/usr/bin/env", fmt::format("{}={}", kGuestVariable, guest),
                       "/proc/self/exe"};
    options.command.back() = own_program();
    return options;
  }
  static std::string own_program() {
    std::array<char, 4096> path{};
    const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
    return std::string(path.data(), static_cast<std::size_t>(length));
  }

  // Runs to the end; `during` in a thread of its own.
  template <class During>
  void trace(const trace::EngineOptions& wanted, During&& during) {
    auto engine = trace::make_bpf_engine(wanted);
    ASSERT_TRUE(engine) << engine.error().text();
    const auto tasks = (*engine)->prepare();
    ASSERT_TRUE(tasks) << tasks.error().text();
    for (const guest::Task& task : *tasks) told_.meet(task);
    root_ = tasks->front().pid;
    std::thread other([&] { during(**engine); });
    const Result<trace::EngineOutcome> outcome = (*engine)->run(told_);
    other.join();
    launch_failed_ = (*engine)->launch_failed();
    if (outcome) wait_status_ = outcome->wait_status;
    if (!outcome) failure_ = outcome.error().code();
  }
  void trace(const trace::EngineOptions& wanted) {
    trace(wanted, [](trace::Engine&) {});
    EXPECT_EQ(told_.missed, 0);
    EXPECT_EQ(told_.strays, 0);
  }

  Told told_;
  std::uint32_t root_ = 0;
  std::optional<int> wait_status_;
  int failure_ = 0;
  bool launch_failed_ = false;
};

// Where code of this program lies in its file.
std::uint64_t file_offset(std::uint64_t address) {
  const Result<std::string> text = base::read_file("/proc/self/maps");
  const auto mappings = proc::parse_maps(*text, "maps");
  for (const proc::Mapping& mapping : *mappings)
    if (mapping.contains(address)) return address - mapping.start + mapping.offset;
  return 0;
}

// --- guests --------------------------------------------------------------------------------------

void* call_a_little(void* argument) {
  for (int i = 0; i < 20; ++i) syscall(SYS_gettid);
  return argument;
}
void* read_for_ever(void* argument) {
  char byte = 0;
  [[maybe_unused]] const ssize_t got = ::read(*static_cast<int*>(argument), &byte, 1);
  return argument;
}
void* execute_true(void* argument) {
  // Not before the other threads are in their calls: what becomes of those is the point.
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    const std::string name = entry.path().filename();
    if (name == std::to_string(gettid())) continue;
    const std::uint64_t call = name == std::to_string(getpid()) ? SYS_pause : SYS_read;
    await_call(static_cast<std::uint32_t>(std::stoul(name)), fmt::format("{} ", call));
  }
  execl("/bin/true", "true", nullptr);
  return argument;
}
void on_signal(int) { syscall(SYS_getuid); }

void guest_threads() {
  std::array<pthread_t, 200> threads{};
  for (pthread_t& thread : threads) pthread_create(&thread, nullptr, call_a_little, nullptr);
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
}
void guest_forks() {
  for (int i = 0; i < 2000; ++i) {
    if (fork() == 0) {
      syscall(SYS_getuid);
      _exit(i % 100);
    }
    if (i % 16 == 15)
      while (waitpid(-1, nullptr, WNOHANG) > 0) {
      }
  }
  while (wait(nullptr) > 0) {
  }
}
void guest_loop() {
  for (int i = 0; i < 1'000'000; ++i) syscall(SYS_getppid);
}
void guest_signals() {
  signal(SIGUSR1, on_signal);
  signal(SIGUSR2, SIG_IGN);
  raise(SIGUSR1);
  raise(SIGUSR2);
  raise(SIGCHLD);
  *reinterpret_cast<volatile int*>(16) = 1;
}
void guest_exec_from_thread() {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) _exit(1);
  pthread_t thread{};
  pthread_create(&thread, nullptr, read_for_ever, ends.data());
  pthread_create(&thread, nullptr, execute_true, nullptr);
  pause();
}
void guest_bad_memory() {
  // A page that nothing follows: a string that runs into its end.
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  auto* memory = static_cast<char*>(
      mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  munmap(memory + page, page);
  std::fill(memory, memory + page, 'x');
  syscall(SYS_open, memory + page - 5, O_RDONLY);
  syscall(SYS_open, 1, O_RDONLY);
  syscall(SYS_open, nullptr, O_RDONLY);
  // One byte more than a path may have, and one more than is kept.
  std::string longest(4096, 'y');
  syscall(SYS_open, longest.c_str(), O_RDONLY);
  longest += 'y';
  syscall(SYS_open, longest.c_str(), O_RDONLY);
}
void guest_big_arguments() {
  std::vector<std::string> strings;
  for (int i = 0; i < 20; ++i) strings.emplace_back(100'000, static_cast<char>('a' + i));
  std::vector<char*> argv;
  std::vector<char*> environment;
  for (int i = 0; i < 10; ++i) argv.push_back(strings[static_cast<std::size_t>(i)].data());
  for (int i = 10; i < 20; ++i) environment.push_back(strings[static_cast<std::size_t>(i)].data());
  argv.push_back(nullptr);
  environment.push_back(nullptr);
  execve("/bin/true", argv.data(), environment.data());
}
void guest_vectors() {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) _exit(1);
  std::string first = "one ";
  std::string second = "two";
  const std::array<iovec, 2> from = {iovec{first.data(), first.size()},
                                     iovec{second.data(), second.size()}};
  syscall(SYS_writev, ends[1], from.data(), from.size());
  std::string into(5, '-');
  std::string rest(9, '-');
  const std::array<iovec, 2> to = {iovec{into.data(), into.size()}, iovec{rest.data(), 9}};
  syscall(SYS_readv, ends[0], to.data(), to.size());
}
void guest_foreign() {
  long result = 0;
  asm volatile("int $0x80" : "=a"(result) : "a"(20));  // getpid of i386
  syscall(9999);
}

// Becomes the guest that the environment names, before main() of this program.
__attribute__((constructor)) void become_guest() {
  static const std::map<std::string, void (*)()> kGuests = {{"threads", guest_threads},
                                                            {"forks", guest_forks},
                                                            {"loop", guest_loop},
                                                            {"signals", guest_signals},
                                                            {"exec", guest_exec_from_thread},
                                                            {"memory", guest_bad_memory},
                                                            {"arguments", guest_big_arguments},
                                                            {"vectors", guest_vectors},
                                                            {"foreign", guest_foreign}};
  const char* name = getenv(kGuestVariable);
  if (name == nullptr) return;
  kGuests.at(name)();
  _exit(0);
}

// --- tests ---------------------------------------------------------------------------------------

TEST_F(TraceBpf, BeginsWithTheProgramAndEndsWithItsExit) {
  trace(options("exit 7"));
  ASSERT_FALSE(told_.programs.empty());
  EXPECT_EQ(told_.programs.front().path, "/bin/sh");
  EXPECT_EQ(told_.programs.front().argv, sizeof("/bin/sh\0-c\0exit 7"));
  EXPECT_TRUE(told_.programs.front().files.contains(told_.programs.front().resolved));
  EXPECT_EQ(told_.calls.front().number, SYS_brk);
  ASSERT_EQ(told_.ends.size(), 1);
  EXPECT_EQ(told_.ends.front().call, SYS_exit_group);
  EXPECT_TRUE(told_.ends.front().last);
  EXPECT_EQ(WEXITSTATUS(told_.ends.front().wait_status), 7);
  EXPECT_EQ(wait_status_, told_.ends.front().wait_status);
}

TEST_F(TraceBpf, TellsAFailedLaunchAndNothingElse) {
  trace::EngineOptions wanted;
  wanted.command = {"/no/such/program"};
  trace(wanted);
  EXPECT_TRUE(launch_failed_);
  EXPECT_EQ(failure_, ENOENT);
  EXPECT_THAT(told_.calls, IsEmpty());
  EXPECT_THAT(told_.ends, IsEmpty());
}

TEST_F(TraceBpf, LosesNothingOfTwoThousandShortProcesses) {
  trace(guest_options("forks"));
  EXPECT_EQ(told_.births.size(), 2000);
  EXPECT_EQ(std::ranges::count_if(told_.ends, &Told::End::last), 2001);
  EXPECT_EQ(told_.of(SYS_getuid).size(), 2000);
  std::multiset<int> statuses;
  for (const Told::End& end : told_.ends)
    if (end.task.tid != root_) statuses.insert(WEXITSTATUS(end.wait_status));
  for (int status = 0; status < 100; ++status) EXPECT_EQ(statuses.count(status), 20) << status;
}

TEST_F(TraceBpf, LosesNothingOfTwoHundredThreads) {
  trace(guest_options("threads"));
  EXPECT_EQ(told_.births.size(), 200);
  EXPECT_EQ(told_.ends.size(), 201);
  EXPECT_EQ(std::ranges::count_if(told_.ends, &Told::End::last), 1);
  EXPECT_EQ(told_.of(SYS_gettid).size(), 4000);
}

TEST_F(TraceBpf, LosesNothingOfAMillionCalls) {
  trace::EngineOptions wanted = guest_options("loop");
  wanted.calls = *sys::CallSelection::parse("getppid");
  trace(wanted);
  EXPECT_EQ(told_.of(SYS_getppid).size(), 1'000'000);
}

TEST_F(TraceBpf, TellsSignalsThatActAndNoOthers) {
  trace(guest_options("signals"));
  ASSERT_EQ(told_.signals.size(), 2);
  EXPECT_EQ(told_.signals[0].signal, static_cast<std::uint32_t>(SIGUSR1));
  EXPECT_EQ(told_.signals[0].code, SI_TKILL);
  EXPECT_EQ(told_.signals[0].sender_pid, root_);
  EXPECT_EQ(told_.signals[1].signal, static_cast<std::uint32_t>(SIGSEGV));
  EXPECT_EQ(told_.signals[1].fault_address, 16);
  EXPECT_EQ(told_.of(SYS_getuid).size(), 1);
  EXPECT_EQ(told_.of(SYS_rt_sigreturn).size(), 1);
  EXPECT_EQ(WTERMSIG(wait_status_.value_or(0)), SIGSEGV);
  EXPECT_EQ(told_.ends.front().call, std::nullopt);
}

TEST_F(TraceBpf, FollowsAnExecFromAThread) {
  trace(guest_options("exec"));
  ASSERT_EQ(told_.births.size(), 2);
  const guest::Task reader = told_.births[0].child;
  const guest::Task executor = told_.births[1].child;
  const Told::Program& program = told_.programs.back();
  EXPECT_EQ(program.path, "/bin/true");
  EXPECT_EQ(program.former_tid, executor.tid);
  EXPECT_EQ(program.tid, root_);
  EXPECT_EQ(told_.end_of(reader.tid).call, SYS_read);
  EXPECT_EQ(told_.end_of(root_).call, SYS_pause);
  EXPECT_FALSE(told_.end_of(root_).last);
  EXPECT_TRUE(told_.ends.back().last);
  EXPECT_EQ(told_.ends.back().task.tid, root_);
}

TEST_F(TraceBpf, TellsTheCallThatAKillCutShort) {
  Pipe pipe;
  trace(options(fmt::format("read line <&{}", pipe.reading())), [&](trace::Engine& engine) {
    await_call(root_, fmt::format("{} 0x0 ", SYS_read));
    engine.stop();
  });
  EXPECT_EQ(told_.missed, 0);
  ASSERT_EQ(told_.ends.size(), 1);
  EXPECT_EQ(told_.ends.front().call, SYS_read);
  EXPECT_EQ(WTERMSIG(wait_status_.value_or(0)), SIGKILL);
  EXPECT_THAT(told_.signals, IsEmpty());
}

TEST_F(TraceBpf, MarksMemoryThatCannotBeRead) {
  trace::EngineOptions wanted = guest_options("memory");
  wanted.calls = *sys::CallSelection::parse("open");
  trace(wanted);
  const auto opens = told_.of(SYS_open);
  ASSERT_EQ(opens.size(), 5);
  ASSERT_EQ(opens[0]->pieces.size(), 1);
  EXPECT_EQ(opens[0]->result, -EFAULT);
  EXPECT_TRUE(opens[0]->pieces[0].first.fault);
  ASSERT_EQ(opens[1]->pieces.size(), 1);
  EXPECT_TRUE(opens[1]->pieces[0].first.fault);
  EXPECT_THAT(opens[2]->pieces, IsEmpty());
  EXPECT_EQ(opens[3]->pieces[0].second, std::string(4096, 'y'));
  EXPECT_FALSE(opens[3]->pieces[0].first.truncated);
  EXPECT_EQ(opens[4]->pieces[0].second, std::string(4096, 'y'));
  EXPECT_TRUE(opens[4]->pieces[0].first.truncated);
}

TEST_F(TraceBpf, BringsTwoMegabytesOfArgumentsThrough) {
  trace(guest_options("arguments"));
  const Told::Program& program = told_.programs.back();
  EXPECT_EQ(program.path, "/bin/true");
  EXPECT_EQ(program.argv, 10 * 100'001);
  EXPECT_EQ(program.environment, 10 * 100'001);
  EXPECT_EQ(program.missing, 0);
}

TEST_F(TraceBpf, GathersWhatVectorsPointTo) {
  trace::EngineOptions wanted = guest_options("vectors");
  wanted.calls = *sys::CallSelection::parse("readv,writev");
  wanted.data_max = 6;
  trace(wanted);
  ASSERT_EQ(told_.calls.size(), 2);
  const Told::Call& write = told_.calls[0];
  ASSERT_EQ(write.pieces.size(), 2);
  EXPECT_EQ(write.pieces[0].second.size(), 2 * sizeof(iovec));
  EXPECT_EQ(write.pieces[1].second, "one tw");
  EXPECT_TRUE(write.pieces[1].first.truncated);
  const Told::Call& read = told_.calls[1];
  ASSERT_EQ(read.pieces.size(), 2);
  EXPECT_EQ(read.result, 7);
  EXPECT_EQ(read.pieces[1].second, "one tw");
  EXPECT_TRUE(read.pieces[1].first.truncated);
}

TEST_F(TraceBpf, TellsForeignAndUnknownCalls) {
  trace(guest_options("foreign"));
  const auto foreign = std::ranges::find(told_.calls, sys::Abi::kI386, &Told::Call::abi);
  ASSERT_NE(foreign, told_.calls.end());
  EXPECT_EQ(foreign->number, 20);
  EXPECT_EQ(foreign->result, root_);
  ASSERT_EQ(told_.of(9999).size(), 1);
  EXPECT_EQ(told_.of(9999).front()->result, -ENOSYS);
}

TEST_F(TraceBpf, TellsASelectionOnly) {
  trace::EngineOptions wanted = options("cat /etc/hostname | cat > /dev/null");
  wanted.calls = *sys::CallSelection::parse("openat");
  trace(wanted);
  EXPECT_FALSE(told_.calls.empty());
  for (const Told::Call& call : told_.calls) EXPECT_EQ(call.number, SYS_openat);
}

TEST_F(TraceBpf, KillsTheTreeWhenStopped) {
  Pipe pipe;
  trace(options(fmt::format("(setsid sh -c 'echo >&{0}; exec sleep 1000' &); exec sleep 1000",
                            pipe.writing())),
        [&](trace::Engine& engine) {
          pipe.await_byte();
          engine.stop();
        });
  EXPECT_EQ(told_.missed, 0);
  EXPECT_EQ(told_.strays, 0);
  EXPECT_EQ(WTERMSIG(wait_status_.value_or(0)), SIGKILL);
  // Each that was born has ended, and the root.
  EXPECT_EQ(told_.ends.size(), told_.births.size() + 1);
  pipe.close_writing();
  char byte = 0;
  EXPECT_EQ(::read(pipe.reading(), &byte, 1), 0) << "something of the tree still lives";
}

TEST_F(TraceBpf, PassesASignalToTheCommand) {
  Pipe pipe;
  trace(options(fmt::format("trap 'exit 9' TERM; read line <&{}", pipe.reading())),
        [&](trace::Engine& engine) {
          await_call(root_, fmt::format("{} 0x0 ", SYS_read));
          engine.send(SIGTERM);
        });
  EXPECT_EQ(told_.missed, 0);
  EXPECT_EQ(WEXITSTATUS(wait_status_.value_or(0)), 9);
  ASSERT_EQ(told_.signals.size(), 1);
  EXPECT_EQ(told_.signals.front().signal, static_cast<std::uint32_t>(SIGTERM));
}

TEST_F(TraceBpf, AttachesToAllThreadsAndLeavesThemRunning) {
  Pipe ready;
  Pipe go;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    go.close_writing();
    int end = go.reading();
    pthread_t thread{};
    pthread_create(&thread, nullptr, read_for_ever, &end);
    [[maybe_unused]] const ssize_t told = ::write(ready.writing(), "r", 1);
    pthread_join(thread, nullptr);
    syscall(SYS_getuid);
    _exit(3);
  }
  ready.await_byte();
  trace::EngineOptions wanted;
  wanted.pids = {static_cast<std::uint32_t>(child)};
  {
    auto engine = trace::make_bpf_engine(wanted);
    ASSERT_TRUE(engine);
    const auto tasks = (*engine)->prepare();
    ASSERT_TRUE(tasks) << tasks.error().text();
    EXPECT_EQ(tasks->size(), 2);
    EXPECT_EQ(tasks->front().tid, static_cast<std::uint32_t>(child));
    (*engine)->stop();
    EXPECT_TRUE((*engine)->run(told_));
    EXPECT_THAT(told_.ends, IsEmpty());
  }
  trace(wanted, [&](trace::Engine&) { go.close_writing(); });
  EXPECT_EQ(told_.missed, 0);
  EXPECT_EQ(told_.of(SYS_getuid).size(), 1);
  EXPECT_EQ(std::ranges::count_if(told_.ends, &Told::End::last), 1);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

TEST_F(TraceBpf, TellsWhenAPlaceIsReached) {
  trace::EngineOptions wanted = guest_options("signals");
  const auto address = reinterpret_cast<std::uint64_t>(&on_signal);
  wanted.places = {{.file = own_program(), .file_offset = file_offset(address)}};
  trace(wanted);
  EXPECT_THAT(told_.places, ElementsAre(0U));
}

}  // namespace
}  // namespace tc::test
