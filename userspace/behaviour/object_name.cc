#include "behaviour/object_name.h"

#include <algorithm>
#include <array>

#include "behaviour/thread_name.h"

namespace tc::behaviour {
namespace {

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

bool starts_with_any(std::string_view text, const auto& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}
bool contains_any(std::string_view text, const auto& parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) {
    return text.find(part) != std::string_view::npos;
  });
}

// The length of a number as the log gives to things: "3", or "2.1.3" by a thread that is not the
// first of its process.
std::size_t ordinal_size(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && is_digit(text[size])) {
    ++size;
    if (size + 1 < text.size() && text[size] == '.' && is_digit(text[size + 1])) ++size;
  }
  return size;
}

// "tmp#3" → "tmp#N" and so on, wherever it stands.
void drop_ordinals(std::string& text) {
  static constexpr std::array<std::string_view, 5> kNumbered = {"tmp", "inode", "dev", "addr",
                                                                "anon"};
  for (std::size_t at = text.find('#'); at != std::string::npos; at = text.find('#', at + 1)) {
    const std::string_view before = std::string_view(text).substr(0, at);
    if (std::none_of(kNumbered.begin(), kNumbered.end(),
                     [&](std::string_view word) { return before.ends_with(word); }))
      continue;
    const std::size_t size = ordinal_size(std::string_view(text).substr(at + 1));
    if (size > 0) text.replace(at + 1, size, "N");
  }
}

// "$PID(p1.2)" → "$PID".
void drop_pids(std::string& text) {
  static constexpr std::string_view kMark = "$PID(";
  for (std::size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1)) {
    const std::size_t end = text.find(')', at);
    if (end == std::string::npos) return;
    text.erase(at + kMark.size() - 1, end + 1 - (at + kMark.size() - 1));
  }
}

void name_process(std::string& text, std::string_view process) {
  static constexpr std::string_view kProc = "/proc/";
  if (!text.starts_with(kProc)) return;
  const std::size_t begin = kProc.size();
  const std::size_t end = std::min(text.find('/', begin), text.size());
  const std::string_view whose = std::string_view(text).substr(begin, end - begin);
  if (!is_thread_name(whose) && !std::all_of(whose.begin(), whose.end(), is_digit)) return;
  if (whose.empty()) return;
  const bool own = process_of(whose) == process;
  text.replace(begin, end - begin, own ? "self" : "PID");
}

constexpr std::array<std::string_view, 8> kLibraryPlaces = {
    "/lib/",       "/lib64/",     "/lib32/",         "/usr/lib/",
    "/usr/lib64/", "/usr/lib32/", "/usr/local/lib/", "/usr/libexec/"};

/* clang-format off */
constexpr std::array<std::string_view, 28> kRuntime = {
    "/etc/ld.so.", "/usr/lib/locale/", "/usr/share/locale/", "/usr/share/locale-langpack/",
    "/usr/share/i18n/", "/etc/locale.alias", "/usr/share/zoneinfo/", "/etc/localtime",
    "/etc/nsswitch.conf", "/etc/host.conf", "/etc/resolv.conf", "/etc/hosts", "/etc/gai.conf",
    "/etc/services", "/etc/protocols", "/etc/networks", "/run/nscd/", "/var/run/nscd/",
    "/dev/urandom", "/dev/random", "/sys/devices/system/cpu", "/proc/sys/vm/overcommit_memory",
    "/proc/self/maps", "/proc/cpuinfo", "/proc/meminfo", "/proc/filesystems",
    "/usr/share/terminfo/", "/lib/terminfo/"};

constexpr std::array<std::string_view, 22> kSecrets = {
    "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssl/private/", "/.ssh/", "/.aws/",
    "/.gnupg/", "/.kube/", "/.docker/config", "/.netrc", "/.npmrc", "/.pypirc",
    "/.git-credentials", "/.config/gcloud", "/.azure/", "/.bash_history", "/id_rsa", "/id_ed25519",
    "/dev/mem", "/dev/kmem", "/proc/kcore", "/proc/PID/"};

// Whoever writes here is run, or believed, by others later.
constexpr std::array<std::string_view, 14> kStartedFrom = {
    "/etc/", "/usr/", "/bin/", "/sbin/", "/lib", "/boot/", "/opt/", "/dev/", "/sys/", "/proc/",
    "/root/", "/var/spool/cron", "/var/lib/dpkg/", "/run/systemd/"};
constexpr std::array<std::string_view, 8> kStartedAtLogin = {
    "/.bashrc", "/.bash_profile", "/.profile", "/.zshrc", "/.ssh/", "/.config/autostart",
    "/.config/systemd", "/.gitconfig"};

// Programs that bring things in, or raise their rights.
constexpr std::array<std::string_view, 14> kTools = {
    "curl", "wget", "nc", "ncat", "netcat", "socat", "ssh", "scp", "rsync", "sudo", "su", "doas",
    "pkexec", "crontab"};
constexpr std::array<std::string_view, 9> kSystemPrograms = {
    "/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/lib/", "/lib/", "/usr/libexec/",
    "/usr/local/bin/", "/usr/local/sbin/"};
