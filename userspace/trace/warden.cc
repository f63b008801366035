#include "trace/warden.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <set>
#include <utility>

#include "base/launch.h"
#include "proc/tree.h"

namespace tc::trace {

// What the warden says.
struct Warden::Report {
  enum class Kind : std::int32_t {
    kHeld,      // value: pid of the command
    kNotHeld,   // errno of fork
    kReleased,  // errno of execve, or 0
    kEnded,     // wait status of the command
    kGone,      // no process of the tree is left
  };
  Kind kind;
  std::int32_t value;
};

namespace {

// What tc says.
constexpr char kRelease = 'r';
constexpr char kKill = 'k';

// Between two looks for processes that a kill has missed because they were just born.
constexpr int kKillPeriodMs = 10;
constexpr int kKillNice = -10;

// Whole messages or the end of the other side; a write never raises SIGPIPE.
Result<std::array<UniqueFd, 2>> make_channel() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return system_error(errno, "make a socket pair");
  return std::array<UniqueFd, 2>{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// False when the other side is gone.
template <class Message>
bool say(const UniqueFd& channel, const Message& message) {
  return ::send(channel.get(), &message, sizeof(message), MSG_NOSIGNAL) == sizeof(message);
}

template <class Message>
std::optional<Message> listen_to(const UniqueFd& channel) {
  Message message{};
  ssize_t got = 0;
  do got = recv(channel.get(), &message, sizeof(message), 0);
  while (got < 0 && errno == EINTR);
  if (got != sizeof(message)) return std::nullopt;
  return message;
}

// The process itself. Lives until tc has ended or let go.
template <class Report>
class WardenProcess {
 public:
  WardenProcess(UniqueFd channel, bool keep_alive)
      : channel_(std::move(channel)), keep_alive_(keep_alive) {}

  void run(const std::string& program, const std::vector<std::string>& command) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "tc-warden");
    // Forks before anything is changed that the command would inherit.
    Result<base::LaunchedCommand> held = base::LaunchedCommand::hold(program, command);
    if (!held) return tell(Report::Kind::kNotHeld, held.error().code());
    prepare();
    command_pid_ = held->pid();
    tell(Report::Kind::kHeld, command_pid_);
    if (listen_to<char>(channel_) != kRelease) return;
    const Result<void> released = held->release();
    tell(Report::Kind::kReleased, released ? 0 : released.error().code());
    let_go_of_files();
    watch();
    // What `held` owns was closed with the rest.
    _exit(0);
  }

