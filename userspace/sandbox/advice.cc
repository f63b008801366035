#include "sandbox/advice.h"

#include <algorithm>
#include <string_view>

namespace tc::sandbox {
namespace {

// A source that an option opens.
struct Source {
  bool (*is_open)(const Options&);
  // Where it shows: calls by name, and a part of the event; empty: in any.
  std::vector<std::string_view> calls;
  std::string_view within;
  std::string_view advice;
};

const std::vector<Source>& sources() {
  static const std::vector<Source> kSources = {
      {[](const Options& options) { return options.aslr; },
       {"mmap", "mremap", "brk", "shmat", "execve", "execveat"},
       "",
       "addresses are random with --aslr: leave it out"},
      {[](const Options& options) { return options.settings.real_proc; },
       {"open", "openat", "openat2", "read", "pread64", "readlink", "readlinkat", "getdents64"},
       "/proc",
       "/proc and /sys are the host's with --real-proc: leave it out"},
      {[](const Options& options) { return options.settings.real_proc; },
       {"open", "openat", "openat2", "read", "pread64", "readlink", "readlinkat", "getdents64"},
       "/sys",
       "/proc and /sys are the host's with --real-proc: leave it out"},
      {[](const Options& options) { return options.network == Network::kHost; },
       {"socket", "bind", "connect", "accept", "accept4", "recvfrom", "recvmsg", "recvmmsg", "read",
        "poll", "ppoll", "select", "epoll_wait", "epoll_pwait", "getsockname"},
       "",
       "the network is the host's with --network host: say loopback or none"},
      {[](const Options& options) { return !options.pid_namespace; },
       {"getpid", "gettid", "getppid", "fork", "vfork", "clone", "clone3", "wait4", "waitid",
        "kill", "tgkill", "set_tid_address"},
       "",
       "process numbers are the host's with --no-pidns: leave it out"},
      {[](const Options& options) {
         return options.settings.file_times == determinism::FileTimes::kKeep;
       },
       {"stat", "lstat", "fstat", "newfstatat", "statx"},
       "",
       "times of files are the host's with --mtime keep: leave it out"},
      {[](const Options& options) { return options.base_environment == BaseEnvironment::kHost; },
       {"execve", "execveat"},
       "",
       "the environment is the host's with --base-env host: say minimal, and --env what is needed"},
      {[](const Options& options) { return options.temporary_files == TemporaryFiles::kHost; },
       {"open", "openat", "openat2", "stat", "lstat", "newfstatat", "statx", "getdents64",
        "access"},
       "/tmp",
       "/tmp is the host's with --tmp host: leave it out"},
      {[](const Options& options) { return !options.mount_namespace; },
       {"open", "openat", "openat2", "stat", "newfstatat", "statx", "getdents64", "access"},
       "",
       "files of the kernel are the host's with --no-mountns: leave it out"},
  };
  return kSources;
}

bool shows(const Source& source, const std::string& call, const std::string& event) {
  return std::find(source.calls.begin(), source.calls.end(), call) != source.calls.end() &&
         event.find(source.within) != std::string::npos;
}

}  // namespace

std::vector<std::string> advise(const Options& options, const std::string& call,
                                const std::string& event, const std::vector<std::string>& weaker) {
  std::vector<std::string> advice;
  const auto add = [&](std::string_view text) {
    if (std::find(advice.begin(), advice.end(), text) == advice.end()) advice.emplace_back(text);
  };
  for (const bool likely : {true, false})
    for (const Source& source : sources())
      if (source.is_open(options) && shows(source, call, event) == likely) add(source.advice);
  for (const std::string& missing : weaker)
    if (missing.find("(--") == std::string::npos)  // not by the user's wish, named above
      add("this host could not give: " + missing);
  return advice;
}

}  // namespace tc::sandbox
