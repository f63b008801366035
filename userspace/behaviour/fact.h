// Fact: one effect that a program has on the world outside its own memory, in a form that two runs
// share: by program, not by process; no numbers that differ from run to run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace tc::behaviour {

enum class Risk : std::uint8_t { kLow, kMedium, kHigh };

enum class Kind : std::uint8_t {
  kExec,
  kExecFailed,
  kConnect,
  kSendTo,
  kListen,
  kAccept,
  kBind,
  kSocket,
  kPrivilege,
  kNamespace,
  kMount,
  kKernelFeature,
  kMemory,
  kDenied,
  kFileRead,
  kFileWrite,
  kFileCreate,
  kFileDelete,
  kFileRename,
  kFileLink,
  kFileMode,
  kFileOwner,
  kFileTruncate,
  kFileTimes,
  kFileAttributes,
  kMakeDirectory,
  kRemoveDirectory,
  kListDirectory,
  kMissing,
  kIoctl,
  kIpc,
  kResource,
  kSignalSent,
  kSignalReceived,
  kStream,
  kKilled,
  kExit,
  kSyscall,
};

struct KindRow {
  Kind kind;
  std::string_view name;   // as it stands in files and reports
  std::string_view group;  // under which heading a report tells it
  Risk risk;               // where nothing about the object says otherwise
};
const KindRow& row_of(Kind kind);
const KindRow* find_kind(std::string_view name);

std::string_view risk_name(Risk risk);
std::optional<Risk> find_risk(std::string_view name);

struct Fact {
  Kind kind = Kind::kExit;
  std::string object;   // bytes: may hold names of files
  std::string subject;  // the program
  Risk risk = Risk::kLow;
  // What a C library does by itself, or what shows elsewhere anyhow: told apart, never decides.
  bool background = false;
  // The first record of it.
  std::uint64_t line = 0;  // 0: none
  std::string record = {};

  // "connect inet 203.0.113.7:443 tcp"
  std::string text() const;
  // The same fact in another run: kind, object and program are equal.
  bool operator<(const Fact& other) const;
  bool operator==(const Fact& other) const;
};

using FactSet = std::set<Fact>;

// 16 digits that name the fact wherever it is found.
std::string fact_id(const Fact& fact);

// "id" for "/usr/bin/id".
std::string program_name(std::string_view path);

}  // namespace tc::behaviour
