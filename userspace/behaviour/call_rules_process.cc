// Files, programs, memory, privileges and devices; sockets are in call_rules_network.cc.
#include <algorithm>
#include <array>

#include "behaviour/call_rules.h"
#include "behaviour/log.h"
#include "behaviour/object_name.h"

namespace tc::behaviour {
namespace {

using Json = nlohmann::json;

// What reading it means; nothing for /dev/null.
void tell_of_path(const CallContext& context, Kind kind, const std::string& path) {
  const PathClass path_class = class_of_path(path);
  if (path.empty() || path_class == PathClass::kNothing) return;
  // A library that was not where the loader looked.
  const bool search = kind == Kind::kMissing && program_name(path).find(".so") != std::string::npos;
  context.tell(kind, path, path_class == PathClass::kRuntime || search);
}

bool is_missing(std::string_view failure) { return failure == "ENOENT" || failure == "ENOTDIR"; }

std::string open_flags(const CallContext& context) {
  const Json* how = context.value("how");
  if (how == nullptr || !how->is_object()) return context.argument("flags");
  const auto flags = how->find("flags");
  return flags != how->end() && flags->is_string() ? flags->get<std::string>() : std::string();
}

}  // namespace

void tell_open(const CallContext& context) {
  const std::string failure = context.failure();
  const std::string path = context.file();
  const std::string flags = open_flags(context);
  if (is_missing(failure)) return tell_of_path(context, Kind::kMissing, path);
  if (!failure.empty()) return;
  const bool is_creat = flags.empty() && context.value("flags") == nullptr;
  const bool writes = is_creat || contains_flag(flags, "O_WRONLY") ||
                      contains_flag(flags, "O_RDWR") || contains_flag(flags, "O_TRUNC");
  if (contains_flag(flags, "O_TMPFILE"))
    return context.tell(Kind::kFileCreate, path + "/ (without a name)");
  const bool creates = contains_flag(flags, "O_CREAT") && contains_flag(flags, "O_EXCL");
  if (creates) return context.tell(Kind::kFileCreate, path);
  if (writes) {
    if (class_of_path(path) != PathClass::kNothing) context.tell(Kind::kFileWrite, path);
    return;
  }
  // Directories are told when they are listed; O_PATH only names.
  if (contains_flag(flags, "O_DIRECTORY") || contains_flag(flags, "O_PATH")) return;
  tell_of_path(context, Kind::kFileRead, path);
}

void tell_list(const CallContext& context) {
  tell_of_path(context, Kind::kListDirectory, context.descriptor("fd"));
}

void tell_symlink(const CallContext& context) {
  // Where the target is taken for a path, too, it is the first of two.
  const std::string second = context.file2();
  const std::string link = second.empty() ? context.file() : second;
  context.tell(Kind::kFileLink, link + " -> " + context.argument("oldname"));
}

void tell_unlinkat(const CallContext& context) {
  const bool directory =
      context.has_flag("flag", "AT_REMOVEDIR") || context.has_flag("flags", "AT_REMOVEDIR");
  context.tell(directory ? Kind::kRemoveDirectory : Kind::kFileDelete, context.file());
}

void tell_exec(const CallContext& context) {
  const std::string failure = context.failure();
  if (failure.empty()) return;  // told by process_exec
  const std::string path = context.file();
  // A search along PATH.
  if (is_missing(failure)) return context.tell(Kind::kMissing, path, true);
  context.tell(Kind::kExecFailed, path + " " + failure);
}

void tell_write(const CallContext& context) {
  const std::string where = context.descriptor("fd");
  if (where == "stdout" || where == "stderr") return context.tell(Kind::kStream, where, true);
  if (where.starts_with("socket")) tell_send(context);
}

void tell_mapping(const CallContext& context) {
  if (context.has_flag("prot", "PROT_EXEC") && context.has_flag("prot", "PROT_WRITE"))
    context.tell(Kind::kMemory, "writable+executable");
}

void tell_protection(const CallContext& context) {
  if (!context.has_flag("prot", "PROT_EXEC")) return;
  context.tell(Kind::kMemory,
               context.has_flag("prot", "PROT_WRITE") ? "writable+executable" : "made executable");
}

void tell_clone(const CallContext& context) {
  std::string flags = context.argument("clone_flags");
  if (const Json* arguments = context.value("uargs"); arguments != nullptr && flags.empty()) {
    const auto found = arguments->is_object() ? arguments->find("flags") : arguments->end();
    if (found != arguments->end() && found->is_string()) flags = found->get<std::string>();
  }
  std::string spaces;
  std::string_view rest = flags;
  while (!rest.empty()) {
    const std::size_t end = rest.find('|');
    const std::string_view flag = rest.substr(0, end);
    if (flag.starts_with("CLONE_NEW")) spaces.append(spaces.empty() ? "" : "|").append(flag);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  if (!spaces.empty()) context.tell(Kind::kNamespace, "clone " + spaces);
}

void tell_prctl(const CallContext& context) {
  static constexpr std::array<std::string_view, 10> kOptions = {
      "PR_CAPBSET_DROP",   "PR_CAP_AMBIENT",        "PR_SET_DUMPABLE", "PR_SET_KEEPCAPS",
      "PR_SET_MM",         "PR_SET_NO_NEW_PRIVS",   "PR_SET_PTRACER",  "PR_SET_SECCOMP",
      "PR_SET_SECUREBITS", "PR_SET_CHILD_SUBREAPER"};
  const std::string option = context.argument("option");
  if (std::find(kOptions.begin(), kOptions.end(), option) != kOptions.end())
    context.tell(Kind::kPrivilege, "prctl " + option);
}

void tell_personality(const CallContext& context) {
  const std::string persona = context.argument("personality");
  // Only asked for.
  if (persona == "0xffffffff" || persona == "4294967295" || persona == "-1") return;
  context.tell(Kind::kPrivilege, "personality " + persona);
}

void tell_limit(const CallContext& context) {
  const Json* limit = context.value("new_rlim");
  if (limit != nullptr && limit->is_object())
    context.tell(Kind::kResource, "limit " + context.argument("resource"));
}

void tell_ioctl(const CallContext& context) {
  // Questions, and switches of the descriptor itself.
  static constexpr std::array<std::string_view, 14> kHarmless = {
      "BLKGETSIZE64", "BLKSSZGET", "FIOASYNC",      "FIOCLEX",         "FIONBIO",
      "FIONCLEX",     "FIONREAD",  "FS_IOC_FIEMAP", "FS_IOC_GETFLAGS", "TCGETS",
      "TCGETS2",      "TIOCGPGRP", "TIOCGWINSZ",    "TIOCOUTQ"};
  const std::string command = context.argument("cmd");
  const std::string where = context.descriptor("fd");
  if (command.starts_with("SIOCG") || command == "TIOCINQ" ||
      std::find(kHarmless.begin(), kHarmless.end(), command) != kHarmless.end())
    return;
  const bool is_file = where.starts_with('/') || where.starts_with("$CWD");
  const bool is_device = where.starts_with("/dev/");
  context.tell(Kind::kIoctl, command + " on " + (is_file && !is_device ? "file" : where));
}

}  // namespace tc::behaviour
