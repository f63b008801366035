#include "sandbox/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <sstream>
#include <utility>

#include "base/file.h"
#include "sandbox/environment.h"
#include "sandbox/filesystem.h"
#include "sandbox/kernel_directories.h"
#include "sandbox/namespaces.h"
#include "sandbox/outcome_wire.h"
#include "sandbox/tree.h"

namespace tc::sandbox {
namespace {

using Work = std::function<Result<Outcome>(const Inside&)>;

using MeetInit = std::function<Result<void>(pid_t)>;

// What the keeper and tc say to each other: first the keeper asks for its user ids, unless it has
// no user namespace, and gets an errno; it may introduce process 1, by its number, and gets an
// errno; then it tells the outcome and ends.
constexpr char kAsksForIds = 'i';
constexpr char kIntroducesInit = 'p';
constexpr char kTellsOutcome = 'o';

constexpr std::array<int, 3> kEndingSignals = {SIGINT, SIGTERM, SIGHUP};

// Where substitutes stand when no file system of the run's own has room for them: made by the
// keeper, taken away by tc, which outlives it.
std::string last_resort_for_substitutes(pid_t tc) {
  return "/tmp/.tc-substitutes." + std::to_string(tc);
}

// --- in the keeper -----------------------------------------------------------------------------

// Ends with tc. To be asked for again after credentials have changed, which makes the kernel
// forget it.
void die_with_parent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(EXIT_FAILURE);
}

Result<void> ask_for_ids(int tc) {
  TC_CHECK(base::write_all(tc, std::string_view(&kAsksForIds, 1), "to tc"));
  int code = 0;
  if (read(tc, &code, sizeof(code)) != sizeof(code)) return Error("tc ended");
  if (code == 0) return {};
  return system_error(code, "map the user into a user namespace (--no-userns runs without one)");
}

// Nothing that was asked for by name is left out in silence.
Result<void> require_mounts(const Options& options, const Inside& inside) {
  const char* option = !options.root.empty()      ? "--root"
                       : !options.overlay.empty() ? "--overlay"
                       : options.discard          ? "--discard"
                       : !options.binds.empty()   ? "--bind"
                                                  : nullptr;
  if (option == nullptr || inside.has_mount_namespace) return {};
  for (const std::string& missing : inside.weaker)
    if (missing.starts_with("no mount namespace")) return error("{}: {}", option, missing);
  return error("{} needs a mount namespace", option);
}

Result<std::string> starting_directory(const Options& options) {
  std::error_code failure;
  const std::filesystem::path present = std::filesystem::current_path(failure);
  if (failure) return system_error(failure.value(), "find the present directory");
  if (options.directory.empty()) return options.root.empty() ? present.string() : "/";
  // A relative one is of the present directory, or of the other root.
  const std::filesystem::path from = options.root.empty() ? present : std::filesystem::path("/");
  std::string path = (from / options.directory).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

Result<void> enter_directory(const Options& options, const Inside& inside) {
  if (chdir(inside.directory.c_str()) == 0) return {};
  const bool hidden = options.temporary_files == TemporaryFiles::kFresh;
  return system_error(errno, "start in " + inside.directory +
                                 (hidden ? " (--tmp fresh hides what is in /tmp)" : ""));
}

struct MadeWorld {
  Inside inside;
  std::vector<WrittenDirectory> written;
  UniqueFd late_weaker;  // the other end of inside.late_weaker
};

Result<MadeWorld> make_world(const Options& options, int tc, pid_t parent) {
  MadeWorld world;
  Inside& inside = world.inside;
  inside.tc = tc;
  TC_TRY(inside.proc, base::open_file("/proc", O_RDONLY | O_DIRECTORY));
  TC_TRY(inside.directory, starting_directory(options));
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return system_error(errno, "make a pipe");
  world.late_weaker = UniqueFd(ends[0]);
  inside.late_weaker = UniqueFd(ends[1]);
  const auto map_ids = [&] { return ask_for_ids(tc); };
  const auto make_files = [&](bool privileged) -> Result<void> {
    TC_CHECK(require_mounts(options, inside));
    if (!inside.has_mount_namespace) return {};
    TC_TRY(world.written, make_filesystem(options, inside, privileged));
    return {};
  };
  // Who is root outside mounts as root outside: overlays then can do all that they can do, and
  // nothing that the guests, in a user namespace, undo.
  const bool privileged = options.mount_namespace && unshare(CLONE_NEWNS) == 0;
  inside.has_mount_namespace = privileged;
  if (privileged) TC_CHECK(make_files(true));
  TC_CHECK(enter_namespaces(options, inside, privileged, map_ids));
  die_with_parent(parent);
  if (!privileged) TC_CHECK(make_files(false));
  if (inside.has_mount_namespace) mount_message_queues(inside);
  if (const std::string path = last_resort_for_substitutes(parent);
      inside.substitutes.empty() && mkdir(path.c_str(), 0700) == 0)
    inside.substitutes = path;
  TC_CHECK(enter_directory(options, inside));
  return world;
}

void take_late_weaker(const MadeWorld& world, Outcome& outcome) {
  outcome.weaker.insert(outcome.weaker.end(), world.inside.weaker.begin(),
                        world.inside.weaker.end());
  std::array<char, 4096> bytes{};
  const ssize_t size = read(world.late_weaker.get(), bytes.data(), bytes.size());
  std::istringstream lines(
      std::string(bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0));
  for (std::string line; std::getline(lines, line);) outcome.weaker.push_back(line);
}

Result<void> tell_written(const MadeWorld& world, int file) {
  std::string text;
  for (const WrittenDirectory& written : world.written) {
    TC_TRY(const std::string tree, describe_tree(written.directory.get(), written.path));
    text += tree;
  }
  return base::write_all(file, text, "the list of written files");
}

Result<Outcome> keep(const Options& options, const Work& work, int tc, int written_files,
                     pid_t parent) {
  TC_TRY(const MadeWorld world, make_world(options, tc, parent));
  TC_TRY(Outcome outcome, work(world.inside));
  take_late_weaker(world, outcome);
  if (written_files >= 0) TC_CHECK(tell_written(world, written_files));
  return outcome;
}

[[noreturn]] void be_keeper(const Options& options, const Work& work, int tc, int written_files,
                            pid_t parent) {
  die_with_parent(parent);
  umask(022);
  const Result<Outcome> outcome = keep(options, work, tc, written_files, parent);
  const std::string told = kTellsOutcome + pack_outcome(outcome);
  std::fflush(nullptr);
  _exit(base::write_all(tc, told, "to tc") ? EXIT_SUCCESS : EXIT_FAILURE);
}

// --- in tc -------------------------------------------------------------------------------------

// SIGINT, SIGTERM and SIGHUP arrive at a descriptor as long as this lives; those that tc was
// started to ignore (nohup) stay ignored.
class EndingSignals {
 public:
  EndingSignals() {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int signal : kEndingSignals) {
      struct sigaction present {};
      sigaction(signal, nullptr, &present);
      if (present.sa_handler != SIG_IGN) sigaddset(&wanted, signal);
    }
    sigprocmask(SIG_BLOCK, &wanted, &former_);
    descriptor_ = UniqueFd(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  EndingSignals(const EndingSignals&) = delete;
  EndingSignals& operator=(const EndingSignals&) = delete;
  ~EndingSignals() { sigprocmask(SIG_SETMASK, &former_, nullptr); }

  int descriptor() const { return descriptor_.get(); }
  // 0 when there is none.
  int take() const {
    signalfd_siginfo info{};
    const ssize_t size = read(descriptor_.get(), &info, sizeof(info));
    return size == sizeof(info) ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  sigset_t former_{};
  UniqueFd descriptor_;
};

// Descendants whose parents have died become children of tc: so it can wait until all are gone.
class Subreaper {
 public:
  Subreaper() {
    prctl(PR_GET_CHILD_SUBREAPER, &former_);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  Subreaper(const Subreaper&) = delete;
  Subreaper& operator=(const Subreaper&) = delete;
  ~Subreaper() { prctl(PR_SET_CHILD_SUBREAPER, former_); }

 private:
  int former_ = 0;
};

// The keeper, seen from tc. Whatever happens, it is dead and buried when this is.
class Kept {
 public:
  Kept(pid_t pid, UniqueFd connection, MeetInit meet_init)
      : pid_(pid), connection_(std::move(connection)), meet_init_(std::move(meet_init)) {
    pidfd_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  ~Kept() { bury(); }

  Result<Outcome> await(const Options& options, const EndingSignals& signals);

 private:
  // Kills it, and with it every guest; they are children of tc then.
  void bury();
  // False when the keeper says nothing more.
  bool hear(const UserInside& user);
  // The errno that a request is answered with; nothing when it is none.
  std::optional<int> fulfil(std::string_view request, const UserInside& user) const;
  Result<Outcome> heard() const;

  pid_t pid_;
  UniqueFd connection_;
  MeetInit meet_init_;
  UniqueFd pidfd_;
  std::string told_;
};

// What was not traced yet, or not any more, outlives the tracer: it is tc's child now.
void kill_children() {
  const Result<std::string> children = base::read_file("/proc/thread-self/children");
  if (!children) return;
  std::istringstream pids(*children);
  for (pid_t pid = 0; pids >> pid;) kill(pid, SIGKILL);
}

void Kept::bury() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
  // The tracer's death kills its tracees, and that of process 1 its pid namespace.
  do kill_children();
  while (waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR);
}

bool Kept::hear(const UserInside& user) {
  std::array<char, 4096> bytes{};
  const ssize_t size = recv(connection_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size < 0) return errno == EINTR;
  if (size == 0) return false;
  const std::string_view text(bytes.data(), static_cast<std::size_t>(size));
  // Whoever asks says no more until it is answered.
  const std::optional<int> code = told_.empty() ? fulfil(text, user) : std::nullopt;
  if (!code) {
    told_ += text;
    return true;
  }
  [[maybe_unused]] const ssize_t sent =
      send(connection_.get(), &*code, sizeof(*code), MSG_NOSIGNAL);
  return true;
}

std::optional<int> Kept::fulfil(std::string_view request, const UserInside& user) const {
  const auto errno_of = [](const Result<void>& done) {
    if (done) return 0;
    return done.error().code() == 0 ? EPERM : done.error().code();
  };
  if (request.front() == kAsksForIds) return errno_of(write_id_maps(pid_, user));
  pid_t init = 0;
  if (request.front() != kIntroducesInit || request.size() != 1 + sizeof(init)) return std::nullopt;
  std::memcpy(&init, request.data() + 1, sizeof(init));
  return errno_of(meet_init_(init));
}

Result<Outcome> Kept::heard() const {
  if (told_.empty() || told_.front() != kTellsOutcome)
    return Error("the keeper of the sandbox was killed");
  return unpack_outcome(std::string_view(told_).substr(1));
}

Result<Outcome> Kept::await(const Options& options, const EndingSignals& signals) {
  TC_TRY(const UserInside user, parse_user_inside(options.user_map));
  std::array<pollfd, 3> events = {{{pidfd_.get(), POLLIN, 0},
                                   {connection_.get(), POLLIN, 0},
                                   {signals.descriptor(), POLLIN, 0}}};
  while (true) {
    if (poll(events.data(), events.size(), -1) < 0 && errno != EINTR)
      return system_error(errno, "wait for the sandbox");
    if (const int signal = signals.take(); signal != 0) {
      Outcome outcome;
      outcome.kind = Outcome::Kind::kInterrupted;
      constexpr int kSignalBase = 128;
      outcome.status = kSignalBase + signal;
      return outcome;
    }
    // Its death is looked at before what it has said, all of which then is there.
    const bool dead = (events[0].revents & POLLIN) != 0;
    if ((events[1].revents & (POLLIN | POLLHUP)) != 0 && !hear(user)) events[1].fd = -1;
    if (!dead) continue;
    while (hear(user)) continue;
    return heard();
  }
}

}  // namespace

Result<void> finish_world(const Options&, const Inside& inside) {
  if (inside.has_pid_namespace && inside.has_mount_namespace &&
      mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    const std::string line =
        system_error(errno, "mount /proc").text() + ": /proc shows the host's processes\n";
    [[maybe_unused]] const ssize_t told = write(inside.late_weaker.get(), line.data(), line.size());
  }
  if (chdir(inside.directory.c_str()) != 0)
    return system_error(errno, "start in " + inside.directory);
  return {};
}

Result<void> introduce_init(const Inside& inside, pid_t init) {
  std::string request(1 + sizeof(init), kIntroducesInit);
  std::memcpy(request.data() + 1, &init, sizeof(init));
  TC_CHECK(base::write_all(inside.tc, request, "to tc"));
  int code = 0;
  if (read(inside.tc, &code, sizeof(code)) != sizeof(code)) return Error("tc ended");
  return code == 0 ? Result<void>() : system_error(code, "watch the calls of the sandbox");
}

Result<Outcome> run_kept(const Options& options, const Work& work, const MeetInit& meet_init) {
  UniqueFd claimed;
  if (!options.overlay.empty()) {
    TC_TRY(claimed, claim_overlay(options.overlay));
  }
  UniqueFd written_files;
  if (!options.written_files.empty()) {
    TC_TRY(written_files, base::open_file(options.written_files, O_WRONLY | O_CREAT | O_TRUNC));
  }
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return system_error(errno, "make a pair of sockets");
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const EndingSignals signals;
  const Subreaper subreaper;
  std::fflush(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return system_error(errno, "fork");
  if (pid == 0) {
    ours.reset();
    be_keeper(options, work, theirs.get(), written_files.get(), parent);
  }
  theirs.reset();
  Result<Outcome> outcome = Error("");
  {
    Kept kept(pid, std::move(ours), meet_init);
    outcome = kept.await(options, signals);
  }
  if (!options.overlay.empty()) tidy_overlay(options.overlay);
  std::error_code ignored;
  std::filesystem::remove_all(last_resort_for_substitutes(parent), ignored);
  return outcome;
}

}  // namespace tc::sandbox
