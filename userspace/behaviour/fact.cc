#include "behaviour/fact.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/result.h"
#include "json/digest.h"

namespace tc::behaviour {
namespace {

/* clang-format off */
constexpr std::array kKinds = {
    KindRow{Kind::kExec, "exec", "programs", Risk::kMedium},
    KindRow{Kind::kExecFailed, "exec-failed", "programs", Risk::kMedium},
    KindRow{Kind::kConnect, "connect", "network", Risk::kHigh},
    KindRow{Kind::kSendTo, "send-to", "network", Risk::kHigh},
    KindRow{Kind::kListen, "listen", "network", Risk::kMedium},
    KindRow{Kind::kAccept, "accept", "network", Risk::kMedium},
    KindRow{Kind::kBind, "bind", "network", Risk::kLow},
    KindRow{Kind::kSocket, "socket", "network", Risk::kMedium},
    KindRow{Kind::kPrivilege, "privilege", "privileges", Risk::kHigh},
    KindRow{Kind::kNamespace, "namespace", "privileges", Risk::kHigh},
    KindRow{Kind::kMount, "mount", "privileges", Risk::kHigh},
    KindRow{Kind::kKernelFeature, "kernel-feature", "privileges", Risk::kHigh},
    KindRow{Kind::kMemory, "memory", "memory", Risk::kMedium},
    KindRow{Kind::kDenied, "denied", "denied", Risk::kMedium},
    KindRow{Kind::kFileRead, "file read", "files", Risk::kLow},
    KindRow{Kind::kFileWrite, "file write", "files", Risk::kMedium},
    KindRow{Kind::kFileCreate, "file create", "files", Risk::kMedium},
    KindRow{Kind::kFileDelete, "file delete", "files", Risk::kMedium},
    KindRow{Kind::kFileRename, "file rename", "files", Risk::kMedium},
    KindRow{Kind::kFileLink, "file link", "files", Risk::kMedium},
    KindRow{Kind::kFileMode, "file chmod", "files", Risk::kMedium},
    KindRow{Kind::kFileOwner, "file chown", "files", Risk::kMedium},
    KindRow{Kind::kFileTruncate, "file truncate", "files", Risk::kMedium},
    KindRow{Kind::kFileTimes, "file times", "files", Risk::kLow},
    KindRow{Kind::kFileAttributes, "file attributes", "files", Risk::kMedium},
    KindRow{Kind::kMakeDirectory, "file mkdir", "files", Risk::kMedium},
    KindRow{Kind::kRemoveDirectory, "file rmdir", "files", Risk::kMedium},
    KindRow{Kind::kListDirectory, "file list", "files", Risk::kLow},
    KindRow{Kind::kMissing, "file missing", "files", Risk::kLow},
    KindRow{Kind::kIoctl, "ioctl", "devices", Risk::kLow},
    KindRow{Kind::kIpc, "ipc", "processes", Risk::kLow},
    KindRow{Kind::kResource, "resource", "processes", Risk::kLow},
    KindRow{Kind::kSignalSent, "signal-sent", "processes", Risk::kMedium},
    KindRow{Kind::kSignalReceived, "signal-received", "processes", Risk::kLow},
    KindRow{Kind::kStream, "stream", "processes", Risk::kLow},
    KindRow{Kind::kKilled, "killed", "processes", Risk::kMedium},
    KindRow{Kind::kExit, "exit", "processes", Risk::kLow},
    KindRow{Kind::kSyscall, "syscall", "calls", Risk::kLow},
};
/* clang-format on */

constexpr std::array<std::string_view, 3> kRisks = {"low", "medium", "high"};

constexpr bool are_in_order() {
  for (std::size_t i = 0; i < kKinds.size(); ++i)
    if (kKinds[i].kind != static_cast<Kind>(i)) return false;
  return kKinds.size() == static_cast<std::size_t>(Kind::kSyscall) + 1;
}
static_assert(are_in_order());

}  // namespace

const KindRow& row_of(Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

const KindRow* find_kind(std::string_view name) {
  const auto* row = std::find_if(kKinds.begin(), kKinds.end(),
                                 [&](const KindRow& it) { return it.name == name; });
  return row == kKinds.end() ? nullptr : row;
}

std::string_view risk_name(Risk risk) { return kRisks[static_cast<std::size_t>(risk)]; }

std::optional<Risk> find_risk(std::string_view name) {
  const auto* found = std::find(kRisks.begin(), kRisks.end(), name);
  if (found == kRisks.end()) return std::nullopt;
  return static_cast<Risk>(found - kRisks.begin());
}

std::string Fact::text() const {
  std::string text(row_of(kind).name);
  if (!object.empty()) text.append(" ").append(object);
  return text;
}

bool Fact::operator<(const Fact& other) const {
  return std::tie(kind, object, subject) < std::tie(other.kind, other.object, other.subject);
}

bool Fact::operator==(const Fact& other) const {
  return std::tie(kind, object, subject) == std::tie(other.kind, other.object, other.subject);
}

std::string fact_id(const Fact& fact) {
  json::Sha256 digest;
  digest.update(row_of(fact.kind).name);
  digest.update(std::string_view("\0", 1));
  digest.update(fact.object);
  digest.update(std::string_view("\0", 1));
  digest.update(fact.subject);
  return digest.hex().substr(0, 16);
}

std::string program_name(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace tc::behaviour