/* clang-format on */

// What comes with an interpreter; packages that were added to it are told.
bool is_interpreter_library(std::string_view path) {
  static constexpr std::array<std::string_view, 4> kPlaces = {
      "/usr/lib/python3", "/usr/local/lib/python3", "/usr/share/perl/", "/usr/share/perl-base/"};
  static constexpr std::array<std::string_view, 2> kAdded = {"/site-packages", "/dist-packages"};
  const bool perl = path.starts_with("/usr/lib/") && path.find("/perl") != std::string_view::npos;
  return (perl || starts_with_any(path, kPlaces)) && !contains_any(path, kAdded);
}

bool is_local(std::string_view object) {
  static constexpr std::array<std::string_view, 4> kLocal = {"inet 127.", "inet6 [::1]", "unix ",
                                                             "inet 0.0.0.0:"};
  return starts_with_any(object, kLocal);
}

Risk risk_of_program(std::string_view path) {
  const std::string name = program_name(path);
  if (std::find(kTools.begin(), kTools.end(), name) != kTools.end()) return Risk::kHigh;
  return starts_with_any(path, kSystemPrograms) ? Risk::kMedium : Risk::kHigh;
}

bool is_change(Kind kind) {
  return kind >= Kind::kFileWrite && kind <= Kind::kRemoveDirectory && kind != Kind::kFileTimes;
}

Risk risk_of_change(Kind kind, std::string_view object) {
  // "MODE PATH", "USER:GROUP PATH"
  if (kind == Kind::kFileMode || kind == Kind::kFileOwner) {
    const std::string_view mode = object.substr(0, object.find(' '));
    const bool gives_rights =
        kind == Kind::kFileMode && mode.size() >= 5 && mode[1] >= '2' && mode[1] <= '7';
    if (gives_rights) return Risk::kHigh;
    object.remove_prefix(std::min(object.size(), mode.size() + 1));
  }
  if (starts_with_any(object, kStartedFrom) || contains_any(object, kStartedAtLogin))
    return Risk::kHigh;
  static constexpr std::array<std::string_view, 3> kOwn = {"/tmp/", "/var/tmp/", "$CWD"};
  return starts_with_any(object, kOwn) && kind != Kind::kFileMode ? Risk::kLow : Risk::kMedium;
}

}  // namespace

std::string object_name(std::string_view logged, std::string_view process) {
  std::string text(logged);
  drop_ordinals(text);
  drop_pids(text);
  name_process(text, process);
  if (text.starts_with("outside#")) text = "outside";
  return text;
}

std::string descriptor_name(std::string_view logged, std::string_view process) {
  const std::size_t mark = logged.rfind('#');
  if (logged.starts_with('/') || logged.starts_with("$CWD")) {
    // A temporary name at the very end keeps its number, as it stands for the name itself.
    const bool counts = mark != std::string_view::npos && mark + 1 < logged.size() &&
                        ordinal_size(logged.substr(mark + 1)) == logged.size() - mark - 1 &&
                        !logged.substr(0, mark).ends_with("tmp");
    return object_name(counts ? logged.substr(0, mark) : logged, process);
  }
  return std::string(logged.substr(0, logged.find('#')));
}

PathClass class_of_path(std::string_view path) {
  if (path == "/dev/null" || path == "/dev/zero" || path == "/dev/full") return PathClass::kNothing;
  if (starts_with_any(path, kRuntime)) return PathClass::kRuntime;
  if (is_interpreter_library(path)) return PathClass::kRuntime;
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (!starts_with_any(path, kLibraryPlaces)) return PathClass::kPlain;
  const bool is_library = name.find(".so") != std::string_view::npos ||
                          path.find("/gconv/") != std::string_view::npos ||
                          path.find("/locale/") != std::string_view::npos;
  return is_library ? PathClass::kRuntime : PathClass::kPlain;
}

Risk risk_of(Kind kind, std::string_view object) {
  const Risk usual = row_of(kind).risk;
  switch (kind) {
    case Kind::kExec:
    case Kind::kExecFailed:
      return risk_of_program(object);
    case Kind::kConnect:
    case Kind::kSendTo:
      return is_local(object) ? Risk::kMedium : usual;
    case Kind::kFileRead:
    case Kind::kListDirectory:
    case Kind::kMissing:
      return contains_any(object, kSecrets) ? Risk::kHigh : usual;
    case Kind::kSignalSent:
      return object.ends_with(" itself") ? Risk::kLow : usual;
    case Kind::kIoctl:
      return object.starts_with("TIOCSTI")                        ? Risk::kHigh
             : object.find(" on /dev/") != std::string_view::npos ? Risk::kMedium
                                                                  : usual;
    case Kind::kSocket:
      return object.starts_with("packet") || object.find("raw") != std::string_view::npos
                 ? Risk::kHigh
                 : usual;
    default:
      return is_change(kind) ? risk_of_change(kind, object) : usual;
  }
}

}  // namespace tc::behaviour