 private:
  void prepare() {
    for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, nullptr);
    children_ = UniqueFd(signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  void tell(typename Report::Kind kind, int value) const { say(channel_, Report{kind, value}); }

  // Whoever reads the other end of the command's streams must not wait for the warden's copies.
  void let_go_of_files() const {
    const UniqueFd nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
      if (nothing) dup2(nothing.get(), stream);
    std::array<int, 2> kept = {channel_.get(), children_.get()};
    std::sort(kept.begin(), kept.end());
    unsigned first = STDERR_FILENO + 1;
    for (const int fd : kept) {
      const auto number = static_cast<unsigned>(fd);
      if (number > first) syscall(SYS_close_range, first, number - 1, 0);
      first = number + 1;
    }
    syscall(SYS_close_range, first, ~0U, 0);
  }

  void watch() {
    reap();
    while (true) {
      std::array<pollfd, 2> sources = {pollfd{channel_.get(), POLLIN, 0},
                                       pollfd{children_.get(), POLLIN, 0}};
      if (poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR) return;
      if (sources[1].revents != 0) reap();
      if (sources[0].revents == 0) continue;
      const std::optional<char> order = listen_to<char>(channel_);
      if (order == kKill || (!order && !keep_alive_)) kill_tree();
      if (!order) return;
    }
  }

  void reap() {
    signalfd_siginfo info{};
    while (::read(children_.get(), &info, sizeof(info)) == sizeof(info)) {
    }
    while (!gone_) {
      int status = 0;
      const pid_t pid = waitpid(-1, &status, WNOHANG);
      if (pid == 0) return;
      if (pid < 0) {
        if (errno == EINTR) continue;
        gone_ = true;
        tell(Report::Kind::kGone, 0);
      }
      if (pid == command_pid_) tell(Report::Kind::kEnded, status);
    }
  }

  // Orphans come to the warden, so that all of the tree stays below it, and nothing is left when
  // it has no child.
  void kill_tree() {
    setpriority(PRIO_PROCESS, 0, kKillNice);
    while (!gone_) {
      kill_descendants();
      pollfd children{children_.get(), POLLIN, 0};
      poll(&children, 1, kKillPeriodMs);
      reap();
    }
  }

  static void kill_descendants() {
    const Result<std::vector<proc::ProcessLink>> links = proc::process_links();
    if (!links) return;
    std::set<std::uint32_t> tree = {static_cast<std::uint32_t>(getpid())};
    bool grown = true;
    while (grown) {
      grown = false;
      for (const proc::ProcessLink& link : *links) {
        if (!tree.contains(link.parent) || !tree.insert(link.pid).second) continue;
        kill(static_cast<pid_t>(link.pid), SIGKILL);
        grown = true;
      }
    }
  }

  UniqueFd channel_;
  UniqueFd children_;
  const bool keep_alive_;
  pid_t command_pid_ = -1;
  bool gone_ = false;
};

}  // namespace

Warden::Warden(pid_t pid, UniqueFd channel, std::string name)
    : pid_(pid), channel_(std::move(channel)), name_(std::move(name)) {}

Warden::Warden(Warden&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      command_pid_(other.command_pid_),
      command_(std::move(other.command_)),
      channel_(std::move(other.channel_)),
      name_(std::move(other.name_)),
      wait_status_(other.wait_status_),
      gone_(other.gone_),
      lost_(other.lost_) {}

Warden::~Warden() {
  if (pid_ < 0) return;
  channel_.reset();
  waitpid(pid_, nullptr, 0);
}

Result<Warden> Warden::launch(const std::string& program, const std::vector<std::string>& command,
                              bool keep_alive) {
  TC_TRY(auto channel, make_channel());
  const pid_t pid = fork();
  if (pid < 0) return system_error(errno, "fork for " + command.front());
  if (pid == 0) {
    channel[0].reset();
    WardenProcess<Report>(std::move(channel[1]), keep_alive).run(program, command);
    _exit(0);
  }
  Warden warden(pid, std::move(channel[0]), command.front());
  channel[1].reset();
  const std::optional<Report> held = warden.next_report();
  if (!held) return error("launch {}: its warden was killed", command.front());
  if (held->kind != Report::Kind::kHeld)
    return system_error(held->value, "fork for " + command.front());
  warden.command_pid_ = held->value;
  warden.command_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, held->value, 0)));
  if (!warden.command_) return system_error(errno, "open a pidfd of " + command.front());
  return warden;
}

std::optional<Warden::Report> Warden::next_report() {
  const std::optional<Report> report = listen_to<Report>(channel_);
  if (!report) lost_ = true;
  return report;
}

Result<void> Warden::release() {
  say(channel_, kRelease);
  const std::optional<Report> released = next_report();
  if (!released) return error("execute {}: its warden was killed", name_);
  if (released->value == 0) return {};
  return system_error(released->value, "execute " + name_);
}

void Warden::send(int signal) const {
  syscall(SYS_pidfd_send_signal, command_.get(), signal, nullptr, 0);
}

void Warden::kill_tree() const { say(channel_, kKill); }

void Warden::hear() {
  pollfd waiting{channel_.get(), POLLIN, 0};
  while (!lost_ && !gone_ && poll(&waiting, 1, 0) == 1) {
    const std::optional<Report> report = next_report();
    if (!report) return;
    if (report->kind == Report::Kind::kEnded) wait_status_ = report->value;
    if (report->kind == Report::Kind::kGone) gone_ = true;
  }
}

}  // namespace tc::trace
